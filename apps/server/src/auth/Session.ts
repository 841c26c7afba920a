/** Who asks. Provided to every private route by the access middleware; also there in RPC handlers, whose fibers inherit it. */
import { HttpLayerRouter, HttpServerRequest } from "@effect/platform"
import { Context, Effect, Option } from "effect"
import { StorageUnavailable, Unauthorized } from "@millrace/contracts/Errors"
import * as Respond from "../http/Respond.ts"
import * as Access from "./Access.ts"
import { Tokens } from "./Tokens.ts"

export class Session extends Context.Tag("@millrace/server/Session")<
  Session,
  {
    /** The actor of commands (X6): the token's name. */
    readonly actor: string
    /** Absent when the server runs without authentication. */
    readonly tokenId?: string
  }
>() {}

/** Whether the server asks for tokens, and the port that names its cookie (known once it listens). */
export class AccessConfig extends Context.Tag("@millrace/server/AccessConfig")<
  AccessConfig,
  { readonly auth: boolean; readonly port: () => number }
>() {}

const missing = new Unauthorized({
  message:
    "Send the header `Authorization: Bearer TOKEN`. Make a token with `millrace token create`, or open a link of `millrace pair`."
})
const unknown = new Unauthorized({
  message: "This token is unknown or revoked. Make a new one with `millrace token create`, or open a link of `millrace pair`."
})

/** The session of a request, or why there is none. */
export const ofRequest = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const config = yield* AccessConfig
  if (!config.auth) return Session.of({ actor: "local" })
  const secret = Access.secretOf(request.headers, request.cookies, config.port())
  if (secret === undefined) return yield* missing
  const tokens = yield* Tokens
  const found = yield* Effect.mapError(
    tokens.identify(secret),
    ({ message }) => new StorageUnavailable({ message, retryAfterMillis: 1000 })
  )
  return Option.isSome(found) ? Session.of({ actor: found.value.name, tokenId: found.value.id }) : yield* unknown
})

/** Provide its `layer` to every layer that adds private routes: their handlers run only for a session. */
export const required = HttpLayerRouter.middleware<{ provides: Session }>()(
  Effect.gen(function* () {
    const context = yield* Effect.context<AccessConfig | Tokens>()
    return (handler) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const session = yield* Effect.either(Effect.provide(ofRequest(request), context))
        return session._tag === "Right"
          ? yield* Effect.provideService(handler, Session, session.right)
          : Respond.error(session.left)
      })
  })
)
