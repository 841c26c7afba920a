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
  /** Everything there is, as one chunk; `None` when it ended and was emptied. */
  readonly take: Effect.Effect<Chunk.Chunk<A>, Option.Option<never>>
  readonly stream: Stream.Stream<A>
}

export const make = <A>(bounds: { readonly items: number; readonly bytes: number }): Inbox<A> => {
  let items: Array<A> = []
  let bytes = 0
  let ended = false
  let woken = false
  const room = Effect.unsafeMakeLatch(true)
  const some = Effect.unsafeMakeLatch(false)

  const take: Inbox<A>["take"] = Effect.suspend(() => {
    if (items.length === 0 && !woken) return ended ? Effect.fail(Option.none()) : Effect.zipRight(some.await, take)
    const taken = items
    items = []
    bytes = 0
    woken = false
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
