import { it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { describe, expect } from "vitest"
import * as Framer from "./Framer.ts"

const lines = (framer: Framer.Framer, chunks: Iterable<Buffer>): Array<string> => {
  const out: Array<string> = []
  for (const chunk of chunks) for (const line of framer.push(chunk).lines) out.push(line.toString("utf8"))
  const rest = framer.end()
  return rest === undefined ? out : [...out, rest.toString("utf8")]
}
const pieces = (bytes: Buffer, sizes: ReadonlyArray<number>) => {
  const out: Array<Buffer> = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    out.push(Buffer.from(bytes.subarray(at, at + size)))
    at += size
  }
  return out
}
const text = fc.stringOf(fc.oneof(fc.fullUnicode(), fc.constantFrom("\u2028", "\r", "\f", "\u0085", "😀", "\0")), {
  maxLength: 30
})

describe("Framer", () => {
  it("P3 any text in any chunking gives the same lines, split at 0x0A only", () => {
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (texts, sizes) => {
          const clean = texts.map((each) => each.replaceAll("\n", " "))
          const bytes = Buffer.from(clean.map((each) => `${each}\n`).join(""))
          expect(lines(Framer.make(), pieces(bytes, sizes))).toEqual(clean)
          expect(lines(Framer.make(), pieces(bytes, [1]))).toEqual(clean)
          expect(lines(Framer.make(), [bytes])).toEqual(clean)
        }
      ),
      { numRuns: 300, seed: 1 }
    )
  })

  it("P3 the bytes after the last 0x0A are the last line", () => {
    expect(lines(Framer.make(), [Buffer.from("a\n\nb")])).toEqual(["a", "", "b"])
    expect(lines(Framer.make(), [Buffer.from("a\n")])).toEqual(["a"])
  })

  it("P3 a line at the limit passes; one byte more is an overflow after the lines before it, and then nothing", () => {
    for (const size of [1, 3, 100]) {
      const framer = Framer.make(8)
      const seen: Array<string> = []
      let overflow: Framer.Framed["overflow"]
      for (const chunk of pieces(Buffer.from("12345678\nab\n123456789\nlost\n"), [size])) {
        const framed = framer.push(chunk)
        seen.push(...framed.lines.map(String))
        overflow ??= framed.overflow
      }
      expect(seen).toEqual(["12345678", "ab"])
      expect(overflow?.bytes).toBe(9)
      expect(overflow?.head.toString()).toBe("123456789")
      expect(framer.end()).toBeUndefined()
    }
  })

  it("P3 a line of 30 MiB in small chunks costs time linear in its length", () => {
    const framer = Framer.make()
    const chunk = Buffer.alloc(4096, 0x61)
    const began = process.cpuUsage()
    for (let i = 0; i < 7680; i++) framer.push(chunk)
    expect(framer.push(Buffer.from("\n")).lines[0]?.length).toBe(30 * 1024 * 1024)
    const { user, system } = process.cpuUsage(began)
    // CPU time, in microseconds. Copying the line for each chunk would take minutes.
    expect(user + system).toBeLessThan(10_000_000)
  })
})
