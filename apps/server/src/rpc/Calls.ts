/**
 * The calls of one connection in flight: some run, some wait for their turn, and beyond that its socket is not read until they are answered.
 * So a client that asks faster than it is answered waits at its own end, and takes from the others no more than its turns (D7, X5).
 */
import * as Socket from "@effect/platform/Socket"
import { Effect, Option } from "effect"
import type { Session } from "../auth/Session.ts"

/** Calls of one connection that run at a time. */
export const running = 32
/** Calls of one connection that may be in flight before its socket is paused; what a piece of 64 KiB holds is read to its end. */
export const inFlight = 128

interface Connection {
  readonly turns: Effect.Semaphore
  calls: number
  paused: boolean
}

/** What the sockets of the `ws` package have beside the interface of browsers. */
interface Pausable {
  readonly pause: () => void
  readonly resume: () => void
}

/** Each upgrade has a session of its own: that is what a connection is known by. */
export const make = () => {
  const connections = new WeakMap<Session["Type"], Connection>()
  return (session: Session["Type"]) =>
    <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.flatMap(Effect.serviceOption(Socket.WebSocket), (found) => {
        let connection = connections.get(session)
        if (connection === undefined)
          connections.set(session, (connection = { turns: Effect.unsafeMakeSemaphore(running), calls: 0, paused: false }))
        const own = connection
        const socket = Option.getOrUndefined(found) as unknown as Pausable | undefined
        const enter = Effect.sync(() => {
          if (++own.calls <= inFlight || own.paused) return
          own.paused = true
          socket?.pause()
        })
        const leave = Effect.sync(() => {
          if (--own.calls > inFlight / 2 || !own.paused) return
          own.paused = false
          socket?.resume()
        })
        return Effect.acquireUseRelease(
          enter,
          () => own.turns.withPermits(1)(call),
          () => leave
        )
      })
}
