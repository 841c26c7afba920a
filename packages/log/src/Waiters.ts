/**
 * Fibers that wait for a condition, in the order of arrival. Each has a value, by which it is woken. One that is interrupted is removed. Use `Notifier`
 * when all are woken together.
 */
import { Effect } from "effect"

interface Waiter<A> {
  readonly value: A
  readonly resume: () => void
}

/**
 * Waits until `resume` is called; returns at once if `isMet`, which is called once. Checks and registers in one step: between two effects another fiber
 * may run, whose wake-up would be lost. `register` returns the removal.
 */
const untilResumed = (isMet: () => boolean, register: (resume: () => void) => () => void): Effect.Effect<void> =>
  Effect.async<void>((resume) => (isMet() ? resume(Effect.void) : Effect.sync(register(() => resume(Effect.void)))))

export class Waiters<A> {
  readonly #waiting = new Set<Waiter<A>>()

  get size(): number {
    return this.#waiting.size
  }

  /** Waits to be woken; returns at once if `isMet`. */
  wait(value: A, isMet: () => boolean): Effect.Effect<void> {
    return untilResumed(isMet, (resume) => this.add({ value, resume }))
  }

  /** Adds a waiter and returns its removal. */
  add(waiter: Waiter<A>): () => void {
    this.#waiting.add(waiter)
    return () => void this.#waiting.delete(waiter)
  }

  /** Wakes the waiters for which the test holds; by default all. */
  wake(test: (value: A) => boolean = () => true): void {
    for (const waiter of this.#waiting) if (test(waiter.value)) this.#wakeOne(waiter)
  }

  /** Wakes waiters from the first on, until one for which the test does not hold. */
  wakeWhile(test: (value: A) => boolean): void {
    for (const waiter of this.#waiting) {
      if (!test(waiter.value)) return
      this.#wakeOne(waiter)
    }
  }

  #wakeOne(waiter: Waiter<A>): void {
    this.#waiting.delete(waiter)
    waiter.resume()
  }
}

/** Waiters by key. A key without waiters takes no memory. */
export class KeyedWaiters<K, A> {
  readonly #byKey = new Map<K, Waiters<A>>()

  get size(): number {
    let size = 0
    for (const waiters of this.#byKey.values()) size += waiters.size
    return size
  }

  /** Whether no waiter has another key. */
  hasOnly(key: K): boolean {
    return this.#byKey.size === (this.#byKey.has(key) ? 1 : 0)
  }

  /** Waits to be woken with this key; returns at once if `isMet`. */
  wait(key: K, value: A, isMet: () => boolean): Effect.Effect<void> {
    return untilResumed(isMet, (resume) => {
      let waiters = this.#byKey.get(key)
      if (waiters === undefined) this.#byKey.set(key, (waiters = new Waiters()))
      const remove = waiters.add({ value, resume })
      return () => {
        remove()
        if (waiters.size === 0 && this.#byKey.get(key) === waiters) this.#byKey.delete(key)
      }
    })
  }

  /** Wakes the waiters of a key. */
  wake(key: K): void {
    const waiters = this.#byKey.get(key)
    if (waiters === undefined) return
    this.#byKey.delete(key)
    waiters.wake()
  }

  /** Wakes the waiters of all keys for which the test holds; by default all. */
  wakeAll(test?: (value: A) => boolean): void {
    for (const [key, waiters] of this.#byKey) {
      waiters.wake(test)
      if (waiters.size === 0) this.#byKey.delete(key)
    }
  }
}
