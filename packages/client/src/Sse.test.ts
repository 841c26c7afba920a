import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import type { EventSourceMessage } from "eventsource-parser"
import * as Sse from "./Sse.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

const line = FastCheck.string({ unit: "binary", maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/g, "é"))
const frame = FastCheck.record({
  // The specification ignores an id with U+0000.
  id: FastCheck.option(line.filter((text) => !text.startsWith(" ") && !text.includes("\0"))),
  event: FastCheck.constantFrom("message", "caught-up", "bye"),
  data: FastCheck.array(line, { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n")),
  ending: FastCheck.constantFrom("\n", "\r\n"),
  comment: FastCheck.boolean()
})

const write = (frames: ReadonlyArray<typeof frame extends FastCheck.Arbitrary<infer A> ? A : never>) =>
  frames
    .map(({ comment, data, ending, event, id }) =>
      [
        ...(comment ? [": still here", "retry: 10"] : []),
        ...(id === null ? [] : [`id: ${id}`]),
        ...(event === "message" ? [] : [`event: ${event}`]),
        ...data.split("\n").map((text) => `data: ${text}`),
        ""
      ]
        .map((text) => text + ending)
        .join("")
    )
    .join("")

describe("Sse", () => {
  it("D2 the frames are the same wherever the bytes are cut", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(frame, { maxLength: 8 }),
        FastCheck.array(FastCheck.nat(30), { minLength: 1 }),
        (frames, cuts) => {
          const all = bytes(write(frames))
          const parser = Sse.make(1_000)
          const got: Array<EventSourceMessage> = []
          for (let at = 0, n = 0; at < all.length; n++) {
            const size = cuts[n % cuts.length] ?? 0
            const end = n % cuts.length === 0 ? at + Math.max(1, size) : at + size
            got.push(...(parser.push(all.subarray(at, end)) ?? []))
            at = end
          }
          expect(got).toEqual(
            frames.map(({ data, event, id }) => ({ id: id ?? undefined, event: event === "message" ? undefined : event, data }))
          )
        }
      ),
      { numRuns: 500, seed: 2 }
    )
  })

  it("D5 an id applies to its own frame only; a frame without data is ignored", () => {
    const parser = Sse.make(1_000)
    expect(parser.push(bytes("id: a\ndata: 1\n\ndata: 2\n\nid: b\n\nevent: x\ndata:\n\ndata: cut off"))).toEqual([
      { id: "a", event: undefined, data: "1" },
      { id: undefined, event: undefined, data: "2" },
      { id: undefined, event: "x", data: "" }
    ])
  })

  it("P4 an incomplete frame has a limit", () => {
    const parser = Sse.make(12)
    expect(parser.push(bytes("data: 0123456789\n\ndata: 01234"))).toEqual([
      { id: undefined, event: undefined, data: "0123456789" }
    ])
    expect(parser.push(bytes("data: 0123456789"))).toBeUndefined()
  })

  it("D2 parses one byte at a time, with code points of every length", () => {
    const text = "data: a é 水 🌊\n\n"
    const parser = Sse.make(1_000)
    const got = Array.from(bytes(text)).flatMap((byte) => parser.push(Uint8Array.of(byte)) ?? [])
    expect(got).toEqual([{ id: undefined, event: undefined, data: "a é 水 🌊" }])
  })
})
