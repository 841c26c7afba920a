import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import * as Segment from "./Segment.ts"

/** What a column may hold: any text without lone surrogates, JSON or not. */
const text = FastCheck.oneof(
  FastCheck.fullUnicodeString({ maxLength: 40 }),
  FastCheck.constantFrom('"', "\\", "\n\r\t", "\u0000", "\u2028", "😀é€", '{"offset":1', "", "{}".repeat(200))
)

const row = FastCheck.record({
  missing: FastCheck.nat({ max: 9 }),
  stream: FastCheck.nat({ max: 3 }),
  version: FastCheck.nat({ max: 2 ** 31 }),
  type: FastCheck.oneof(FastCheck.constant("item.delta"), text),
  json: text,
  valid: FastCheck.boolean()
})

const pack = (first: number, last: number, rows: ReadonlyArray<Segment.Row>) => {
  const content = Segment.encode(first, last, rows)
  return Effect.runPromise(
    Effect.gen(function* () {
      const stored = yield* Segment.compress(first, last, content)
      const here = yield* Segment.compress(first, last, content, "here")
      expect(here).toEqual(stored)
      for (const where of ["pool", "here"] as const)
        expect(content.equals(yield* Segment.contentOf(stored, content.byteLength, where))).toBe(true)
      return stored
    })
  )
}

const three = [1, 2, 3].map((n): Segment.Row => ({
  offset: n,
  stream: 7,
  version: n,
  type: "item.delta",
  json: `{"n":${n}}`,
  valid: true
}))

describe("Segment", () => {
  it("L13 an opened segment has the rows that were packed, byte for byte, and none that was missing", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(row, { minLength: 1, maxLength: 60 }), FastCheck.nat(), async (drawn, before) => {
        const first = before + 1
        const last = before + drawn.length
        const rows = drawn.flatMap(({ missing, ...rest }, i) => (missing === 0 ? [] : [{ ...rest, offset: first + i }]))
        const stored = await pack(first, last, rows)
        const segment = Segment.open(stored)
        if (segment instanceof Segment.Damaged) throw new Error(segment.reason)
        const pooled = await Effect.runPromise(Segment.openInPool(stored))
        if (pooled instanceof Segment.Damaged) throw new Error(pooled.reason)
        expect(drawn.flatMap((_, i) => pooled.row(first + i) ?? [])).toEqual(rows)
        const found = drawn.flatMap((_, i) => segment.row(first + i) ?? [])
        expect(found).toEqual(rows)
        expect(drawn.map((_, i) => segment.streamAt(first + i))).toEqual(
          drawn.map(({ missing, stream }) => (missing === 0 ? undefined : stream))
        )
        for (const [stream, count] of segment.streams) expect(count).toBe(rows.filter((one) => one.stream === stream).length)
      }),
      { numRuns: 200, seed: 17 }
    )
  })

  it("L13 a wrong checksum, codec, offset or length is damage with a reason, never other events", async () => {
    const stored = await pack(1, 3, three)
    const reason = (changed: Partial<Segment.Stored>) => {
      const segment = Segment.open({ ...stored, ...changed })
      return segment instanceof Segment.Damaged ? segment.reason : "none"
    }
    expect(reason({})).toBe("none")
    const wrong = { ...stored, crc: stored.crc ^ 1 }
    expect(await Effect.runPromise(Segment.openInPool(wrong))).toEqual(Segment.open(wrong))
    const flipped = Uint8Array.from(stored.bytes, (byte, i) => (i === 20 ? byte ^ 1 : byte))
    expect(reason({ bytes: flipped })).toBe("its checksum is wrong")
    expect(reason({ bytes: stored.bytes.slice(0, -1) })).toBe("its checksum is wrong")
    expect(reason({ bytes: new Uint8Array() })).toBe("its checksum is wrong")
    expect(reason({ codec: "zstd" })).toContain("zstd")
    expect(reason({ first: 2, last: 4 })).toContain("header")
    expect(reason({ last: 2 })).toContain("header")
    // A checksum that was made after the damage: what is decoded is checked too.
    const other = await pack(1, 3, three.slice(0, 2))
    expect(reason({ ...other, last: 9 })).toContain("header")
  })
})
