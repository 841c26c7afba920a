/** Pairing: exchanges a one-time code for a browser session or a token (X3). The printed link opens `GET /pair`. */
import { defined } from "@millrace/contracts/Defined"
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Effect, Option, Schema } from "effect"
import { Forbidden } from "@millrace/contracts/Errors"
import * as Access from "../auth/Access.ts"
import * as AccessFile from "../auth/AccessFile.ts"
import * as Pairing from "../auth/Pairing.ts"
import * as Proxy from "../auth/Proxy.ts"
import { AccessConfig, ofRequest, Session } from "../auth/Session.ts"
import * as Tokens from "../auth/Tokens.ts"
import * as Body from "../http/Body.ts"
import * as Respond from "../http/Respond.ts"
import * as Html from "./Html.ts"
import * as Strict from "../http/Strict.ts"
import * as Target from "../http/Target.ts"

const refused = new Forbidden({
  message: "This pairing code is used, expired or unknown. Get a new one with `millrace pair`."
})
const Name = Schema.String.pipe(
  Schema.filter(Tokens.isName, { message: () => "name must have 1 to 100 characters, on one line." })
)
const exchanged = Strict.decoder(Schema.Struct({ code: Schema.optional(Schema.String), name: Schema.optional(Name) }), "body")
const created = Strict.decoder(Schema.Struct({ name: Schema.optional(Name) }), "body")

/** Decodes the body, and refuses query parameters. */
const read = <A, E extends Respond.WireError>(
  request: HttpServerRequest.HttpServerRequest,
  body: Effect.Effect<unknown, E>,
  decode: Strict.Decoder<A>
) =>
  Effect.gen(function* () {
    const mode = yield* Strict.modeOf(request.headers)
    yield* Strict.nothing("query")(yield* HttpServerRequest.ParsedSearchParams, mode)
    return yield* decode(yield* body, mode)
  })

/** Exchanges a code for a new token of this kind. */
const redeem = Effect.fnUntraced(function* (code: string | undefined, kind: "session" | "token", name?: string) {
  const { dataDir } = yield* Tokens.Tokens
  const found =
    code === undefined ? Option.none() : yield* Effect.mapError(Pairing.consume(dataDir, code), AccessFile.unavailable)
  if (Option.isNone(found)) return yield* refused
  return yield* Effect.mapError(
    Tokens.create(dataDir, {
      name: name ?? found.value.name,
      kind,
      scope: found.value.scope,
      by: found.value.by,
      expiresAt: found.value.until
    }),
    AccessFile.unavailable
  )
})

/** `Secure` when the browser uses TLS: by the public URL, or by a trusted proxy's header. */
const setSession = ({ port, publicUrl }: AccessConfig["Type"], { headers }: HttpServerRequest.HttpServerRequest, token: string) =>
  HttpServerResponse.unsafeSetCookie(Access.cookieName(port()), token, {
    path: "/",
    httpOnly: true,
    sameSite: "strict",
    maxAge: "365 days",
    secure: Proxy.isSecure(headers) || publicUrl?.startsWith("https:") === true
  })

/** Public routes: the code is the credential. */
export const make = Effect.gen(function* () {
  const context = yield* Effect.context<Tokens.Tokens | AccessConfig>()
  const config = yield* AccessConfig
  const home = HttpServerResponse.empty({ status: 303, headers: { location: "/", "cache-control": "private, no-store" } })

  const open = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (!config.auth) return home
    // HEAD (a link preview) does not consume the code.
    if (request.method === "HEAD") return HttpServerResponse.empty()
    const code = new URLSearchParams(Target.queryOf(request.url)).get("code") ?? undefined
    return yield* redeem(code, "session").pipe(
      Effect.map(({ token }) => setSession(config, request, token)(home)),
      // A browser that opens its used link again (a restored tab) already has a session.
      Effect.catchTag("Forbidden", (error) =>
        Effect.mapBoth(ofRequest(request), { onSuccess: () => home, onFailure: () => error })
      )
    )
  }).pipe(
    Effect.catchAll((error) =>
      Effect.succeed(Html.page("Millrace: pairing", `<p>${Html.escape(error.message)}</p>`, { status: 403 }))
    ),
    Effect.provide(context)
  )

  const exchange = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { code, name } = yield* read(request, Body.json(request), exchanged)
    const { token, record } = yield* redeem(code, "token", name)
    return Respond.json({ token, id: record.id, name: record.name }, { "cache-control": "private, no-store" })
  }).pipe(
    Effect.catchAll((error) => Effect.succeed(Respond.error(error))),
    Effect.provide(context)
  )

  return [HttpLayerRouter.route("GET", "/pair", open), HttpLayerRouter.route("POST", "/pair", exchange)]
})

/** The private route: `POST /api/pair` creates a code. */
export const makePrivate = Effect.gen(function* () {
  const { dataDir } = yield* Tokens.Tokens
  const { publicUrl } = yield* AccessConfig
  const create = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const session = yield* Session
    const { name } = yield* read(request, Body.ofSession(request, session), created)
    const { actor: by, expiresAt: until } = session
    // The session that the code creates does not outlive the token that created the code.
    const { code, expiresAt } = yield* Effect.mapError(
      Pairing.create(dataDir, { by, ...defined({ name, until }) }),
      AccessFile.unavailable
    )
    const scheme = Proxy.isSecure(request.headers) ? "https" : "http"
    const url = Pairing.link(publicUrl ?? `${scheme}://${request.headers["host"] ?? "localhost"}`, code)
    return Respond.json({ code, url, expiresAt: new Date(expiresAt).toISOString() }, { "cache-control": "private, no-store" })
  }).pipe(Effect.catchAll((error) => Effect.succeed(Respond.error(error))))
  return [HttpLayerRouter.route("POST", "/api/pair", create)]
})
