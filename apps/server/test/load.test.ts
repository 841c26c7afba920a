/** The shutdown of a busy server: a hundred SSE readers, ten RPC readers, running turns. Real processes; then the same with clients and agents that do not cooperate. */
import { describe, expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { LogEvent } from "@millrace/contracts/Event"
import type { Frame } from "@millrace/contracts/Frame"
import type { StreamName } from "@millrace/contracts/Ids"
import { problems } from "@millrace/testing/LogChecks"
import { attach } from "@millrace/testing/RawSse"
import { serve, type ServerProcess } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Clock, Deferred, Effect, Fiber, type Scope, Stream } from "effect"
import { connect } from "node:net"
import { live, send } from "./support/Fixture.ts"
import { framesOf, linesOf, type Reader } from "./support/Frames.ts"

/** The whole shutdown, the time that readers then need to read (ServeProgram.ts), and a margin for a busy machine. */
const allowed = 10_000 + 3_000 + 1_500

const times = (count: number) => Array.from({ length: count }, (_, at) => at)
const together = { concurrency: "unbounded" } as const
const begin = (server: ServerProcess, text: string) =>
  Effect.gen(function* () {
    const client = Client.make(HttpTransport.make(server))
    const command = yield* Client.command("thread.create", { provider: "demo", cwd: server.dataDir, turn: { text } })
    const { offset, threadId } = yield* client.dispatch(command)
    return { offset, threadId: threadId ?? "" }
  })
/** Returns at the thread's first event of this type. */
const until = (server: ServerProcess, threadId: string, type: string) =>
  HttpTransport.make(server)
    .follow({ stream: `thread/${threadId}` as StreamName })
    .pipe(
      Stream.takeUntil((frame) => frame._tag === "event" && frame.event.type === type),
      Stream.runDrain
    )

/** A reader over SSE: returns when it is attached; `read` has everything when its stream has ended. */
const sse = ({ token, url }: ServerProcess) =>
  Effect.gen(function* () {
    const reader = yield* live(`${url}/api/events`, { accept: "text/event-stream", authorization: `Bearer ${token}` })
    yield* reader.until("event: caught-up")
    return { read: Effect.map(reader.ended, () => framesOf(reader.text())) }
  })

const overRpc = ({ token, url }: ServerProcess) =>
  RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(token) })

/** The same over RPC; the connection also queries the state in between. */
const rpc = (server: ServerProcess) =>
  Effect.gen(function* () {
    const transport = yield* overRpc(server)
    const attached = yield* Deferred.make<void>()
    const seen: Array<Frame> = []
    const reading = yield* transport.follow({}).pipe(
      Stream.runForEach((frame) => {
        seen.push(frame)
        return frame._tag === "caught-up" ? Deferred.succeed(attached, undefined) : Effect.void
      }),
      Effect.exit,
      Effect.fork
    )
    yield* Deferred.await(attached)
    yield* transport.state
    const read = Effect.map(Fiber.join(reading), (): Reader => ({
      events: seen.flatMap((frame) => (frame._tag === "event" ? [{ id: frame.cursor, data: JSON.stringify(frame.event) }] : [])),
      bye: seen.flatMap((frame) => (frame._tag === "bye" ? [frame.resumeAfter] : []))[0]
    }))
    return { read }
  })

/** A client that hangs: it requests everything and never reads. */
const silent = ({ token, url }: ServerProcess): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof connect>>((resume) => {
      const { hostname, port } = new URL(url)
      const socket = connect(Number(port), hostname, () => {
        socket.pause()
        socket.write(
          `GET /api/events HTTP/1.1\r\nhost: ${hostname}:${port}\r\naccept: text/event-stream\r\nauthorization: Bearer ${token}\r\n\r\n`,
          () => resume(Effect.succeed(socket))
        )
      })
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
const silentRpc = (server: ServerProcess) =>
  Effect.gen(function* () {
    const transport = yield* overRpc(server)
    const began = yield* Deferred.make<void>()
    yield* Effect.forkScoped(
      Effect.exit(
        Stream.runForEach(transport.follow({}), () => Effect.zipRight(Deferred.succeed(began, undefined), Effect.never))
      )
    )
    yield* Deferred.await(began)
  })

const wholeLog = ({ token, url }: ServerProcess) =>
  Effect.map(
    send(`${url}/api/events`, { headers: { accept: "application/x-ndjson", authorization: `Bearer ${token}` } }),
    ({ body }) => linesOf(body)
  )

/** After a restart each reader resumes with the cursor of its `bye` and reads until it has a new event. */
const resumed = (server: ServerProcess, readers: ReadonlyArray<Reader>, offset: number) =>
  Effect.forEach(
    readers,
    ({ bye, events }) =>
      attach({
        url: `${server.url}/api/events`,
        token: server.token,
        lastEventId: bye ?? "none",
        until: (more) => Number(more.at(-1)?.id.split("-")[1] ?? 0) >= offset
      }).pipe(Effect.map((more) => [...events, ...more.events])),
    together
  )

const isOffset = (json: string, offset: number) => json.startsWith(`{"offset":${offset},`)

/** Checks after the shutdown and after the next start. */
const check = (ends: ReadonlyArray<{ readonly read: Effect.Effect<Reader> }>, dataDir: string, turns: number) =>
  Effect.gen(function* () {
    const readers = yield* Effect.forEach(ends, ({ read }) => read, together)
    const next = yield* serve({ dataDir })
    const { offset } = yield* begin(next, "[[say after]]")
    const histories = yield* resumed(next, readers, offset)
    const log = yield* wholeLog(next)
    const at = log.findIndex((json) => isOffset(json, offset)) + 1
    for (const [n, { bye, events }] of readers.entries()) {
      expect(bye, `reader ${n} got goodbye`).toBe(events.at(-1)?.id)
      // The next server adds nothing before the new command: the previous one had ended all open work.
      expect(
        histories[n]?.slice(0, at).map(({ data }) => data),
        `reader ${n}`
      ).toEqual(log.slice(0, at))
    }
    const before = log.slice(0, readers[0]?.events.length).map((json) => JSON.parse(json) as LogEvent)
    expect(problems(before, true)).toEqual([])
    expect(before.filter(({ type }) => type === "turn.interrupted")).toHaveLength(turns)
    expect(before.at(-1)?.type).toBe("session.stopped")
    yield* next.kill("SIGTERM")
    expect(yield* next.ended).toMatchObject({ code: 0 })
  })

describe("millrace serve under load", () => {
  it.live(
    "S3 S9 S10 D2 SIGTERM with 100 SSE readers, 10 RPC readers and 5 running turns: bye with a cursor for each, a terminal for each turn, exit code 0 in time; readers resume without gap or repeat",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        const server = yield* serve({ dataDir })
        const ends = [
          ...(yield* Effect.forEach(times(100), () => sse(server), together)),
          ...(yield* Effect.forEach(times(10), () => rpc(server), together))
        ]
        const turns = yield* Effect.forEach(times(5), () => begin(server, "[[think so]] [[deltas 100000 50]]"), together)
        yield* Effect.forEach(turns, ({ threadId }) => until(server, threadId, "item.delta"), together)
        const start = yield* Clock.currentTimeMillis
        yield* server.kill("SIGTERM")
        const ended = yield* server.ended
        const took = (yield* Clock.currentTimeMillis) - start
        expect(ended, ended.stderr).toMatchObject({ code: 0, signal: null })
        expect(ended.stderr).toMatch(/Settled in \d+ ms: 5 sessions ended/)
        expect(took).toBeLessThan(allowed)
        yield* check(ends, dataDir, 5)
      }).pipe(Effect.scoped)
  )

  it.live(
    "S5 S6 S8 S9 the same with readers that never read and agents that ignore SIGTERM: the others have everything, and the shutdown is in time",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        const server = yield* serve({ dataDir })
        const ends = [
          ...(yield* Effect.forEach(times(10), () => sse(server), together)),
          ...(yield* Effect.forEach(times(5), () => rpc(server), together))
        ]
        // More than sockets buffer, so that the server has to wait for clients that do not read.
        const past = yield* Effect.forEach(times(2), () => begin(server, "[[flood 4000000]]"), together)
        yield* Effect.forEach(past, ({ threadId }) => until(server, threadId, "turn.completed"), together)
        yield* Effect.forEach(times(20), () => silent(server), together)
        yield* Effect.forEach(times(5), () => silentRpc(server), together)
        const turns = yield* Effect.forEach(times(5), () => begin(server, "[[say begun]] [[hang]]"), together)
        yield* Effect.forEach(turns, ({ threadId }) => until(server, threadId, "item.completed"), together)
        const start = yield* Clock.currentTimeMillis
        yield* server.kill("SIGTERM")
        const ended = yield* server.ended
        const took = (yield* Clock.currentTimeMillis) - start
        expect(ended.signal, ended.stderr).toBe(null)
        // On an overloaded machine the server exits at the deadline and reports it.
        if (ended.code === 0) expect(ended.stderr).toMatch(/[1-9]\d* cut/)
        else expect(ended.stderr).toContain("did not shut down within")
        expect(took).toBeLessThan(allowed)
        yield* check(ends, dataDir, 5)
      }).pipe(Effect.scoped)
  )
})
