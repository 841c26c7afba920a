import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { event, start } from "../../test/support/Fixture.ts"

const offsets = (body: string) => (JSON.parse(body) as Array<{ offset: number }>).map(({ offset }) => offset)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const five = [1, 2, 3, 4, 5].map((n) => event(n))

it.scopedLive("D4 without parameters the whole log is streamed, and the header is its end", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    yield* append(...five)
    const answer = yield* call("/api/events")
    expect(answer.status).toBe(200)
    expect(answer.headers["x-millrace-last-idx"]).toBe("5")
    expect(answer.headers["content-type"]).toContain("application/json")
    expect(offsets(answer.body)).toEqual([1, 2, 3, 4, 5])
  })
)

it.scopedLive("D4 the whole log of several pages is one array, and NDJSON on request", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    for (let n = 0; n < 40; n++)
      yield* append(...range(1, 100).map((one) => event(one, "thread/thr_a", { pad: "x".repeat(2_200) })))
    // More than one page holds (8 MiB).
    const { body } = yield* call("/api/events")
    expect(body.length).toBeGreaterThan(9_000_000)
    expect(offsets(body)).toEqual(range(1, 4000))
    const lines = yield* call("/api/events", { headers: { accept: "application/x-ndjson" } })
    expect(lines.headers["content-type"]).toContain("application/x-ndjson")
    expect(
      lines.body
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { offset: number }).offset)
    ).toEqual(range(1, 4000))
    expect((yield* call("/api/events?stream=thread/thr_b")).body).toBe("[]")
  })
)

it.scopedLive("D4 since and limit bound a page, and the header is the next since", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    yield* append(...five)
    const page = yield* call("/api/events?since=1&limit=2")
    expect([offsets(page.body), page.headers["x-millrace-last-idx"]]).toEqual([[2, 3], "3"])
    const rest = yield* call("/api/events?since=3")
    expect([offsets(rest.body), rest.headers["x-millrace-last-idx"]]).toEqual([[4, 5], "5"])
    const clamped = yield* call("/api/events?since=3&limit=100")
    expect([offsets(clamped.body), clamped.headers["x-millrace-last-idx"]]).toEqual([[4, 5], "5"])
  })
)

it.scopedLive("D3 since at or beyond the head is an empty page whose header is never smaller", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    yield* append(...five)
    for (const since of [5, 6, 1000]) {
      const page = yield* call(`/api/events?since=${since}`)
      expect([page.status, page.body, page.headers["x-millrace-last-idx"]]).toEqual([200, "[]", String(since)])
    }
  })
)

it.scopedLive("D3 a since, limit or wait that is no whole number is rejected by name", () =>
  Effect.gen(function* () {
    const { call } = yield* start()
    for (const query of [
      "since=-1",
      "since=1.5",
      "since=abc",
      "since=",
      "since=99999999999999999999",
      "limit=0",
      "limit=-5",
      "wait=x"
    ]) {
      const answer = yield* call(`/api/events?${query}`)
      expect([query, answer.status]).toEqual([query, 400])
      expect(JSON.parse(answer.body)).toMatchObject({ _tag: "BadRequest", path: query.split("=")[0] })
    }
  })
)

it.scopedLive("D4 chained reads under concurrent appends have no gap and no overlap", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    const writer = Effect.forEach(range(1, 200), (n) => append(event(n), event(n, "thread/thr_b")))
    const reader = Effect.gen(function* () {
      const seen: Array<number> = []
      let since = 0
      while (seen.length < 400) {
        const page = yield* call(`/api/events?since=${since}&limit=7&wait=5`)
        const got = offsets(page.body)
        const next = Number(page.headers["x-millrace-last-idx"])
        expect(got).toEqual(range(since + 1, next))
        seen.push(...got)
        since = next
      }
      return seen
    })
    const [seen] = yield* Effect.all([reader, writer], { concurrency: "unbounded" })
    expect(seen).toEqual(range(1, 400))
  })
)

it.scopedLive("D4 one stream: the header still counts offsets", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    yield* append(event(1), event(2, "thread/thr_b"), event(3), event(4, "thread/thr_b"))
    const page = yield* call("/api/events?since=0&stream=thread/thr_a")
    expect([offsets(page.body), page.headers["x-millrace-last-idx"]]).toEqual([[1, 3], "4"])
    const bad = yield* call("/api/events?stream=nonsense")
    expect([bad.status, JSON.parse(bad.body)]).toMatchObject([400, { path: "stream" }])
  })
)

it.scopedLive("D10 a page ends at its byte budget and says how far it went", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    const pad = "x".repeat(100_000)
    for (let n = 0; n < 100; n++) yield* append(event(n, "thread/thr_a", { pad }))
    const page = yield* call("/api/events?since=0")
    const upTo = Number(page.headers["x-millrace-last-idx"])
    expect(page.body.length).toBeLessThanOrEqual(8 * 1024 * 1024)
    expect(upTo).toBeGreaterThan(50)
    expect(upTo).toBeLessThan(100)
    expect(offsets(page.body)).toEqual(range(1, upTo))
  })
)

it.scopedLive("D6 a long-poll waits for the next event and answers with it", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    yield* append(...five)
    const waiting = yield* Effect.fork(call("/api/events?since=5&wait=30"))
    const other = yield* Effect.fork(call("/api/events?since=5&wait=30&stream=thread/thr_b"))
    yield* append(event(6))
    const page = yield* waiting
    expect([offsets(page.body), page.headers["x-millrace-last-idx"]]).toEqual([[6], "6"])
    yield* append(event(7, "thread/thr_b"))
    expect(offsets((yield* other).body)).toEqual([7])
    const empty = yield* call("/api/events?since=7&wait=1")
    expect([empty.body, empty.headers["x-millrace-last-idx"]]).toEqual(["[]", "7"])
  })
)

const foreign = `${"0".repeat(26)}-1`

it.scopedLive("D3 the outcomes of a cursor are a closed set, on JSON and on SSE", () =>
  Effect.gen(function* () {
    const { append, call, log } = yield* start()
    yield* append(...five)
    for (const accept of ["application/json", "application/x-ndjson", "text/event-stream"]) {
      const ask = (cursor: string) => call(`/api/events?after=${cursor}`, { headers: { accept } })
      for (const malformed of ["", "5", "x-5", `${log.epoch}-`, `${log.epoch}--1`, `${log.epoch}-1.5`, `${log.epoch}-01`]) {
        const answer = yield* ask(malformed)
        expect([malformed, answer.status, JSON.parse(answer.body)]).toMatchObject([malformed, 400, { _tag: "CursorMalformed" }])
      }
      const answers = { foreign: yield* ask(foreign), ahead: yield* ask(`${log.epoch}-6`) }
      expect([answers.foreign.status, JSON.parse(answers.foreign.body)]).toMatchObject([
        409,
        { _tag: "CursorForeign", logEpoch: log.epoch, head: 5 }
      ])
      expect([answers.ahead.status, JSON.parse(answers.ahead.body)]).toMatchObject([
        409,
        { _tag: "CursorAhead", logEpoch: log.epoch, head: 5 }
      ])
    }
    const page = yield* call(`/api/events?after=${log.epoch}-3&since=0`)
    expect([offsets(page.body), page.headers["x-millrace-cursor"]]).toEqual([[4, 5], `${log.epoch}-5`])
  })
)

it.scopedLive("D9 the bytes of an event equal the committed ones", () =>
  Effect.gen(function* () {
    const { append, call, log } = yield* start()
    yield* append(event(1, "thread/thr_a", { text: "a\nb  ü 💧 \u2028", zero: 0 }))
    const stored = (yield* Effect.orDie(log.read({ after: 0 }))).events[0]?.json
    expect((yield* call("/api/events?since=0")).body).toBe(`[${stored}]`)
  })
)

it.scopedLive("D3 a cursor below retention is expired, on JSON and on SSE, and the whole log begins above it", () =>
  Effect.gen(function* () {
    const { append, call, log } = yield* start({ retained: 3 })
    yield* append(...five)
    for (const accept of ["application/json", "application/x-ndjson", "text/event-stream"]) {
      for (const query of [`after=${log.epoch}-2`, "since=2"]) {
        const answer = yield* call(`/api/events?${query}`, { headers: { accept } })
        expect([query, answer.status, JSON.parse(answer.body)]).toMatchObject([
          query,
          410,
          { _tag: "CursorExpired", logEpoch: log.epoch, head: 5 }
        ])
      }
    }
    expect(offsets((yield* call(`/api/events?after=${log.epoch}-3`)).body)).toEqual([4, 5])
    expect(offsets((yield* call("/api/events")).body)).toEqual([4, 5])
  })
)

it.scopedLive(
  "D4 L14 a closed range has a strong ETag and 304 until a deletion; an open one is not cached; the ETag depends on stream and format",
  () =>
    Effect.gen(function* () {
      const { append, call, log } = yield* start()
      yield* append(...five)
      const ask = (query: string, headers: Record<string, string> = {}) => call(`/api/events?${query}`, { headers })
      const closed = yield* ask("since=1&limit=2")
      const etag = closed.headers.etag ?? ""
      expect([closed.status, etag, closed.headers["cache-control"]]).toEqual([
        200,
        `"${log.epoch}-1-3-0-all-json"`,
        "private, no-cache"
      ])
      for (const known of [etag, `"other", W/${etag}`, "*"]) {
        const again = yield* ask("since=1&limit=2", { "if-none-match": known })
        expect([again.status, again.body, again.headers["x-millrace-last-idx"], again.headers.etag]).toEqual([304, "", "3", etag])
      }
      // The log grows; the page stays the same.
      yield* append(event(6))
      expect((yield* ask("since=1&limit=2", { "if-none-match": etag })).status).toBe(304)
      // Also by a cursor, because the page's events may be deleted later.
      const byCursor = yield* ask(`after=${log.epoch}-1&limit=2`)
      expect([byCursor.headers.etag, byCursor.headers["cache-control"]]).toEqual([etag, "private, no-cache"])
      const others = [
        yield* ask("since=1&limit=2", { accept: "application/x-ndjson" }),
        yield* ask("since=1&limit=2&stream=thread/thr_a"),
        yield* ask("since=1&limit=3"),
        yield* ask("since=2&limit=2")
      ]
      expect(new Set([etag, ...others.map(({ headers }) => headers.etag)]).size).toBe(5)
      for (const open of ["since=1", "since=4&limit=2", "since=6", "since=99", "stream=thread/thr_a&since=0", ""]) {
        const page = yield* ask(open, { "if-none-match": "*" })
        expect([open, page.status, page.headers.etag, page.headers["cache-control"]]).toEqual([
          open,
          200,
          undefined,
          "private, no-store"
        ])
      }
      // A deletion changes earlier pages: no cached one is valid any more.
      yield* log.append([{ events: [event(7)], rows: [], forget: ["thread/thr_a"] }])
      const forgotten = yield* ask("since=1&limit=2", { "if-none-match": etag })
      expect([forgotten.status, forgotten.headers.etag]).toEqual([200, `"${log.epoch}-1-3-1-all-json"`])
      expect(JSON.parse(forgotten.body)).toMatchObject([{ offset: 2 }, { offset: 3 }])
      expect(forgotten.body).toContain("log.forgotten")
    })
)

it.scopedLive("D4 HEAD answers as GET without a body, in every format; OPTIONS lists the methods", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    yield* append(...five)
    for (const [query, accept] of [
      ["since=1&limit=2", "application/json"],
      ["since=1", "application/x-ndjson"],
      ["", "application/json"],
      ["since=-1", "application/json"],
      ["since=0", "text/event-stream"]
    ] as const) {
      const head = yield* call(`/api/events?${query}`, { method: "HEAD", headers: { accept } })
      expect([query, head.body]).toEqual([query, ""])
      if (accept === "text/event-stream") {
        expect([head.status, head.headers["content-type"]]).toEqual([200, "text/event-stream; charset=utf-8"])
        continue
      }
      const get = yield* call(`/api/events?${query}`, { headers: { accept } })
      const of = ({ headers, status }: typeof get) => [
        status,
        headers["content-type"],
        headers["x-millrace-last-idx"],
        headers.etag,
        headers["cache-control"]
      ]
      expect([query, ...of(head)]).toEqual([query, ...of(get)])
    }
    const options = yield* call("/api/events", { method: "OPTIONS" })
    expect([options.status, options.headers.allow]).toEqual([204, "GET, HEAD, OPTIONS"])
  })
)
