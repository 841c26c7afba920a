/** Reads of workspaces from the running server. They are not part of RPC and of the client, because only the command line needs them here. */
import { disconnected, refused } from "@millrace/client/TransportError"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Diff, Worktree } from "@millrace/contracts/Workspace"
import { Effect, Option, Schema } from "effect"
import { type CliFailure, failed, fromError } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import type { Where } from "./Connect.ts"
import * as Discovery from "./Discovery.ts"

/** A comparison of two large trees takes up to three minutes on the server. */
const deadlineMillis = 200_000

const Failure = Schema.parseJson(Schema.Struct({ _tag: Schema.String, message: Schema.String }))

const locate = ({ dataDir, url }: Where) =>
  Effect.gen(function* () {
    const token = Flags.orUndefined(yield* Effect.orElseSucceed(Flags.token, Option.none))
    if (url !== undefined) return { url, token }
    const found = yield* Discovery.find(dataDir)
    if (Option.isNone(found)) return yield* failed(`No server is running for ${dataDir}. Start one with: millrace serve`)
    return { url: found.value.url, token: token ?? found.value.token }
  })

const get = (where: Where, path: string, accept: string): Effect.Effect<{ text: string; headers: Headers }, CliFailure> =>
  Effect.gen(function* () {
    const { token, url } = yield* locate(where)
    const address = url.replace(/\/+$/, "")
    const headers = { accept, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    const { response, text } = yield* Effect.tryPromise({
      try: async (stop) => {
        const signal = AbortSignal.any([stop, AbortSignal.timeout(deadlineMillis)])
        const response = await fetch(`${address}${path}`, { headers, signal })
        return { response, text: await response.text() }
      },
      catch: (cause) => fromError(disconnected(address, cause))
    })
    if (response.ok) return { text, headers: response.headers }
    const known = Option.getOrElse(Schema.decodeOption(Failure)(text), () => refused(response.status, text))
    return yield* fromError(known)
  })

const json = <A, I>(where: Where, path: string, schema: Schema.Schema<A, I>) =>
  Effect.flatMap(get(where, path, "application/json"), ({ text }) =>
    Effect.mapError(Schema.decodeUnknown(Schema.parseJson(schema))(text), ({ message }) =>
      failed(`The server's answer cannot be read; is it of another version? ${message.slice(0, 300)}`)
    )
  )

const diffPath = (threadId: ThreadId, turnId: TurnId | undefined): string =>
  `/api/threads/${threadId}${turnId === undefined ? "" : `/turns/${turnId}`}/diff`

/** What a turn changed, or the thread so far. */
export const diff = (where: Where, threadId: ThreadId, turnId: TurnId | undefined) =>
  json(where, diffPath(threadId, turnId), Diff)

/** The same as a unified diff. */
export const patch = (where: Where, threadId: ThreadId, turnId: TurnId | undefined) =>
  Effect.map(get(where, diffPath(threadId, turnId), "text/x-diff"), ({ headers, text }) => ({
    patch: text,
    truncated: headers.has("x-millrace-truncated"),
    late: headers.has("x-millrace-late")
  }))

/** The worktrees of threads, oldest first. */
export const worktrees = (where: Where) => json(where, "/api/worktrees", Schema.Array(Worktree))
