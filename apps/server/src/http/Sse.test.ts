import { connect } from "node:net"
import { expect, it } from "@effect/vitest"
import { Clock, Effect, Random, Stream } from "effect"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import type { RowChange } from "@millrace/log/EventLog"
import { attach } from "@millrace/testing/RawSse"
import * as Tokens from "../auth/Tokens.ts"
import { event, type Fixture, follower, live, send, start } from "../../test/support/Fixture.ts"

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const offsets = (events: ReadonlyArray<{ readonly data: string }>) =>
  events.map(({ data }) => (JSON.parse(data) as { offset: number }).offset)
const upTo = (offset: number) => (events: ReadonlyArray<{ readonly data: string }>) =>
  events.at(-1)?.data.includes(`"offset":${offset},`) === true

/** The committed JSON of the whole log. */
const whole = ({ log }: Fixture) =>
  Effect.map(Effect.orDie(log.read({ after: 0, limit: 1_000_000, maxBytes: 1e9 })), (page) => page.events.map(({ json }) => json))

it.scopedLive("D2 cut at random bytes 50 times and resumed, a reader has the log once, in order, byte for byte", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const { url, token, append } = fixture
    for (let n = 0; n < 100; n++) yield* append(...range(1, 20).map((one) => event(one, "thread/thr_a", { text: `ü💧 ${n}` })))
    const seen: Array<string> = []
    const ids = new Set<string>()
    let lastEventId: string | undefined
    for (let cut = 0; cut <= 50; cut++) {
      const cutAfterBytes = cut === 50 ? undefined : yield* Random.nextIntBetween(1, 12_000)
      const got = yield* attach({
        url: `${url}/api/events?since=0`,
        token,
        ...(lastEventId !== undefined && { lastEventId }),
        ...(cutAfterBytes !== undefined && { cutAfterBytes }),
        until: upTo(2000)
      })
      for (const { id, data } of got.events) {
        seen.push(data)
        ids.add(id)
        lastEventId = id
      }
    }
    expect(seen).toEqual(yield* whole(fixture))
    expect(ids.size).toBe(2000)
  }).pipe(Effect.withRandom(Random.make("cuts")))
)

it.scopedLive("L17 retention knows how far each attached stream has read, until it leaves", () =>
  Effect.gen(function* () {
    const { append, fake, token, url } = yield* start()
    yield* append(...range(1, 9).map((n) => event(n)))
    expect([...fake.readers()]).toEqual([])
    yield* Effect.scoped(
      Effect.gen(function* () {
        const headers = { authorization: `Bearer ${token}`, accept: "text/event-stream" }
        const all = yield* live(`${url}/api/events?since=4`, headers)
        yield* all.until('"offset":9,')
        expect([...fake.readers()]).toEqual([9])
        yield* append(event(10))
        yield* all.until('"offset":10,')
        expect([...fake.readers()]).toEqual([10])
        yield* all.cut
      })
    )
  })
)

it.scopedLive("D2 Last-Event-ID wins over after, after over since", () =>
  Effect.gen(function* () {
    const { url, token, append, log } = yield* start()
    yield* append(...range(1, 9).map((n) => event(n)))
    const first = (query: string, lastEventId?: string) =>
      Effect.map(
        attach({ url: `${url}/api/events?${query}`, token, ...(lastEventId !== undefined && { lastEventId }), until: upTo(9) }),
        (got) => offsets(got.events)[0]
      )
    expect(yield* first("since=2")).toBe(3)
    expect(yield* first(`since=2&after=${log.epoch}-4`)).toBe(5)
    expect(yield* first(`since=2&after=${log.epoch}-4`, `${log.epoch}-6`)).toBe(7)
    expect(yield* first("")).toBe(1)
  })
)

it.scopedLive(
  "D5 D6 open first, with retry; caught-up once, between replay and live events; data before id; no control frame has an id",
  () =>
    Effect.gen(function* () {
      const fixture = yield* start()
      yield* fixture.append(event(1), event(2))
      const reader = yield* follower(fixture)
      yield* reader.until("caught-up")
      yield* fixture.append(event(3))
      yield* reader.until('"offset":3')
      yield* fixture.append(event(4))
      yield* reader.until('"offset":4')
      const [one, two, three, four] = yield* whole(fixture)
      const id = (offset: number) => `id: ${fixture.log.epoch}-${offset}\n`
      expect(reader.text()).toBe(
        `event: open\ndata: {"logEpoch":"${fixture.log.epoch}","head":2}\nretry: 1000\n\ndata: ${one}\n${id(1)}\ndata: ${two}\n${id(2)}\nevent: caught-up\ndata: {"head":2,"replayed":2,"requests":0}\n\ndata: ${three}\n${id(3)}\ndata: ${four}\n${id(4)}\n`
      )
    })
)

it.scopedLive("D5 the stream's headers and its first bytes come before any event", () =>
  Effect.gen(function* () {
    const { url, token } = yield* start()
    const { hostname, port } = new URL(url)
    const head = yield* Effect.async<string, Error>((resume) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `GET /api/events HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`
        )
      )
      let text = ""
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
        if (!text.includes("caught-up")) return
        socket.destroy()
        resume(Effect.succeed(text))
      })
      socket.on("error", (error) => resume(Effect.fail(error)))
    })
    const lower = head.toLowerCase()
    expect(lower).toContain("content-type: text/event-stream; charset=utf-8\r\n")
    expect(lower).toContain("cache-control: private, no-cache, no-transform\r\n")
    expect(lower).toContain("x-accel-buffering: no\r\n")
    expect(head).toMatch(/event: open\ndata: {"logEpoch":"\w+","head":0}\nretry: 1000\n\n/)
    expect(head).toContain('event: caught-up\ndata: {"head":0,"replayed":0,"requests":0}\n\n')
  })
)

it.scopedLive("D13 the stream of a deleted thread ends: after its last event, and at once for a later subscriber", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    yield* fixture.append(event(1))
    const live = yield* follower(fixture, "?stream=thread/thr_a")
    const other = yield* follower(fixture, "?stream=thread/thr_b")
    yield* live.until("caught-up")
    yield* other.until("caught-up")
    fixture.fake.threads.delete("thr_a")
    yield* fixture.append({ ...event(2), type: "thread.deleted" })
    yield* live.ended
    expect(live.text().trimEnd().split("\n\n").slice(-2).join("\n")).toMatch(/"thread.deleted".*\nevent: end\ndata: {"reason":/s)
    const late = yield* attach({ url: `${fixture.url}/api/events?stream=thread/thr_a&since=2`, token: fixture.token })
    expect([late.events, late.end, late.controls.map(({ name }) => name)]).toEqual([[], "closed", ["open", "caught-up", "end"]])
    yield* fixture.append(event(3, "thread/thr_b"))
    yield* other.until('"offset":3')
  })
)

it.scopedLive("D6 caught-up has the counts of replayed events and open requests, of one stream if only one is followed", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const { append, log, token, url } = fixture
    const waiting = (key: string, parent: string): RowChange => ({
      op: "put",
      collection: "request-open",
      key,
      parent,
      event: 0,
      rank: "keep",
      value: {}
    })
    yield* append(event(1), event(2), event(3, "thread/thr_b"))
    const rows = [waiting("req_1", "thr_a"), waiting("req_2", "thr_b"), waiting("req_3", "thr_b")]
    yield* log.append([{ events: [event(4)], rows }])
    const said = (query: string) =>
      Effect.gen(function* () {
        const reader = yield* live(`${url}/api/events?${query}`, {
          accept: "text/event-stream",
          authorization: `Bearer ${token}`
        })
        yield* reader.until("caught-up")
        return /event: caught-up\ndata: (.*)\n/.exec(reader.text())?.[1]
      })
    expect(yield* said("")).toBe('{"head":4,"replayed":4,"requests":3}')
    expect(yield* said(`after=${log.epoch}-3`)).toBe('{"head":4,"replayed":1,"requests":3}')
    expect(yield* said(`after=${log.epoch}-4`)).toBe('{"head":4,"replayed":0,"requests":3}')
    expect(yield* said("stream=thread/thr_b")).toBe('{"head":4,"replayed":1,"requests":2}')
    expect(yield* said("stream=project/prj_1")).toBe('{"head":4,"replayed":0,"requests":0}')
    yield* log.append([{ events: [event(5)], rows: [{ op: "delete", collection: "request-open", key: "req_1" }] }])
    expect(yield* said("stream=thread/thr_a&since=4")).toBe('{"head":5,"replayed":1,"requests":0}')
  })
)

/** The real clock, which the test can set forward. Sleeps are real. */
const forwardable = () => {
  const real = Clock.make()
  let ahead = 0
  const clock: Clock.Clock = Object.assign(Object.create(real), {
    unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis() + ahead,
    currentTimeMillis: Effect.sync(() => real.unsafeCurrentTimeMillis() + ahead)
  })
  return { clock, forward: (millis: number) => Effect.sync(() => void (ahead += millis)) }
}

it.scopedLive("D2 a lease ends with bye and the cursor; the client continues at once and reports no disconnect", () =>
  Effect.gen(function* () {
    const { clock, forward } = forwardable()
    const fixture = yield* Effect.withClock(start({ lease: "1 hour" }), clock)
    const { append, log, token, url } = fixture
    const endLeases = forward(2 * 3_600_000)
    yield* append(event(1))
    // Like EventSource: when the body ends, it reconnects with the last id.
    const first = yield* follower(fixture)
    yield* first.until("caught-up")
    yield* endLeases
    expect(yield* first.ended).toEqual({ aborted: false })
    const bye = JSON.stringify({ reason: "lease", resumeAfter: `${log.epoch}-1` })
    expect(first.text().split("\n\n").slice(-2)).toEqual([`event: bye\ndata: ${bye}`, ""])
    const statuses: Array<string> = []
    const client = Client.make(HttpTransport.make({ url, token }), {
      follow: {
        onStatus: ({ _tag }) => {
          statuses.push(_tag)
          return append(event(statuses.length))
        }
      }
    })
    const frames = yield* client.follow({ after: `${log.epoch}-1` }).pipe(
      // Each connection delivers one event before its lease ends.
      Stream.tap((frame) => (frame._tag === "event" && frame.event.offset < 5 ? endLeases : Effect.void)),
      Stream.takeUntil((frame) => frame._tag === "event" && frame.event.offset === 5),
      Stream.runCollect
    )
    expect([...frames].flatMap((frame) => (frame._tag === "event" ? [frame.event.offset] : []))).toEqual([2, 3, 4, 5])
    expect([...frames].map(({ _tag }) => _tag).filter((tag) => tag !== "event")).toEqual(Array(statuses.length).fill("caught-up"))
    expect(new Set(statuses)).toEqual(new Set(["attached"]))
    expect(statuses.length).toBe(4)
  })
)

it.scopedLive("X3 revoking a token ends its live streams, with the cursor, and no others", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const { url, dataDir, append, log } = fixture
    const { token } = yield* Tokens.create(dataDir, { name: "other" })
    yield* append(event(1))
    const ending = yield* follower({ url, token })
    const staying = yield* follower(fixture)
    const polling = yield* live(`${url}/api/events?since=1&wait=30`, { authorization: `Bearer ${token}` })
    yield* ending.until("caught-up")
    yield* staying.until("caught-up")
    yield* Tokens.revoke(dataDir, "other")
    yield* Effect.all([ending.ended, polling.ended])
    expect(ending.text()).toContain(
      `\n\nevent: bye\ndata: ${JSON.stringify({ reason: "The token was revoked.", resumeAfter: `${log.epoch}-1` })}\n\n`
    )
    expect(polling.status()).toBe(401)
    yield* append(event(2))
    yield* staying.until('"offset":2')
    expect((yield* send(`${url}/api/state`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
  })
)
