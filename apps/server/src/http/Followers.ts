/**
 * Who reads the log over the wire now, and how far each is: what `/metrics` and the doctor look at. A reader keeps its own numbers as it goes; nothing
 * is done for it but at its beginning and its end.
 */
import { Context, Effect } from "effect"

export type Transport = "sse" | "rpc" | "long-poll"

export interface Reader {
  readonly transport: Transport
  /** Whose token it has. */
  readonly name: string
  /** Everything up to this offset was handed to its connection. */
  position: number
  /** It has everything of its stream and waits for more: however far the head is, it is not behind. */
  waiting: boolean
  /** Bytes of events that were handed to its connection. */
  bytes: number
}

interface Totals {
  /** Attaches that began at the start of the log, and those that came back with a position. */
  started: number
  resumed: number
  /** Of readers that are gone. */
  bytes: number
}

export interface Followers {
  readonly enter: (reader: Reader) => void
  readonly leave: (reader: Reader) => void
  readonly live: ReadonlySet<Reader>
  readonly totals: Readonly<Record<Transport, Readonly<Totals>>>
}

export const make = (): Followers => {
  const live = new Set<Reader>()
  const none = (): Totals => ({ started: 0, resumed: 0, bytes: 0 })
  const totals = { sse: none(), rpc: none(), "long-poll": none() }
  return {
    live,
    totals,
    enter: (reader) => {
      totals[reader.transport][reader.position > 0 ? "resumed" : "started"]++
      live.add(reader)
    },
    leave: (reader) => {
      if (live.delete(reader)) totals[reader.transport].bytes += reader.bytes
    }
  }
}

/** Not there before it entered. */
export const reader = (transport: Transport, name: string, position: number): Reader => ({
  transport,
  name,
  position,
  waiting: false,
  bytes: 0
})

/** One that waits for as long as the effect takes. */
export const during =
  (followers: Followers, reader: Reader) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => followers.enter(reader)),
      () => effect,
      () => Effect.sync(() => followers.leave(reader))
    )

/** How many offsets it has to go; 0 for one that waits. */
export const lagOf = ({ position, waiting }: Reader, head: number): number => (waiting ? 0 : Math.max(0, head - position))

/** Those of this server; the transports of a test without one have their own. */
export class Registry extends Context.Reference<Registry>()("@millrace/server/Followers", { defaultValue: make }) {}
