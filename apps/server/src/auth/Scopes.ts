/**
 * The least token scope of each operation, on every interface: one table, and the check against it (X9). An operation is an endpoint of `/api` or an RPC
 * call (by its name in the contract), a command (by its type), or another route (by method and path). Pure.
 */
import { Either } from "effect"
import type { RpcGroup } from "@effect/rpc"
import type { TokenScope } from "@millrace/contracts/Access"
import { ApiGroup } from "@millrace/contracts/Api"
import type { CommandType } from "@millrace/contracts/Command"
import { Forbidden } from "@millrace/contracts/Errors"
import type { MillraceRpcs } from "@millrace/contracts/Rpc"
import type { Name } from "../http/Routes.ts"
import { routed } from "../http/Target.ts"

/** The least scope of an operation. `any`: every valid token, including a runner's. */
type Least = TokenScope | "any"

const other = {
  "POST /api/pair": "operate",
  "GET /rpc": "any",
  "GET /metrics": "read",
  "GET /openapi.json": "read",
  "GET /docs": "read",
  "GET /docs.js": "read",
  "POST /v1/chat/completions": "operate",
  "POST /v1/responses": "operate",
  "GET /v1/responses/:id": "read",
  "GET /v1/responses/:id/input_items": "read",
  "GET /v1/models": "read",
  "GET /v1/models/:model": "read",
  // Each tool has the scope of its command or query in addition.
  "POST /mcp": "read",
  "GET /mcp": "read",
  "DELETE /mcp": "read",
  "revoke another token": "admin"
} as const satisfies Record<string, Least>

export type Operation = Name | RpcGroup.Rpcs<typeof MillraceRpcs>["_tag"] | CommandType | keyof typeof other

const table: Readonly<Record<Operation, Least>> = {
  ...other,
  // Queries
  capabilities: "any",
  state: "read",
  events: "read",
  follow: "read",
  commandStatus: "read",
  threads: "read",
  thread: "read",
  exportThread: "read",
  getBlob: "read",
  items: "read",
  turns: "read",
  turn: "read",
  files: "read",
  // As `file`: with the lines of files that no agent may have named.
  threadDiff: "operate",
  turnDiff: "operate",
  rewindPreview: "operate",
  git: "read",
  worktrees: "read",
  // A file may contain secrets that are in no transcript, such as those of `.env`. A token that starts agents can let an agent read the file anyway.
  file: "operate",
  search: "read",
  requests: "read",
  providers: "read",
  processes: "read",
  logUsage: "read",
  // A token lists and revokes itself. Only an administrator lists and revokes other tokens.
  tokens: "any",
  revokeToken: "any",
  // Starts a process of the agent, which reads conversations that the agent stored outside of the log.
  nativeThreads: "operate",
  // Endpoints that carry a command. The entry of the command is checked in addition.
  dispatch: "any",
  createThread: "operate",
  startTurn: "operate",
  interrupt: "operate",
  answer: "answer",
  importThread: "operate",
  putBlob: "operate",
  importNative: "operate",
  shutdown: "admin",
  packLog: "admin",
  pruneLog: "admin",
  // Commands
  "request.answer": "answer",
  "project.create": "operate",
  "project.update": "operate",
  "project.delete": "operate",
  "thread.create": "operate",
  "thread.rename": "operate",
  "thread.configure": "operate",
  "thread.handover": "operate",
  "turn.retry": "operate",
  "thread.fork": "operate",
  "thread.compact": "operate",
  "thread.review": "operate",
  "thread.archive": "operate",
  "thread.unarchive": "operate",
  "thread.delete": "operate",
  "turn.start": "operate",
  "turn.interrupt": "operate",
  "turn.edit": "operate",
  "turn.remove": "operate",
  "turn.reorder": "operate",
  "turn.promote": "operate",
  "goal.set": "operate",
  "goal.pause": "operate",
  "goal.resume": "operate",
  "goal.clear": "operate",
  "continuation.cancel": "operate",
  "thread.rewind": "operate",
  "workspace.discard": "operate",
  "workspace.remove": "operate",
  "workspace.commit": "operate",
  "workspace.merge": "operate",
  "workspace.push": "operate",
  "workspace.propose": "operate",
  "session.stop": "operate"
}

interface Route {
  readonly method: string
  readonly path: string
}
const keyOf = ({ method, path }: Route) => `${method} ${path}`

const isOther = (key: string): key is keyof typeof other => Object.hasOwn(other, key)
const endpoints = new Map<string, Name>(
  Object.values(ApiGroup.endpoints).map((endpoint) => [
    keyOf({ method: endpoint.method, path: routed(endpoint.path) }),
    endpoint.name
  ])
)

/** The operation of a route. `undefined` for a route without an entry: only an administrator may use it. */
export const ofRoute = (route: Route): Operation | undefined => {
  const key = keyOf(route)
  return endpoints.get(key) ?? (isOther(key) ? key : undefined)
}

const order: ReadonlyArray<TokenScope> = ["read", "answer", "operate", "admin"]

/** Whether a scope includes another: itself, and every smaller one of read < answer < operate < admin. */
const includes = (held: TokenScope, least: TokenScope): boolean =>
  held === least || (order.includes(least) && order.indexOf(held) > order.indexOf(least))

/** Fails with the error for the client if a token of this scope may not perform the operation. */
export const permit = (held: TokenScope, operation: Operation | undefined): Either.Either<void, Forbidden> => {
  const least = operation === undefined ? "admin" : table[operation]
  return least === "any" || includes(held, least)
    ? Either.void
    : Either.left(
        new Forbidden({
          scope: least,
          message: `This needs a token of the scope ${least}; this token has ${held}. Create one on the server's machine: millrace token create NAME ${least === "admin" ? "--admin" : `--scope ${least}`}`
        })
      )
}
