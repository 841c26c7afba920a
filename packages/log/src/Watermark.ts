/** A number that only grows, and the wait for it to grow. A wake-up carries no data: the fibers that wait read the number again (D1). */
import { Effect } from "effect"
import { Notifier } from "./Notifier.ts"

export class Watermark {
  #value: number
  readonly #growth = new Notifier()
  readonly #wake: () => void

  /** `onWake` is called in place of each wake-up. Tests use it to lose, double and delay wake-ups. */
  constructor(value: number, onWake?: (wake: () => void) => void) {
    const { wake } = this.#growth
    this.#value = value
    this.#wake = onWake === undefined ? wake : () => onWake(wake)
  }

  get value(): number {
    return this.#value
  }

  /** Raises the number and wakes the fibers that wait. A number that is not greater changes nothing. */
  advance(value: number): void {
    if (value <= this.#value) return
    this.#value = value
    this.#wake()
  }

  /** Returns when the number is greater than `seen`; at once if it is already. */
  awaitBeyond(seen: number): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#value > seen ? Effect.void : Effect.flatMap(this.#growth.next, () => this.awaitBeyond(seen))
    )
  }
}
