/** Wakes waiting subscribers without carrying data (D1). All waiters share one Deferred, which each wake-up replaces, so a subscriber that does not wait costs nothing. */
import { Deferred, type Effect, Exit, FiberId } from "effect"

export class Notifier {
  #latch: Deferred.Deferred<void> | undefined

  /** Completes at the next wake-up after the effect was obtained: obtain it before you read the head. */
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
