/** The tokens that the page lists and revokes: an administrator's page all of them, a client's page its own. */
import { Effect } from "effect"
import type { TokenView } from "@millrace/contracts/Access"
import { type Forbidden, NotFound, type StorageUnavailable } from "@millrace/contracts/Errors"
import * as AccessFile from "./AccessFile.ts"
import * as AuditLog from "./AuditLog.ts"
import * as Scopes from "./Scopes.ts"
import { Session } from "./Session.ts"
import * as Tokens from "./Tokens.ts"

/** The tokens that the session may see, oldest first, revoked ones included. */
export const list = (dataDir: string): Effect.Effect<ReadonlyArray<TokenView>, StorageUnavailable, Session> =>
  Effect.gen(function* () {
    const { scope, tokenId } = yield* Session
    const all = yield* Effect.mapError(Tokens.list(dataDir), AccessFile.unavailable)
    return all
      .filter(({ id }) => scope === "admin" || id === tokenId)
      .map((record) => Object.assign({}, record, record.id === tokenId && { current: true as const }))
  })

/** Revokes the token with this id; its live streams end within a second (X3). Recorded before it takes effect (X6). */
export const revoke = (
  dataDir: string,
  id: string
): Effect.Effect<{ readonly revoked: ReadonlyArray<string> }, Forbidden | NotFound | StorageUnavailable, Session> =>
  Effect.gen(function* () {
    const { actor, scope, tokenId } = yield* Session
    if (id !== tokenId) yield* Scopes.permit(scope, "revoke another token")
    const known = yield* Effect.mapError(Tokens.list(dataDir), AccessFile.unavailable)
    if (!known.some((token) => token.id === id && token.revokedAt === undefined))
      return yield* new NotFound({ what: "token", id, message: "There is no live token with this id. List them at /api/tokens." })
    yield* AuditLog.write(dataDir, { action: "revoke", actor, tokenId, revoked: id })
    const ended = yield* Tokens.revoke(dataDir, id).pipe(
      Effect.catchTags({
        TokenNotFound: () => Effect.succeed([]),
        AccessFileError: (error) => AccessFile.unavailable(error)
      })
    )
    return { revoked: ended.map((token) => token.id) }
  })
