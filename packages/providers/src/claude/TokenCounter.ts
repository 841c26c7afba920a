/** Running sum of the tokens of one turn's messages: constant work per report for any number of messages (R7). */
import type { Usage } from "@millrace/contracts/Item"
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { sumOf } from "./Failures.ts"
import type { Tokens } from "./Said.ts"

/** Newest messages whose counts may still change: Claude reports tokens of the streaming message only. */
const kept = 16

const fields = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"] as const

export class TokenCounter {
  private readonly newest = new BoundedMap<string, Tokens>(kept, [], (_, counted) => {
    this.older = Object.fromEntries(fields.map((field) => [field, (this.older[field] ?? 0) + (counted[field] ?? 0)]))
  })
  /** Sum of the messages before `newest`. */
  private older: Tokens = {}

  /** Number of messages in `newest`. */
  get size(): number {
    return this.newest.size
  }

  /** A report replaces the message's earlier one, field by field. Returns the sum of the turn so far. */
  report(messageId: string, tokens: Tokens): Usage {
    this.newest.set(messageId, { ...this.newest.get(messageId), ...tokens })
    return sumOf([this.older, ...this.newest.values()])
  }
}
