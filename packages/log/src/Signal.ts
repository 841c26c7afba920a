/** "There is more", never what (D1). One Deferred for all who wait, replaced at each wake-up; waking costs nothing per follower that does not wait. */
import { Deferred, type Effect, Exit, FiberId } from "effect"

export class Signal {
  #latch: Deferred.Deferred<void> | undefined

  /** Completes at the next wake-up after this effect was made: make it before looking at the head. */
  get next(): Effect.Effect<void> {
    this.#latch ??= Deferred.unsafeMake<void>(FiberId.none)
    return Deferred.await(this.#latch)
  }

  readonly wake = (): void => {
    const latch = this.#latch
    this.#latch = undefined
    if (latch !== undefined) Deferred.unsafeDone(latch, Exit.void)
  }
}
