/** Reads of workspaces from the running server. They are not part of RPC and of the client, because only the command line needs them here. */
import * as Errors from "@millrace/contracts/Errors"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Diff, RewindPreview, type RewindRequest, Worktree } from "@millrace/contracts/Workspace"
import { Effect, Schema } from "effect"
import { type CliFailure, fromError } from "../Failure.ts"
import * as Connect from "./Connect.ts"

/** A comparison of two large trees takes up to three minutes on the server. */
const deadline = "200 seconds"

const failures = Schema.Union(Errors.BadRequest, Errors.NotFound, ...Errors.CommandError.members)

/** `body`: sent with POST. */
const json = <A, I>(
  where: Connect.Where,
  path: string,
  schema: Schema.Schema<A, I>,
  body?: object
): Effect.Effect<A, CliFailure> =>
  Effect.flatMap(Connect.requests(where, deadline), ({ json, within }) => {
    const headers = { accept: "application/json" }
    const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }
    return Effect.mapError(within(json(path, schema, failures, { headers, ...post })), fromError)
  })

const diffPath = (threadId: ThreadId, turnId: TurnId | undefined): string =>
  `/api/threads/${threadId}${turnId === undefined ? "" : `/turns/${turnId}`}/diff`

/** What a turn changed, or the thread so far. */
export const diff = (where: Connect.Where, threadId: ThreadId, turnId: TurnId | undefined) =>
  json(where, diffPath(threadId, turnId), Diff)

/** The same as a unified diff. */
export const patch = (where: Connect.Where, threadId: ThreadId, turnId: TurnId | undefined) =>
  Effect.flatMap(Connect.requests(where, deadline), ({ lost, open, within }) =>
    Effect.gen(function* () {
      const { headers, text } = yield* Effect.flatMap(
        open(diffPath(threadId, turnId), failures, { headers: { accept: "text/x-diff" } }),
        (response) =>
          Effect.map(Effect.tryPromise({ try: () => response.text(), catch: lost }), (text) => ({
            headers: response.headers,
            text
          }))
      )
      return { patch: text, truncated: headers.has("x-millrace-truncated"), late: headers.has("x-millrace-late") }
    }).pipe(Effect.scoped, within, Effect.mapError(fromError))
  )

/** What `thread.rewind` would change. Changes nothing. */
export const previewRewind = (where: Connect.Where, threadId: ThreadId, request: RewindRequest) =>
  json(where, `/api/threads/${threadId}/rewind/preview`, RewindPreview, request)

/** The worktrees of threads, oldest first. */
export const worktrees = (where: Connect.Where) => json(where, "/api/worktrees", Schema.Array(Worktree))
