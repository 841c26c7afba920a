/**
 * Tokens of the sessions whose thread has the built-in MCP server: one for each session, in memory only, valid on `/mcp` until the session ends (M3). Only the
 * agent of the session gets the token; its digest is kept.
 */
import { createHash, randomBytes } from "node:crypto"
import { Context, Deferred, Effect, Layer } from "effect"
import type { ThreadId } from "@millrace/contracts/Ids"
import { Waiters } from "@millrace/log/Waiters"
import { BuiltinMcp } from "@millrace/orchestration/engine/BuiltinMcp"
import type { Session } from "../auth/Session.ts"
import { prefix } from "../auth/Tokens.ts"

export class SessionTokens extends Context.Tag("@millrace/server/mcp/SessionTokens")<
  SessionTokens,
  {
    /** The session with this token; `undefined`: it is not one of these tokens, or its session has ended. */
    readonly find: (secret: string) => Session["Type"] | undefined
    /** Number of these tokens that have ended. */
    readonly ended: () => number
    /** Returns when more than `seen` tokens have ended. */
    readonly awaitEnd: (seen: number) => Effect.Effect<void>
    /** Sets the URL of the server, which sessions wait for. */
    readonly listening: (url: string) => Effect.Effect<void>
  }
>() {}

const digest = (secret: string): string => createHash("sha256").update(secret).digest("hex")

const sessionOf = (threadId: ThreadId, epoch: number, isEnded: () => boolean): Session["Type"] => ({
  actor: `agent of ${threadId}`,
  tokenId: `${threadId} ${epoch}`,
  scope: "operate",
  thread: threadId,
  ended: () => (isEnded() ? "revoked" : undefined)
})

/** Provide it to the host, which issues the tokens, and to the server, which accepts them. */
export const layer: Layer.Layer<SessionTokens | BuiltinMcp> = Layer.effectContext(
  Effect.gen(function* () {
    const url = yield* Deferred.make<string>()
    const sessions = new Map<string, Session["Type"]>()
    const endings = new Waiters<undefined>()
    let ended = 0
    const issue = (threadId: ThreadId, epoch: number) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const secret = `${prefix}${randomBytes(32).toString("base64url")}`
          const key = digest(secret)
          sessions.set(
            key,
            sessionOf(threadId, epoch, () => !sessions.has(key))
          )
          return { secret, key }
        }),
        ({ key }) =>
          Effect.sync(() => {
            sessions.delete(key)
            ended++
            endings.wake()
          })
      )
    return Context.make(SessionTokens, {
      ended: () => ended,
      awaitEnd: (seen) => endings.wait(undefined, () => ended > seen),
      find: (secret) => sessions.get(digest(secret)),
      listening: (at) => Effect.asVoid(Deferred.succeed(url, at))
    }).pipe(
      Context.add(BuiltinMcp, {
        issue: (threadId, epoch) =>
          Effect.flatMap(Deferred.await(url), (at) =>
            Effect.map(issue(threadId, epoch), ({ secret }) => ({
              url: `${at}/mcp`,
              headers: { Authorization: `Bearer ${secret}` }
            }))
          )
      })
    )
  })
)
