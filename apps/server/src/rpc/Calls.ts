/**
 * Limits the calls in flight of one connection: up to `maxRunning` run and the others wait. Beyond `maxInFlight` the socket is not read until calls are
 * answered. So back-pressure slows a client that calls faster than it is answered, and other clients are not slowed (D7, X5).
 */
import * as Permits from "@millrace/contracts/Permits"
import { Effect } from "effect"
import type { Session } from "../auth/Session.ts"
import type { CallSocket } from "./Caller.ts"

/** Maximum number of calls of one connection that run concurrently. */
export const maxRunning = 32
/** Number of calls in flight beyond which a connection's socket is paused. Calls in a chunk (64 KiB) that was already read still start. */
export const maxInFlight = 128

interface Connection {
  readonly turns: Permits.Permits
  calls: number
  paused: boolean
}

/** Returns a function that runs a call under the limits of its connection. A connection is identified by its session object: each upgrade has a new session object. */
export const make = () => {
  const connections = new WeakMap<Session["Type"], Connection>()
  return (session: Session["Type"], socket: CallSocket) =>
    <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        let connection = connections.get(session)
        if (connection === undefined)
          connections.set(session, (connection = { turns: Permits.make(maxRunning), calls: 0, paused: false }))
        const current = connection
        const enter = Effect.sync(() => {
          if (++current.calls <= maxInFlight || current.paused) return
          current.paused = true
          socket.pause()
        })
        const leave = Effect.sync(() => {
          if (--current.calls > maxInFlight / 2 || !current.paused) return
          current.paused = false
          socket.resume()
        })
        return Effect.acquireUseRelease(
          enter,
          () => current.turns(call),
          () => leave
        )
      })
}
