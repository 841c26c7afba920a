/** Attached readers that have stopped reading, such as a client whose process is suspended: retention waits for them for a day, as for a saved cursor. */
import { Duration } from "effect"

const patienceMillis = Duration.toMillis(Duration.days(1))

export class Standstill {
  /** When a position was first seen behind the head, and stayed. */
  readonly #since = new Map<number, number>()
  readonly #frozen = new Set<number>()

  /**
   * Takes the positions of all readers, at least once a day. Returns the positions that readers have not left for a day although there were later events,
   * each once. A reader at the head is not behind, so no reader counts as frozen while the log is idle.
   */
  observe(positions: Iterable<number>, head: number, now: number): ReadonlyArray<number> {
    const behind = new Set(Array.from(positions).filter((position) => position < head))
    for (const position of this.#since.keys())
      if (!behind.has(position)) {
        this.#since.delete(position)
        this.#frozen.delete(position)
      }
    for (const position of behind) if (!this.#since.has(position)) this.#since.set(position, now)
    const found = Array.from(this.#since).flatMap(([position, since]) =>
      now - since >= patienceMillis && !this.#frozen.has(position) ? [position] : []
    )
    for (const position of found) this.#frozen.add(position)
    return found
  }

  /** Whether the readers at this position have stopped reading. */
  isFrozen(position: number): boolean {
    return this.#frozen.has(position)
  }
}
