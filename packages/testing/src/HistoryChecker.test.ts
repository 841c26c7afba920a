import { describe, expect, it } from "@effect/vitest"
import { type Attach, check, checkLog, type History, type Row, type Seen } from "./HistoryChecker.ts"

const row = (offset: number, stream = "thread/a", type = "item.delta"): Row => ({
  offset,
  stream,
  type,
  json: JSON.stringify({ offset, stream, version: offset, type })
})
const log: ReadonlyArray<Row> = [
  row(1),
  row(2, "thread/b"),
  row(3),
  row(4, "thread/a", "turn.completed"),
  row(5, "thread/b", "thread.deleted")
]
const event = (offset: number): Seen => ({ _tag: "event", offset, json: log[offset - 1]?.json ?? "" })
const events = (...offsets: ReadonlyArray<number>) => offsets.map(event)
const caughtUp = (head: number, replayed?: number): Seen => ({
  _tag: "caught-up",
  head,
  ...(replayed !== undefined && { replayed })
})
const end: Seen = { _tag: "end" }
const bye = (resumeAfter: number): Seen => ({ _tag: "bye", resumeAfter })
const page = (since: number, upTo: number, ...offsets: ReadonlyArray<number>): Seen => ({
  _tag: "page",
  since,
  upTo,
  jsons: offsets.map((offset) => log[offset - 1]?.json ?? "")
})
const attach = (after: number, seen: ReadonlyArray<Seen>, live = false): Attach => ({ after, seen, live })
const history = (attaches: ReadonlyArray<Attach>, stream?: string): History => ({
  reader: "r",
  start: 0,
  attaches,
  ...(stream !== undefined && { stream })
})
const rules = (attaches: ReadonlyArray<Attach>, options: { readonly stream?: string; readonly settled?: boolean } = {}) => [
  ...new Set(check(log, [history(attaches, options.stream)], { settled: options.settled ?? false }).map(({ rule }) => rule))
]

const all = [...events(1, 2, 3), caughtUp(3), ...events(4, 5)]

describe("HistoryChecker", () => {
  it("D2 a history over several connections that equals the log, once and in order, has no violation", () => {
    expect(rules([attach(0, all, true)], { settled: true })).toEqual([])
    expect(
      rules([attach(0, events(1)), attach(1, []), attach(1, [...events(2, 3, 4, 5), caughtUp(5)], true)], { settled: true })
    ).toEqual([])
    expect(rules([attach(0, [page(0, 2, 1, 2), page(2, 5, 3, 4, 5), page(5, 5)])], { settled: true })).toEqual([])
    expect(rules([attach(0, [...events(1, 3), caughtUp(3), ...events(4)], true)], { stream: "thread/a", settled: true })).toEqual(
      []
    )
    expect(rules([attach(0, [...events(2, 5), caughtUp(5), end])], { stream: "thread/b", settled: true })).toEqual([])
  })
  it("D2 the checker names a hole, a repeat, a disorder and a foreign event", () => {
    expect(rules([attach(0, events(1, 3))])).toEqual(["D2 hole"])
    expect(rules([attach(0, events(1)), attach(1, events(1, 2))])).toEqual(["D2 repeat or disorder"])
    expect(rules([attach(0, events(1, 3, 2))])).toEqual(["D2 hole", "D2 repeat or disorder"])
    expect(rules([attach(0, [{ _tag: "event", offset: 1, json: "{}" }])])).toEqual(["D2 differs from the log"])
  })
  it("L14 an event that was delivered before the deletion of its thread may have content, but must have its position", () => {
    const forgotten = (offset: number, version: number, type = "log.forgotten"): Row => {
      const stream = "thread/a"
      return { offset, stream, type, json: JSON.stringify({ offset, stream, version, type, at: "t" }) }
    }
    const now = [forgotten(1, 1), forgotten(2, 2), forgotten(3, 3, "thread.deleted")]
    const seen = (offset: number, version: number): Seen => ({
      _tag: "event",
      offset,
      json: JSON.stringify({ offset, stream: "thread/a", version, type: "item.delta", at: "t", data: "words" })
    })
    const found = (...events: ReadonlyArray<Seen>) =>
      check(now, [history([attach(0, events)])], { settled: false }).map(({ rule }) => rule)
    expect(found(seen(1, 1), seen(2, 2))).toEqual([])
    expect(found(seen(1, 1), { _tag: "event", offset: 2, json: now[1]!.json })).toEqual([])
    expect(found(seen(1, 2))).toEqual(["D2 differs from the log"])
    expect(found(seen(1, 1), seen(1, 1))).toEqual(["D2 repeat or disorder"])
    expect(found(seen(3, 3))).toEqual(["D2 differs from the log"])
  })
  it("L2 the checker names an event that the log does not have", () => {
    expect(rules([attach(0, [...events(1, 2, 3, 4, 5), { _tag: "event", offset: 6, json: "{}" }])])).toEqual([
      "L2 not in the log"
    ])
  })
  it("D5 the checker names a frame id that differs from the id of its event", () => {
    expect(rules([attach(0, [{ _tag: "event", offset: 2, json: log[0]?.json ?? "" }])])).toEqual(["D5 id"])
  })
  it("D13 the checker names a terminal event that a filter dropped, whether it was skipped or is still due", () => {
    expect(rules([attach(0, events(1, 2, 3, 5))])).toEqual(["D2 hole", "D13 terminal lost"])
    expect(rules([attach(0, [...events(1, 3), caughtUp(3)], true)], { stream: "thread/a", settled: true })).toEqual([
      "D1 behind",
      "D13 terminal lost"
    ])
  })
  it("D13 the checker names an end that is early, missing, or followed by frames", () => {
    expect(rules([attach(0, [...events(1), end])])).toEqual(["D13 end"])
    expect(rules([attach(0, [...events(2, 5), caughtUp(5)], true)], { stream: "thread/b", settled: true })).toEqual(["D13 end"])
    expect(rules([attach(0, [...events(2, 5), caughtUp(5), end, caughtUp(5)])], { stream: "thread/b" })).toEqual([
      "D13 end",
      "D6 caught-up twice"
    ])
  })
  it("D6 the checker names a caught-up that is repeated, early, below the delivered offset, wrong in its count, or missing", () => {
    expect(rules([attach(0, [...events(1), caughtUp(1, 1)]), attach(1, [...events(2), caughtUp(2, 1)])])).toEqual([])
    expect(rules([attach(0, [...events(1, 2), caughtUp(2, 1)])])).toEqual(["D6 caught-up count"])
    expect(rules([attach(0, [...events(1), caughtUp(1), caughtUp(1)])])).toEqual(["D6 caught-up twice"])
    expect(rules([attach(0, [...events(1), caughtUp(2)])])).toEqual(["D6 caught-up early"])
    expect(rules([attach(0, [...events(1, 2), caughtUp(1)])])).toEqual(["D6 caught-up early"])
    expect(rules([attach(0, events(1, 2, 3, 4, 5), true)], { settled: true })).toEqual(["D6 caught-up missing"])
  })
  it("D7 the reported skipped events are exact, come after the attach, and include no end; a reader that reconnects gets them", () => {
    const lagged = (from: number, to: number, skipped: number): Seen => ({ _tag: "lagged", from, to, skipped })
    expect(rules([attach(0, [caughtUp(0), ...events(1), lagged(2, 3, 2), ...events(4, 5)])])).toEqual([])
    expect(rules([attach(0, [caughtUp(0), ...events(1), lagged(2, 3, 2)]), attach(1, [...events(2, 3), caughtUp(3)])])).toEqual(
      []
    )
    expect(rules([attach(0, [caughtUp(0), ...events(1), lagged(2, 3, 1)])])).toEqual(["D7 lagged"])
    expect(rules([attach(0, [...events(1), lagged(2, 3, 2), caughtUp(3)])])).toEqual(["D7 lagged"])
    expect(rules([attach(0, [caughtUp(0), ...events(1, 2), lagged(3, 4, 2)])])).toEqual(["D13 terminal lost"])
    expect(rules([attach(0, [caughtUp(0), ...events(1), lagged(2, 2, 1), ...events(4)])])).toContain("D2 hole")
  })
  it("D4 the checker names a header beyond or below its body, and a page over its limit", () => {
    expect(rules([attach(0, [page(0, 3, 1, 2)])])).toEqual(["D4 header beyond body"])
    expect(rules([attach(0, [page(0, 1, 1, 2)])])).toEqual(["D4 header below body"])
    expect(rules([attach(0, [{ ...page(0, 2, 1, 2), limit: 1 } as Seen])])).toEqual(["D4 limit"])
  })
  it("D3 the checker names a cursor that moves back", () => {
    expect(rules([attach(0, [page(0, 2, 1, 2), page(2, 1)])])).toContain("D3 cursor went back")
  })
  it("S3 the checker names a bye that skips or repeats events", () => {
    expect(rules([attach(0, [...events(1), bye(2)])])).toEqual(["S3 bye"])
    expect(rules([attach(0, [...events(1, 2), bye(1)])])).toEqual(["S3 bye"])
  })
  it("L1 the checker names holes in offsets and versions", () => {
    const good = [
      { offset: 1, stream: "s", type: "t", json: '{"offset":1,"stream":"s","version":1}' },
      { offset: 2, stream: "s", type: "t", json: '{"offset":2,"stream":"s","version":2}' }
    ]
    expect(checkLog(good)).toEqual([])
    expect(checkLog(good.slice(1))).toHaveLength(2)
  })
})
