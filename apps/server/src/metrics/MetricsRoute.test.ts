import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "node:net"
import { event, follower, send, start } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"

/** The value of a series, by its name and labels in Prometheus text. */
const valueOf = (text: string, series: string): number | undefined => {
  const line = text.split("\n").find((line) => line.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

/** Requests the stream and never reads it. */
const frozen = (url: string, token: string) =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof connect>>((resume) => {
      const { hostname, port, host } = new URL(url)
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `GET /api/events HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`,
          () => resume(Effect.succeed(socket))
        )
      )
      socket.pause()
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

it.scopedLive(
  "D7 D10 the metrics show the lag of a reader that does not read, with its token's name for authenticated callers only",
  () =>
    Effect.gen(function* () {
      const fixture = yield* start()
      const numbers = Effect.map(send(`${fixture.url}/metrics`), ({ body }) => body)
      const other = yield* follower(fixture, "?stream=thread/thr_b")
      yield* other.until("caught-up")
      yield* frozen(fixture.url, fixture.token)
      const pad = "x".repeat(200_000)
      for (let n = 0; n < 60; n++) yield* fixture.append(event(n, "thread/thr_a", { pad }))

      const text = yield* numbers
      expect(valueOf(text, 'millrace_followers{transport="sse"}')).toBe(2)
      const lag = valueOf(text, 'millrace_follower_lag_events_max{transport="sse"}') ?? 0
      // The connection accepts as many bytes as this machine's socket buffers hold.
      expect(lag).toBeGreaterThan(20)
      expect(lag).toBeLessThanOrEqual(60)
      expect(valueOf(text, 'millrace_follower_lag_events{rank="1",transport="sse"}')).toBe(lag)
      // The subscriber that waits for its thread has no lag, although others lag.
      expect(valueOf(text, 'millrace_follower_lag_events{rank="2",transport="sse"}')).toBe(0)
      expect(valueOf(text, 'millrace_followers_behind{transport="sse",events="100"}')).toBe(0)
      expect(text).not.toContain("reader=")
      const named = yield* fixture.call("/metrics")
      expect(valueOf(named.body, 'millrace_follower_lag_events{rank="1",transport="sse",reader="test"}')).toBeGreaterThan(20)

      yield* fixture.append(event(60, "thread/thr_b", { pad }))
      yield* other.until('"offset":61,')
      yield* other.cut
      const back = yield* follower(fixture, "?since=61")
      yield* back.until("caught-up")
      const later = yield* numbers
      expect(valueOf(later, 'millrace_follower_attaches_total{transport="sse",from="start"}')).toBe(2)
      expect(valueOf(later, 'millrace_follower_attaches_total{transport="sse",from="position"}')).toBe(1)
      // The subscriber that never reads and the reconnected one remain. The metrics no longer list the cut subscriber, but still count its bytes.
      expect(valueOf(later, 'millrace_followers{transport="sse"}')).toBe(2)
      expect(valueOf(later, 'millrace_follower_bytes_total{transport="sse"}')).toBeGreaterThan(200_000)
    })
)

it.scopedLive(
  "L4 L10 batches are counted with their events, bytes and time, rejections by kind; every metric family is declared once",
  () =>
    Effect.gen(function* () {
      const fixture = yield* start()
      yield* fixture.append(event(1))
      yield* fixture.append(...Array.from({ length: 20 }, (_, n) => event(n)))
      const before =
        valueOf((yield* send(`${fixture.url}/metrics`)).body, 'millrace_http_refusals_total{kind="Unauthorized"}') ?? 0
      yield* send(`${fixture.url}/api/state`)
      yield* fixture.call("/api/events?since=x")
      const { body } = yield* send(`${fixture.url}/metrics`)
      expect(valueOf(body, 'millrace_log_batch_events_bucket{le="1"}')).toBe(1)
      expect(valueOf(body, 'millrace_log_batch_events_bucket{le="16"}')).toBe(1)
      expect(valueOf(body, 'millrace_log_batch_events_bucket{le="+Inf"}')).toBe(2)
      expect(valueOf(body, "millrace_log_batch_events_sum")).toBe(21)
      expect(valueOf(body, "millrace_log_batch_bytes_sum")).toBe(valueOf(body, "millrace_log_bytes_total"))
      expect(valueOf(body, "millrace_log_commit_seconds_count")).toBe(2)
      expect(valueOf(body, "millrace_log_head")).toBe(21)
      expect(valueOf(body, 'millrace_http_refusals_total{kind="Unauthorized"}')).toBe(before + 1)
      const types = body.split("\n").filter((line) => line.startsWith("# TYPE "))
      expect(new Set(types).size).toBe(types.length)
      for (const line of body.trimEnd().split("\n"))
        expect(line).toMatch(/^(# (HELP|TYPE) \S+ .+|[a-z_0-9]+(\{[^}]*\})? -?[0-9.e+-]+)$/)
    })
)

it.scopedLive(
  "P2 agents' sessions, processes and memory and open requests are counted by provider, rejected commands by rule",
  () =>
    Effect.gen(function* () {
      const { dataDir, token, url } = yield* Hosted.start()
      const headers = { authorization: `Bearer ${token}` }
      const post = (path: string, body: object) => send(`${url}${path}`, { headers, body: JSON.stringify(body) })
      const reader = yield* follower({ url, token })
      yield* post("/api/threads", { provider: "demo", cwd: dataDir, turn: { text: "[[run true]]" } })
      yield* reader.until('"type":"request.opened"')
      expect((yield* post("/api/threads/thr_none/turns", { text: "hello" })).status).toBe(422)
      const { body } = yield* send(`${url}/metrics`)
      expect(valueOf(body, 'millrace_sessions{provider="demo"}')).toBe(1)
      expect(valueOf(body, 'millrace_provider_processes{provider="demo"}')).toBeGreaterThanOrEqual(1)
      if (process.platform === "linux")
        expect(valueOf(body, 'millrace_provider_memory_bytes{provider="demo"}')).toBeGreaterThan(1_000_000)
      expect(valueOf(body, "millrace_requests_open")).toBe(1)
      expect(valueOf(body, "millrace_request_oldest_seconds")).toBeGreaterThanOrEqual(0)
      expect(valueOf(body, 'millrace_commands_refused_total{kind="ThreadNotFound"}')).toBe(1)
      expect(valueOf(body, 'millrace_queue_depth{queue="commands"}')).toBe(0)
      expect(valueOf(body, 'millrace_queue_depth{queue="ingestion"}')).toBe(0)
      expect(valueOf(body, 'millrace_log_file_bytes{file="log"}')).toBeGreaterThan(4_000)
      expect(valueOf(body, "millrace_disk_free_bytes")).toBeGreaterThan(0)
      expect(Math.abs(valueOf(body, "millrace_clock_shift_seconds") ?? 99)).toBeLessThan(2)
      expect(body).not.toContain("orphan")
    })
)
