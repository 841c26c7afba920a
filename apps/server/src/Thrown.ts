/** What Node throws: its words, and its code. */

/** For a message to people. */
export const words = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** `ENOENT`, `EADDRINUSE`, ...; undefined when it has none. */
export const codeOf = (cause: unknown): string | undefined =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

/** There is no such file. */
export const isMissing = (cause: unknown): boolean => codeOf(cause) === "ENOENT"
