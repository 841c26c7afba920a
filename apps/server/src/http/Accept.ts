/** What a request accepts. Pure. */

/** Whether the `Accept` header names server-sent events. Media types are case-insensitive (RFC 9110, 8.3.1). */
export const events = (accept: string | ReadonlyArray<string> | undefined): boolean =>
  String(accept ?? "")
    .toLowerCase()
    .includes("text/event-stream")
