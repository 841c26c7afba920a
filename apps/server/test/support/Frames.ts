/** Server-sent events as they came, for tests that compare bytes. */
import type { RawEvent } from "@millrace/testing/RawSse"

/** What a reader has: the events it saw, and the cursor that `bye` gave it. */
export interface Reader {
  readonly events: ReadonlyArray<RawEvent>
  readonly bye: string | undefined
}

/** The frames of an answer; one that did not come whole did not come. */
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

/** The lines of an NDJSON answer. */
export const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")
