import { describe, expect, it, vi } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import * as Segment from "./Segment.ts"

/** The possible texts of a column: any text without lone surrogates, JSON or not. */
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
        const parts = rows.map(({ json }) => Buffer.from(json))
        const columns = {
          offsets: rows.map(({ offset }) => offset),
          streams: rows.map(({ stream }) => stream),
          versions: rows.map(({ version }) => version),
          types: rows.map(({ type }) => type),
          sizes: parts.map(({ byteLength }) => byteLength),
          content: parts
        }
        const damaged = rows.flatMap(({ offset, valid }) => (valid ? [] : [offset]))
        expect(Segment.firstDifference(Segment.encode(first, last, rows), first, last, columns, damaged)).toBeUndefined()
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

  it("L13 a segment is verified against every column of the rows that it replaces", () => {
    const columns: Segment.Columns = {
      offsets: [1, 3, 4],
      streams: [7, 7, 8],
      versions: [1, 2, 1],
      types: ["item.delta", "item.delta", "turn.started"],
      sizes: [8, 9, 5],
      content: [Buffer.from('{"n":"é'), Buffer.from('{"n":"\u00ff"'), Buffer.from([0x7b, 0xff, 0x22, 0x31, 0x7d])]
    }
    const { content } = Segment.encodeColumns(1, 4, columns, [4])
    const found = ({ damaged = [4], ...changed }: Partial<Segment.Columns & Pick<Segment.Encoded, "damaged">>) =>
      Segment.firstDifference(content, 1, 4, { ...columns, ...changed }, damaged)
    expect(found({})).toBeUndefined()
    expect(found({ streams: [7, 7, 7] })).toBe(4)
    expect(found({ versions: [1, 3, 1] })).toBe(3)
    expect(found({ types: ["item.delta", "item.x", "turn.started"] })).toBe(3)
    expect(found({ damaged: [] })).toBe(4)
    expect(found({ offsets: [1, 2, 4] })).toBe(2)
    expect(found({ content: [...columns.content.slice(0, 2), Buffer.from([0x7b, 0xfe, 0x22, 0x31, 0x7d])] })).toBe(4)
    expect(found({ offsets: [1, 3], streams: [7, 7], versions: [1, 2], types: columns.types.slice(0, 2), sizes: [8, 9] })).toBe(4)
  })

  it("L13 the damaged events of a run are found as if each JSON was parsed, whatever byte of it is wrong", () => {
    const isJson = (json: string): boolean => {
      try {
        JSON.parse(json)
        return true
      } catch {
        return false
      }
    }
    const drawn = FastCheck.sample(
      FastCheck.array(
        FastCheck.record({
          said: FastCheck.oneof(text, FastCheck.constantFrom('\\"', "words", "\u0001")),
          at: FastCheck.nat({ max: 250 }),
          wrong: FastCheck.constantFrom("", "", "", "\u0000", '"', "\\", "x", "}", "\\u12", "\n"),
          cut: FastCheck.nat({ max: 9 })
        }),
        { minLength: 2, maxLength: 40 }
      ),
      { numRuns: 400, seed: 31 }
    )
    let found = 0
    for (const events of drawn) {
      const texts = events.map(({ at, cut, said, wrong }, i) => {
        const head = { offset: i + 1, stream: "thread/a", version: i + 1, type: "item.delta", at: "2026-11-20T09:00:00.000Z" }
        const json = JSON.stringify({ ...head, data: { itemId: "itm_1", text: said } })
        const whole = wrong === "" ? json : json.slice(0, at) + wrong + json.slice(at + 1)
        return Buffer.from(cut === 0 ? whole.slice(0, at) : whole).toString("latin1")
      })
      const columns: Segment.Columns = {
        offsets: texts.map((_, i) => i + 1),
        streams: texts.map(() => 7),
        versions: texts.map((_, i) => i + 1),
        types: texts.map(() => "item.delta"),
        sizes: texts.map((json) => json.length),
        content: texts.map((json) => Buffer.from(json, "latin1"))
      }
      const { content, damaged } = Segment.encodeColumns(1, texts.length, columns, isJson)
      expect(damaged).toEqual(texts.flatMap((json, i) => (isJson(json) ? [] : [i + 1])))
      expect(Segment.firstDifference(content, 1, texts.length, columns, damaged)).toBeUndefined()
      found += damaged.length
    }
    expect(found).toBeGreaterThan(500)
  })

  it("L13 a segment of a megabyte is written and verified without a text that V8 handles slowly", () => {
    const rows = Array.from({ length: 900 }, (_, n): Segment.Row => {
      const event = { offset: n + 1, version: n + 1, at: "2026-11-20T09:00:00.000Z", data: { text: `${n} `.repeat(250) } }
      return { offset: n + 1, stream: n % 3, version: n + 1, type: "item.delta", json: JSON.stringify(event), valid: true }
    })
    const content = rows.map(({ json }) => Buffer.from(json))
    const columns = {
      offsets: rows.map(({ offset }) => offset),
      streams: rows.map(({ stream }) => stream),
      versions: rows.map(({ version }) => version),
      types: rows.map(({ type }) => type),
      sizes: content.map(({ byteLength }) => byteLength),
      content
    }
    const from = vi.spyOn(Buffer, "from")
    const toString = vi.spyOn(Buffer.prototype, "toString")
    const encoded = Segment.encodeColumns(1, 900, columns, () => true)
    const difference = Segment.firstDifference(encoded.content, 1, 900, columns, encoded.damaged)
    const lengths = [
      ...from.mock.calls.map(([text]) => (typeof text === "string" ? String(text).length : 0)),
      ...toString.mock.results.map(({ value }) => String(value).length)
    ]
    vi.restoreAllMocks()
    expect(difference).toBeUndefined()
    expect(encoded.content.byteLength).toBeGreaterThan(800_000)
    expect(lengths.length).toBeGreaterThan(900)
    expect(Math.max(...lengths)).toBeLessThan(128 * 1024)
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

  it("L13 events with shared templates come back byte for byte, whatever their times and texts", async () => {
    const time = FastCheck.oneof(
      FastCheck.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true }).map((at) =>
        at.toISOString()
      ),
      FastCheck.integer({ min: 0, max: 200_000 }).map((millis) => new Date(1.8e12 + millis).toISOString()),
      FastCheck.constantFrom(
        "2026-02-30T09:00:00.000Z",
        "2026-11-20T09:00:60.000Z",
        "2026-11-20T09:00:1e9999Z",
        "+02026-11-20T09:00:00.00Z",
        "now"
      )
    )
    const said = FastCheck.oneof(
      text,
      FastCheck.constantFrom('","at":"', '"text":"', '\\"}}', '"version":1', "words ".repeat(30))
    )
    const drawn = FastCheck.sample(
      FastCheck.array(
        FastCheck.record({
          at: time,
          stream: FastCheck.nat({ max: 2 }),
          skip: FastCheck.nat({ max: 1 }),
          type: FastCheck.constantFrom("item.delta", "item.completed", "turn.requested"),
          data: FastCheck.oneof(
            FastCheck.record({ itemId: FastCheck.constantFrom("a", "b"), text: said }),
            FastCheck.record({ output: said, text: said, status: FastCheck.constant("completed") }),
            FastCheck.record({ output: said, code: FastCheck.nat() }),
            FastCheck.constantFrom(null, {}, { text: 1 })
          ),
          other: FastCheck.nat({ max: 9 })
        }),
        { minLength: 1, maxLength: 80 }
      ),
      { numRuns: 300, seed: 29 }
    )
    for (const events of drawn) {
      const versions = [0, 0, 0]
      const rows = events.map(({ at, data, other, skip, stream, type }, i): Segment.Row => {
        const version = (versions[stream]! += 1 + skip)
        // One in ten does not have the offset and the version of its row.
        const event = {
          offset: 95 + i + (other === 0 ? 1 : 0),
          stream: `thread/é${stream}`,
          version: version + (other === 1 ? 1 : 0),
          type,
          at,
          epoch: 1,
          data
        }
        return { offset: 95 + i, stream, version, type, json: JSON.stringify(event), valid: true }
      })
      const segment = Segment.open(await pack(95, 94 + rows.length, rows))
      if (segment instanceof Segment.Damaged) throw new Error(segment.reason)
      expect(rows.map(({ offset }) => segment.row(offset))).toEqual(rows)
      expect(segment.bytes).toBe(rows.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0))
    }
  })

  it("L13 the content of 1,000 deltas is small: their text, and little else", () => {
    const rows = Array.from({ length: 1_000 }, (_, i): Segment.Row => {
      const stream = i % 20
      const version = 1 + Math.floor(i / 20)
      const at = new Date(1.8e12 + i * 7).toISOString()
      const data = {
        threadId: `thr_${stream}`,
        turnId: `trn_${stream}`,
        itemId: `itm_${stream}`,
        kind: "agent-message",
        text: "some words "
      }
      const event = { offset: i + 1, stream: `thread/thr_${stream}`, version, type: "item.delta", at, epoch: 1, data }
      return { offset: i + 1, stream, version, type: "item.delta", json: JSON.stringify(event), valid: true }
    })
    const { byteLength } = Segment.encode(1, 1_000, rows)
    const json = rows.reduce((sum, row) => sum + row.json.length, 0)
    expect(byteLength).toBeLessThan(json / 4)
    // Whether they are valid JSON is asked for each template only.
    const content = rows.map((row) => Buffer.from(row.json))
    const columns = {
      offsets: rows.map(({ offset }) => offset),
      streams: rows.map(({ stream }) => stream),
      versions: rows.map(({ version }) => version),
      types: rows.map(({ type }) => type),
      sizes: content.map((part) => part.byteLength),
      content
    }
    let asked = 0
    Segment.encodeColumns(1, 1_000, columns, () => ++asked > 0)
    expect(asked).toBe(20)
  })

  it("L13 segments of format 1, which earlier versions wrote, are read, and written as format 2", async () => {
    const json = three.map((one) => one.json).join("")
    const header = JSON.stringify({
      first: 1,
      streams: [7, 8],
      types: ["item.delta"],
      stream: [0, -1, 1],
      version: [1, 0, 3],
      type: [0, 0, 0],
      bytes: [7, 0, 7],
      damaged: [3]
    })
    const length = Buffer.alloc(4)
    length.writeUInt32LE(header.length)
    const content = Buffer.concat([length, Buffer.from(header), Buffer.from(json.slice(0, 14))])
    const segment = Segment.open(await Effect.runPromise(Segment.compress(1, 3, content)))
    if (segment instanceof Segment.Damaged) throw new Error(segment.reason)
    const rows = [three[0], undefined, { ...three[1], offset: 3, stream: 8, version: 3, valid: false }]
    expect([1, 2, 3].map((offset) => segment.row(offset))).toEqual(rows)
    expect(segment.bytes).toBe(14)
    const rewritten = Segment.rewrite(segment, (row) => (row.offset === 3 ? { ...row, json: "{}" } : row))
    const again = Segment.open(await Effect.runPromise(Segment.compress(1, 3, rewritten!)))
    if (again instanceof Segment.Damaged) throw new Error(again.reason)
    expect(again.row(3)?.json).toBe("{}")
    expect(again.row(1)).toEqual(three[0])
  })
})
