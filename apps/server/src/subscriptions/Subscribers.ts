/**
 * The remote subscribers of the log and their lag, for `/metrics` and the doctor. A subscriber updates its own numbers. The registry does work only when a
 * subscriber enters or leaves.
 */
import { Context, Effect } from "effect"

export type Transport = "sse" | "rpc" | "long-poll"

export interface Subscriber {
  readonly transport: Transport
  /** The name of the subscriber's token. */
  readonly name: string
  /** Every event up to this offset was passed to the connection. */
  position: number
  /** Whether the subscriber has received all events of its stream and waits for more. Its lag is then 0 wherever the head is. */
  waiting: boolean
  /** Bytes of events that were passed to the connection. */
  bytes: number
}

interface Totals {
  /** Attaches at the start of the log, and attaches with a position. */
  started: number
  resumed: number
  /** Bytes of the subscribers that have left. */
  bytes: number
}

export interface Subscribers {
  readonly enter: (subscriber: Subscriber) => void
  readonly leave: (subscriber: Subscriber) => void
  readonly live: ReadonlySet<Subscriber>
  readonly totals: Readonly<Record<Transport, Readonly<Totals>>>
}

export const make = (): Subscribers => {
  const live = new Set<Subscriber>()
  const none = (): Totals => ({ started: 0, resumed: 0, bytes: 0 })
  const totals = { sse: none(), rpc: none(), "long-poll": none() }
  return {
    live,
    totals,
    enter: (subscriber) => {
      totals[subscriber.transport][subscriber.position > 0 ? "resumed" : "started"]++
      live.add(subscriber)
    },
    leave: (subscriber) => {
      if (live.delete(subscriber)) totals[subscriber.transport].bytes += subscriber.bytes
    }
  }
}

/** A new subscriber. The registry counts it when it enters. */
export const subscriber = (transport: Transport, name: string, position: number): Subscriber => ({
  transport,
  name,
  position,
  waiting: false,
  bytes: 0
})

/** Registers a subscriber for the duration of the effect. */
export const during =
  (subscribers: Subscribers, subscriber: Subscriber) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => subscribers.enter(subscriber)),
      () => effect,
      () => Effect.sync(() => subscribers.leave(subscriber))
    )

/** Lag in offsets; 0 for a subscriber that waits. */
export const lagOf = ({ position, waiting }: Subscriber, head: number): number => (waiting ? 0 : Math.max(0, head - position))

/** The registry of the server. Without one, for example in tests of a transport, each transport has its own. */
export class Registry extends Context.Reference<Registry>()("@millrace/server/Subscribers", { defaultValue: make }) {}
