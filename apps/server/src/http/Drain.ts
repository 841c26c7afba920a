/**
 * The ordered end of all connections (S5, S6, S9). Node's server waits for every open connection: one SSE client would delay the exit
 * indefinitely. This module delivers everything up to the head and `bye` to subscribers, answers requests in flight, and cuts the connections that remain
 * after the grace period.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { Clock, Context, Deferred, type Duration, Effect, Layer, Option } from "effect"
import { Waiters } from "@millrace/log/Waiters"
import { SubscriberScheduler } from "../subscriptions/SubscriberScheduler.ts"

export interface DrainReport {
  /** Number of connections that ended in order, after everything was delivered. */
  readonly ended: number
  /** Number of connections that were cut. Their clients resume by cursor. */
  readonly cut: number
  readonly millis: number
}

export class Drain extends Context.Tag("@millrace/server/Drain")<
  Drain,
  {
    /** True after `begin`. */
    readonly draining: () => boolean
    /** Runs a call that arrived over a WebSocket. `begin` waits for its answer. */
    readonly track: <A, E, R>(call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** Counts a call that is a stream, from `enter` to `leave`. */
    readonly enter: Effect.Effect<void>
    readonly leave: Effect.Effect<void>
    /** Rejects new connections and ends streams, within the grace period for every behaviour of clients. Runs once: later calls return the first report. */
    readonly begin: (grace: Duration.DurationInput) => Effect.Effect<DrainReport>
    /** Waits for upgraded connections to end, then cuts them. */
    readonly cutUpgraded: (grace: Duration.DurationInput) => Effect.Effect<void>
    /** Cuts an upgraded connection when a condition fails, up to half a second later, so that its streams can send `bye` first (X3). */
    readonly keepWhile: (socket: Duplex, holds: () => boolean) => void
    /** Number of HTTP connections, of WebSockets and of their calls in flight, and bytes of responses in memory that clients have not read. */
    readonly connections: () => {
      readonly http: number
      readonly upgraded: number
      readonly calls: number
      readonly unread: number
    }
  }
>() {}

/** Limit of unread responses of one WebSocket in memory. Beyond it the server cuts the connection (D7, X5), because the library has no limit. */
const maxUnreadBytes = 16 * 1024 * 1024

/** Interval of the check of upgraded connections. Together with the check of the token file, a revoked connection is cut within a second. */
const checkEvery = "250 millis"

/** Waits at most for the grace period. Returns false if that ends first. Finalizers run uninterruptibly: without `interruptible` the timeout would never fire. */
const within = (wait: Effect.Effect<void>, grace: Duration.DurationInput) =>
  wait.pipe(Effect.interruptible, Effect.timeoutOption(grace), Effect.map(Option.isSome))

const make = Effect.fnUntraced(function* (server: Server) {
  const scheduler = yield* SubscriberScheduler
  const http = new Set<Socket | Duplex>()
  const upgraded = new Set<Duplex>()
  const conditions = new WeakMap<Duplex, () => boolean>()
  /** Connections whose condition failed at the last check; the next check cuts them. */
  let condemned: ReadonlyArray<Duplex> = []
  /** Each waiter waits until its condition holds. */
  const waiters = new Waiters<() => boolean>()
  let calls = 0
  let began = false
  const done = yield* Deferred.make<DrainReport>()

  const changed = () => waiters.wake((holds) => holds())
  /** Returns when the condition holds. It is checked whenever a connection or a call ends. */
  const until = (holds: () => boolean) => waiters.wait(holds, holds)

  server.on("connection", (socket: Socket) => {
    http.add(socket)
    socket.on("close", () => {
      http.delete(socket)
      upgraded.delete(socket)
      changed()
    })
  })
  // Prepended, because the platform's listener answers the upgrade.
  server.prependListener("upgrade", (_request, socket: Duplex) => {
    // Node removes its error listener here: a client that resets during a refusal would end the process.
    socket.on("error", () => {})
    http.delete(socket)
    upgraded.add(socket)
    changed()
  })

  const leave = Effect.sync(() => {
    calls--
    changed()
  })
  const enter = Effect.sync(() => {
    calls++
  })

  yield* Effect.sleep(checkEvery).pipe(
    Effect.zipRight(
      Effect.sync(() => {
        for (const socket of condemned) socket.destroy()
        condemned = [...upgraded].filter((socket) => conditions.get(socket)?.() === false)
        for (const socket of upgraded) if (socket.writableLength > maxUnreadBytes) socket.destroy()
      })
    ),
    Effect.forever,
    Effect.forkScoped
  )

  const drain = Effect.fnUntraced(function* (grace: Duration.DurationInput) {
    const start = yield* Clock.currentTimeMillis
    const before = http.size + upgraded.size
    server.close()
    yield* scheduler.close
    const closeIdle = Effect.sync(() => server.closeIdleConnections()).pipe(
      Effect.zipRight(Effect.sleep("25 millis")),
      Effect.forever
    )
    const empty = until(() => http.size === 0 && calls === 0)
    yield* within(Effect.raceFirst(empty, closeIdle), grace)
    const cut = http.size
    for (const socket of http) socket.destroy()
    const report = { ended: before - cut, cut, millis: (yield* Clock.currentTimeMillis) - start }
    yield* Deferred.succeed(done, report)
  })

  return Drain.of({
    draining: () => began,
    track: (call) => Effect.zipRight(enter, Effect.ensuring(call, leave)),
    enter,
    leave,
    begin: (grace) =>
      Effect.suspend(() => {
        if (began) return Deferred.await(done)
        began = true
        return Effect.zipRight(drain(grace), Deferred.await(done))
      }),
    cutUpgraded: (grace) =>
      Effect.gen(function* () {
        if (
          yield* within(
            until(() => upgraded.size === 0),
            grace
          )
        )
          return
        for (const socket of upgraded) socket.destroy()
      }),
    keepWhile: (socket, holds) => void conditions.set(socket, holds),
    connections: () => {
      let unread = 0
      for (const socket of [...http, ...upgraded]) unread += socket.writableLength
      return { http: http.size, upgraded: upgraded.size, calls, unread }
    }
  })
})

export const layer = (server: Server): Layer.Layer<Drain, never, SubscriberScheduler> => Layer.scoped(Drain, make(server))

/** Build it below the server, so that it closes after the server's scope. The server then sends WebSockets a close frame, and this layer cuts those that do not answer. */
export const cut = (grace: Duration.DurationInput): Layer.Layer<never, never, Drain> =>
  Layer.scopedDiscard(Effect.flatMap(Drain, (drain) => Effect.addFinalizer(() => drain.cutUpgraded(grace))))

/** Build it above the server, so that it closes first. It drains, unless `begin` was called before. */
export const onClose = (grace: Duration.DurationInput): Layer.Layer<never, never, Drain> =>
  Layer.scopedDiscard(Effect.flatMap(Drain, (drain) => Effect.addFinalizer(() => drain.begin(grace))))
