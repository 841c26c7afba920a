/** Server-sent events as received, for tests that compare bytes. */
import type { RawEvent } from "@millrace/testing/RawSse"

/** The events that a subscriber received, and the cursor of `bye`. */
export interface Reader {
  readonly events: ReadonlyArray<RawEvent>
  readonly bye: string | undefined
}

/** The complete frames of a response; a partial one is dropped. */
export const framesOf = (text: string): Reader => {
  const events: Array<RawEvent> = []
  let bye: string | undefined
  for (const frame of text.split("\n\n").slice(0, -1)) {
    const [id, data] = [/^id: (.*)$/m.exec(frame)?.[1], /^data: (.*)$/m.exec(frame)?.[1] ?? ""]
    if (id !== undefined) events.push({ id, data })
    else if (/^event: bye$/m.test(frame)) bye = (JSON.parse(data) as { readonly resumeAfter: string }).resumeAfter
  }
  return { events, bye }
}

/** The lines of an NDJSON response. */
export const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")
