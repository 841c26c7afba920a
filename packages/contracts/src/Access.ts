/** Who may ask, and what runs: what administrators look at. No secret is ever in these. */
import { Schema } from "effect"

export const TokenView = Schema.Struct({
  id: Schema.String,
  name: Schema.String.annotations({ description: "The actor of its commands in the log." }),
  kind: Schema.Literal("token", "session").annotations({ description: "`session`: a browser that was paired." }),
  role: Schema.Literal("admin", "client").annotations({ description: "`admin` may put others out, and end the server." }),
  last4: Schema.String.annotations({ description: "The last 4 characters of the secret, to recognise it by." }),
  createdAt: Schema.String,
  revokedAt: Schema.optional(Schema.String),
  current: Schema.optional(Schema.Literal(true)).annotations({ description: "It is the one that asks." })
})
export type TokenView = typeof TokenView.Type

/** What `POST /api/pair` answers: a link that works once. */
export interface PairingCode {
  readonly code: string
  readonly url: string
  readonly expiresAt: string
}

/** An agent's process, as the ledger of the data directory has it. */
export const ProcessView = Schema.Struct({
  pid: Schema.Int,
  threadId: Schema.String,
  epoch: Schema.Int,
  alive: Schema.Boolean,
  startedAt: Schema.String,
  processes: Schema.optional(Schema.Int).annotations({ description: "Of its whole group, where the system has a /proc." }),
  memoryBytes: Schema.optional(Schema.Number)
})
export type ProcessView = typeof ProcessView.Type
