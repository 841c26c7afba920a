/**
 * A bounded hand-over from one producer to one consumer, in chunks. `offer` never waits and may pass the bounds by one batch;
 * `room` is where the producer waits before it produces more. The end is a value: nothing offered before it is lost.
 */
import { Chunk, Effect, Option, Stream } from "effect"

export interface Inbox<A> {
  readonly offer: (item: A, bytes: number) => void
  /** Waits until the consumer has taken what there is, when a bound was passed. */
  readonly room: Effect.Effect<void>
  readonly end: () => void
  /** Makes a waiting consumer look: it receives an empty chunk. */
  readonly wake: () => void
  /** What there is, as one chunk of at most `atOnce` items; `None` when it ended and was emptied. */
  readonly take: Effect.Effect<Chunk.Chunk<A>, Option.Option<never>>
  readonly stream: Stream.Stream<A>
}

/**
 * Items that the consumer gets at once: others have a turn between two chunks, so that a flood does not keep the event loop. 1,024 messages of an
 * agent, mapped in one go, were gaps of 30 to 77 ms of work (docs/decisions/0090, 0108).
 */
const atOnce = 64

export const make = <A>(bounds: { readonly items: number; readonly bytes: number }): Inbox<A> => {
  let items: Array<A> = []
  let bytes = 0
  let ended = false
  let woken = false
  /** The last chunk was not everything. */
  let left = false
  const room = Effect.unsafeMakeLatch(true)
  const some = Effect.unsafeMakeLatch(false)

  const take: Inbox<A>["take"] = Effect.suspend(() => {
    if (items.length === 0 && !woken) return ended ? Effect.fail(Option.none()) : Effect.zipRight(some.await, take)
    // Before anything is taken: who is interrupted here has lost nothing.
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
