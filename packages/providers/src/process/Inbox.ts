/**
 * A bounded queue from one producer to one consumer, read in chunks. `offer` never waits and may exceed the bounds by one batch;
 * the producer awaits `room` before it produces more. The end is a value: nothing offered before it is lost.
 */
import { Chunk, Effect, Option, Stream } from "effect"

export interface Inbox<A> {
  readonly offer: (item: A, bytes: number) => void
  /** At a bound, waits until the consumer has emptied the queue. Otherwise returns at once. */
  readonly room: Effect.Effect<void>
  readonly end: () => void
  /** Wakes a waiting consumer: it receives an empty chunk. */
  readonly wake: () => void
  /** The queued items, as one chunk of at most `atOnce`; waits when the queue is empty. Fails with `None` when it has ended and is empty. */
  readonly take: Effect.Effect<Chunk.Chunk<A>, Option.Option<never>>
  readonly stream: Stream.Stream<A>
}

/**
 * Maximum items of one chunk. `take` yields between chunks, so that a flood does not block the event loop. Mapping 1,024 messages of an agent
 * at once blocked it for 30 to 77 ms (docs/decisions/0090, 0108).
 */
const atOnce = 64

export const make = <A>(bounds: { readonly items: number; readonly bytes: number }): Inbox<A> => {
  let items: Array<A> = []
  let bytes = 0
  let ended = false
  let woken = false
  /** Items remained after the last chunk. */
  let left = false
  const room = Effect.unsafeMakeLatch(true)
  const some = Effect.unsafeMakeLatch(false)

  const take: Inbox<A>["take"] = Effect.suspend(() => {
    if (items.length === 0 && !woken) return ended ? Effect.fail(Option.none()) : Effect.zipRight(some.await, take)
    // Yield before items are taken: an interrupt at this point loses none.
    if (left) {
      left = false
      return Effect.zipRight(Effect.yieldNow(), take)
    }
    const taken = items.slice(0, atOnce)
    items = items.slice(atOnce)
    woken = false
    left = items.length > 0
    if (left) return Effect.succeed(Chunk.unsafeFromArray(taken))
    bytes = 0
    room.unsafeOpen()
    if (!ended) some.unsafeClose()
    return Effect.succeed(Chunk.unsafeFromArray(taken))
  })
  return {
    offer: (item, size) => {
      items.push(item)
      bytes += size
      if (items.length >= bounds.items || bytes >= bounds.bytes) room.unsafeClose()
      some.unsafeOpen()
    },
    room: room.await,
    end: () => {
      ended = true
      some.unsafeOpen()
    },
    wake: () => {
      woken = true
      some.unsafeOpen()
    },
    take,
    stream: Stream.repeatEffectChunkOption(take)
  }
}
