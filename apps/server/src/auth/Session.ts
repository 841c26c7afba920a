/** The authenticated client of a request. The access middleware provides it to every private route; RPC handlers inherit it. */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Context, Effect, Either, Option } from "effect"
import type { TokenScope } from "@millrace/contracts/Access"
import { defined } from "@millrace/contracts/Defined"
import type { ThreadId } from "@millrace/contracts/Ids"
import { Forbidden, StorageUnavailable, Unauthorized } from "@millrace/contracts/Errors"
import { EventLog } from "@millrace/log/EventLog"
import * as Allowance from "../http/Allowance.ts"
import { Drain } from "../http/Drain.ts"
import * as Limited from "../http/Limited.ts"
import * as Respond from "../http/Respond.ts"
import * as Access from "./Access.ts"
import * as AccessFile from "./AccessFile.ts"
import * as Scopes from "./Scopes.ts"
import { type End, Tokens } from "./Tokens.ts"

export class Session extends Context.Tag("@millrace/server/Session")<
  Session,
  {
    /** The actor of commands (X6): the token's name. */
    readonly actor: string
    /** Absent when the server runs without authentication. */
    readonly tokenId?: string
    readonly scope: TokenScope
    /** The thread whose agent holds the token, if an agent does. Such a token is valid on `/mcp` only, and sees only this thread and the threads below it. Absent for any other token. */
    readonly thread?: ThreadId
    /** When the token expires, ISO 8601 UTC. Absent: never. */
    readonly expiresAt?: string
    /** The reason for which the token is no longer valid. `undefined` for a valid token. Absent when the server runs without authentication. */
    readonly ended?: () => End | undefined
  }
>() {}

/** Whether the server requires tokens, and the port that is part of its cookie's name. The port is known when the server listens. */
export class AccessConfig extends Context.Tag("@millrace/server/AccessConfig")<
  AccessConfig,
  { readonly auth: boolean; readonly port: () => number; readonly publicUrl?: string | undefined }
>() {}

const missing = new Unauthorized({
  message:
    "Send the header `Authorization: Bearer TOKEN`. Create a token with `millrace token create`, or open a link from `millrace pair`."
})
const unknown = new Unauthorized({
  message: "This token is unknown or revoked. Create a new one with `millrace token create`, or open a link from `millrace pair`."
})
const expired = new Unauthorized({
  message: "This token has expired. Create a new one with `millrace token create`, or open a link from `millrace pair`."
})

/** The reason for which a token ended, as a sentence for the client whose stream ends with the token. */
export const endings: Readonly<Record<End, string>> = { revoked: "The token was revoked.", expired: "The token expired." }

/**
 * Fails when the token of the session has ended. A request checks the token again each time it has waited: for its body, for an event, or for the
 * client to read (X9).
 */
export const stillValid = ({ ended }: Pick<Session["Type"], "ended">): Effect.Effect<void, Unauthorized> =>
  Effect.suspend(() => {
    const end = ended?.()
    return end === undefined
      ? Effect.void
      : new Unauthorized({ message: `${endings[end]} Create a new one with \`millrace token create\`.` })
  })

const noOrigin = new Forbidden({
  message:
    "A session cookie permits changes only with the Origin of this server's page. A program must send a token instead: `Authorization: Bearer TOKEN`."
})

/** Whether a page of another origin could have caused the request. Browsers send the cookie also for pages of other origins on the same site, such as another port of this host, so changes and upgrades must carry an Origin. */
const mayBeForged = ({ headers, method }: HttpServerRequest.HttpServerRequest): boolean =>
  headers["authorization"] === undefined &&
  headers["origin"] === undefined &&
  (headers["upgrade"] !== undefined || (method !== "GET" && method !== "HEAD" && method !== "OPTIONS"))

/** The error when the data directory, which holds the tokens, was moved away. Every token is then unknown, and a new token would not help. */
const lostDirectory = Effect.map(
  Effect.flatMap(EventLog, (log) => log.lost),
  (lost) =>
    Option.isNone(lost)
      ? undefined
      : new StorageUnavailable({ message: `This server cannot check tokens. ${lost.value}`, retryAfterMillis: 5000 })
)

/** The session of a request. Fails if the request has no valid token. */
export const ofRequest = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const config = yield* AccessConfig
  if (!config.auth) return Session.of({ actor: "local", scope: "admin" })
  const secret = Access.secretOf(request.headers, request.cookies, config.port())
  if (secret === undefined) return yield* missing
  const tokens = yield* Tokens
  const found = yield* Effect.mapError(tokens.identify(secret), AccessFile.unavailable)
  if (Either.isLeft(found)) return yield* found.left === "expired" ? expired : ((yield* lostDirectory) ?? unknown)
  if (mayBeForged(request)) return yield* noOrigin
  const { expiresAt, id, name, scope } = found.right
  return Session.of({ actor: name, tokenId: id, scope, ended: () => tokens.endOf(id), ...defined({ expiresAt }) })
})

/** Forbids caching of a private response, unless its route sets the header, because a proxy could serve the response to other clients. */
const uncached = (response: HttpServerResponse.HttpServerResponse) =>
  response.headers["cache-control"] === undefined
    ? HttpServerResponse.setHeader(response, "cache-control", "private, no-store")
    : response

/**
 * Provide its `layer` to every layer that adds private routes: their handlers run only with a session whose scope permits the route. An upgraded connection is closed
 * when its token is revoked or expires, because its later messages are not checked again (X3).
 */
export const sessionRequired = HttpLayerRouter.middleware<{ provides: Session }>()(
  Effect.gen(function* () {
    const context = yield* Effect.context<AccessConfig | EventLog | Tokens>()
    const drain = yield* Drain
    const allowance = yield* Allowance.Current
    return (handler) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const session = yield* Effect.either(Effect.provide(ofRequest(request), context))
        if (session._tag === "Left") return Respond.error(session.left)
        const { actor, ended } = session.right
        const admitted = yield* Effect.either(allowance.request(actor))
        if (admitted._tag === "Left")
          return Limited.accepts(request)
            ? yield* Effect.provide(Limited.unread(request, admitted.left.retryAfterMillis), context)
            : Respond.error(admitted.left)
        const { route } = yield* HttpLayerRouter.RouteContext
        const permitted = Scopes.permit(session.right.scope, Scopes.ofRoute(route))
        if (permitted._tag === "Left") return Respond.error(permitted.left)
        if (ended !== undefined && request.headers["upgrade"] !== undefined)
          drain.keepWhile(NodeHttpServerRequest.toIncomingMessage(request).socket, () => ended() === undefined)
        return yield* Effect.provideService(handler, Session, session.right).pipe(Effect.map(uncached))
      })
  })
)
