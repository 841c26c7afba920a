/** The text of frames is the same as if they had been encoded one by one. */
import { expect, it } from "@effect/vitest"
import type { Page } from "@millrace/log/EventLog"
import * as FrameText from "./FrameText.ts"

const json = (offset: number, text: string) => JSON.stringify({ offset, type: "item.delta", data: { text } })
const page = (texts: ReadonlyArray<string>): Page => {
  const events = texts.map((text, n) => ({
    offset: n + 1,
    stream: "thread/thr_a",
    type: "item.delta",
    json: json(n + 1, text)
  }))
  return { events, after: 0, upTo: events.length, head: events.length, generation: 0 }
}

it("D9 the text of a page is the JSON of its frames", () => {
  for (const texts of [
    ["one"],
    ['"quoted"', "\u2028 \u{1f600} é", "\\ud800"],
    Array.from({ length: 300 }, () => "é".repeat(100))
  ]) {
    const given = page(texts)
    const values = given.events.map(({ json, offset }) => ({ _tag: "event", cursor: `epoch-${offset}`, event: JSON.parse(json) }))
    expect(`[${FrameText.ofPage("epoch", given).toString()}]`).toBe(JSON.stringify(values))
  }
})
