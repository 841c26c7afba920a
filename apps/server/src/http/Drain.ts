/**
 * The ordered end of the HTTP side (S5, S6, S9). The stock server waits for every open connection: one SSE client would hold the exit
 * for ever. Here followers deliver to the head and say `bye`, requests in flight are answered, and what is left after the grace is cut.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { Clock, Context, Deferred, type Duration, Effect, Layer, Option } from "effect"
import { Wake } from "./Wake.ts"

export interface DrainReport {
  /** Connections that ended by themselves, with everything delivered. */
  readonly ended: number
  /** Connections that had to be cut: their clients resume by cursor. */
  readonly cut: number
  readonly millis: number
}

export class Drain extends Context.Tag("@millrace/server/Drain")<
  Drain,
  {
    /** True from `begin` on. */
    readonly draining: () => boolean
    /** Runs a call that arrived over a WebSocket: `begin` waits for its answer. */
    readonly track: <A, E, R>(call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** Counts a call that is a stream. */
    readonly enter: Effect.Effect<void>
    readonly leave: Effect.Effect<void>
    /** No new connections; streams end; bounded by the grace, whatever clients do. Once: later calls get the first one's report. */
    readonly begin: (grace: Duration.DurationInput) => Effect.Effect<DrainReport>
    /** Waits for upgraded connections to end, then cuts them. */
    readonly cutUpgraded: (grace: Duration.DurationInput) => Effect.Effect<void>
    /** Gives an upgraded connection a condition: it is cut half a second after that fails, when its streams have said goodbye (X3). */
    readonly keepWhile: (socket: Duplex, holds: () => boolean) => void
    /** Connections, WebSockets, calls in flight over those, and bytes of answers in memory that clients have not read. */
    readonly connections: () => {
      readonly http: number
      readonly upgraded: number
      readonly calls: number
      readonly unread: number
    }
  }
>() {}

/** Answers that a WebSocket client leaves unread wait in memory without a limit of the library: beyond this it is cut (D7, X5). */
const maxUnreadBytes = 16 * 1024 * 1024

/** How often upgraded connections are looked at. With the look at the token file in between, a revoked one is cut within a second. */
const look = "250 millis"

/** False when the time was over. Finalizers run uninterruptibly: without `interruptible` no timeout would ever fire. */
const within = (wait: Effect.Effect<void>, grace: Duration.DurationInput) =>
  wait.pipe(Effect.interruptible, Effect.timeoutOption(grace), Effect.map(Option.isSome))

const make = Effect.fnUntraced(function* (server: Server) {
  const wake = yield* Wake
  const http = new Set<Socket | Duplex>()
  const upgraded = new Set<Duplex>()
  const conditions = new WeakMap<Duplex, () => boolean>()
  /** Those whose condition failed at the last look. */
  let condemned: ReadonlyArray<Duplex> = []
  const waiters = new Set<() => void>()
  let calls = 0
  let began = false
  const done = yield* Deferred.make<DrainReport>()

  const changed = () => {
    for (const check of waiters) check()
  }
  /** Returns when the condition holds; it is looked at whenever a connection or a call ends. */
  const until = (holds: () => boolean) =>
    Effect.async<void>((resume) => {
      if (holds()) return resume(Effect.void)
      const check = () => {
        if (holds()) resume(Effect.void)
      }
      waiters.add(check)
      return Effect.sync(() => waiters.delete(check))
    })

  server.on("connection", (socket: Socket) => {
    http.add(socket)
    socket.on("close", () => {
      http.delete(socket)
      upgraded.delete(socket)
      changed()
    })
  })
  // Before the platform's own listener, which answers it.
  server.prependListener("upgrade", (_request, socket: Duplex) => {
    // Node takes its own listener away here: a client that resets while it is refused would end the process.
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

  yield* Effect.sleep(look).pipe(
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
    yield* wake.close
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

export const layer = (server: Server): Layer.Layer<Drain, never, Wake> => Layer.scoped(Drain, make(server))

/** Below the server: its scope closes the WebSockets politely, this ends those that do not answer. */
export const cut = (grace: Duration.DurationInput): Layer.Layer<never, never, Drain> =>
  Layer.scopedDiscard(Effect.flatMap(Drain, (drain) => Effect.addFinalizer(() => drain.cutUpgraded(grace))))

/** Above the server: the first thing that happens when the scope closes and nobody drained before. */
export const onClose = (grace: Duration.DurationInput): Layer.Layer<never, never, Drain> =>
  Layer.scopedDiscard(Effect.flatMap(Drain, (drain) => Effect.addFinalizer(() => drain.begin(grace))))
