/** Tokens of one turn's messages, as a sum that is kept: constant work for each report, whatever the turn has (R7). */
import type { Usage } from "@millrace/contracts/Item"
import { sumOf } from "./Failures.ts"
import type { Tokens } from "./Wire.ts"

/** Messages whose tokens can still change: Claude reports those of the message that streams. */
const kept = 16

const fields = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"] as const

export class Counts {
  private readonly newest = new Map<string, Tokens>()
  /** Of the messages before them. */
  private older: Tokens = {}

  /** Messages that each report sums up. */
  get size(): number {
    return this.newest.size
  }

  /** What is reported of a message replaces what was reported of it before, field by field. Gives the sum of the turn so far. */
  report(messageId: string, tokens: Tokens): Usage {
    this.newest.set(messageId, { ...this.newest.get(messageId), ...tokens })
    for (const [oldest, counted] of this.newest) {
      if (this.newest.size <= kept) break
      this.newest.delete(oldest)
      this.older = Object.fromEntries(fields.map((field) => [field, (this.older[field] ?? 0) + (counted[field] ?? 0)]))
    }
    return sumOf([this.older, ...this.newest.values()])
  }
}
