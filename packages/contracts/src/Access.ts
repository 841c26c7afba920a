/** The administrator's views of tokens and agent processes. They never contain a secret. */
import { Schema } from "effect"

/**
 * What a token permits: `read` < `answer` (also answers requests) < `operate` (also commands) < `admin` (also other tokens and the shutdown). `runner` is
 * for machines that run agents. It includes no other scope, and no other scope includes it.
 */
export const TokenScope = Schema.Literal("read", "answer", "operate", "admin", "runner")
export type TokenScope = typeof TokenScope.Type

/**
 * The subprotocols with which a browser opens `/rpc`. A browser can set no header of the upgrade request, and a token never belongs in a URL (X1). The server
 * chooses the first subprotocol, so no answer contains the token.
 */
export const socketProtocols = (token: string): [string, string] => ["millrace", `millrace.bearer.${token}`]

export const TokenView = Schema.Struct({
  id: Schema.String,
  name: Schema.String.annotations({ description: "The actor of the token's commands in the log." }),
  kind: Schema.Literal("token", "session").annotations({ description: "`session`: a browser that was paired." }),
  role: Schema.Literal("admin", "client").annotations({ description: "`admin` for the scope `admin`, else `client`." }),
  scope: TokenScope.annotations({ description: "What the token permits: read < answer < operate < admin; runner is separate." }),
  last4: Schema.String.annotations({ description: "The last 4 characters of the secret, to recognise the token." }),
  createdAt: Schema.String,
  createdBy: Schema.optional(
    Schema.String.annotations({
      description: "Name of the token that created this one; `local` for the command line. Absent in tokens of older versions."
    })
  ),
  expiresAt: Schema.optional(
    Schema.String.annotations({ description: "The server rejects the token after this time. Absent: the token does not expire." })
  ),
  revokedAt: Schema.optional(Schema.String),
  current: Schema.optional(Schema.Literal(true)).annotations({ description: "True for the token that made this request." })
}).annotations({ identifier: "Token", description: "A token or a browser session. It never contains the secret." })
export type TokenView = typeof TokenView.Type

/** The answer of `POST /api/pair`: a link that works once. */
export const PairingCode = Schema.Struct({
  code: Schema.String,
  url: Schema.String.annotations({ description: "Opens the page with a new browser session." }),
  expiresAt: Schema.String
}).annotations({ identifier: "PairingCode" })
export type PairingCode = typeof PairingCode.Type

/** An agent process, as recorded in the process ledger of the data directory. */
export const ProcessView = Schema.Struct({
  pid: Schema.Int,
  threadId: Schema.String,
  epoch: Schema.Int,
  alive: Schema.Boolean,
  startedAt: Schema.String,
  processes: Schema.optional(Schema.Int).annotations({
    description: "Number of processes in the process group, on systems with /proc."
  }),
  memoryBytes: Schema.optional(Schema.Number)
}).annotations({ identifier: "AgentProcess" })
export type ProcessView = typeof ProcessView.Type
