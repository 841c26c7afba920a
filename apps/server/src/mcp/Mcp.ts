/**
 * `/mcp`: an MCP server over Streamable HTTP, by the official SDK. Access is checked as for `/api` (X1, X9). `POST` carries the messages of the client, `GET`
 * is the stream of notifications, `DELETE` ends the session.
 */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Chunk, Clock, Data, Effect, Stream } from "effect"
import * as Access from "../auth/Access.ts"
import * as Scopes from "../auth/Scopes.ts"
import { AccessConfig, ofRequest, Session } from "../auth/Session.ts"
import * as Allowance from "../http/Allowance.ts"
import * as Body from "../http/Body.ts"
import * as Respond from "../http/Respond.ts"
import * as Sessions from "./Sessions.ts"
import { SessionTokens } from "./SessionTokens.ts"

type Sessions = Effect.Effect.Success<typeof Sessions.make>
type Held = Effect.Effect.Success<ReturnType<Sessions["open"]>>

/** The SDK's response cannot be read. The connection is cut. */
class BodyFailed extends Data.TaggedError("BodyFailed")<{ readonly cause: unknown }> {}

const path = "/mcp"
/** The routes for the guard. */
export const known = [
  { method: "POST", path },
  { method: "GET", path },
  { method: "DELETE", path }
] as const

/** An error of the protocol's transport, in the form of JSON-RPC. */
const refused = (status: number, code: number, message: string) =>
  HttpServerResponse.unsafeJson(
    { jsonrpc: "2.0", error: { code, message }, id: null },
    { status, headers: { "cache-control": "no-store" } }
  )

const noSession = refused(404, -32001, "There is no such session, or it has ended. Send initialize to begin one.")
const noSessionId = refused(400, -32000, "Send the Mcp-Session-Id header of the session, or initialize to begin one.")

const isInitialize = (body: unknown): boolean =>
  typeof body === "object" && body !== null && "method" in body && body.method === "initialize"

/** A comment, which clients ignore. */
const opening = new TextEncoder().encode(": open\n\n")

/** The response of the SDK. The session is in use until the client has read it. */
const answered = (sessions: Sessions, held: Held, response: Response) => {
  const headers = Object.fromEntries(response.headers)
  const options = { status: response.status, headers: { ...headers, "cache-control": "private, no-cache, no-transform" } }
  const { body } = response
  if (body === null) return HttpServerResponse.empty(options)
  const content = Stream.fromReadableStream({ evaluate: () => body, onError: (cause) => new BodyFailed({ cause }) })
  // The headers of a stream are sent with its first bytes, which may be a heartbeat 15 seconds later.
  const isStream = headers["content-type"]?.startsWith("text/event-stream") === true
  const sent = isStream ? Stream.prepend(content, Chunk.of(opening)) : content
  return HttpServerResponse.stream(Stream.unwrapScoped(Effect.as(sessions.use(held), sent)), {
    ...options,
    contentType: headers["content-type"] ?? "application/json"
  })
}

/** Answers one request of a client. */
const handle = (sessions: Sessions) =>
  Effect.gen(function* () {
    const session = yield* Session
    const request = yield* HttpServerRequest.HttpServerRequest
    const body = request.method === "POST" ? yield* Body.ofSession(request, session) : undefined
    const id = request.headers["mcp-session-id"]
    const begins = id === undefined && isInitialize(body)
    if (id === undefined && !begins) return noSessionId
    const held = id === undefined ? yield* sessions.open(session) : sessions.find(id, session)
    if (held === undefined) return noSession
    held.usedAt = yield* Clock.currentTimeMillis
    const url = new URL(path, "http://localhost")
    const sent = new Request(url, { method: request.method, headers: new Headers({ ...request.headers }) })
    const response = yield* held.handle(sent, body, session)
    if ((begins && !response.ok) || request.method === "DELETE") yield* sessions.close(held)
    return answered(sessions, held, response)
  })

/** The session of an agent that has the built-in server. Its token confines it also where the server requires none. */
const ofAgent = ({ cookies, headers }: HttpServerRequest.HttpServerRequest) =>
  Effect.map(Effect.all([Effect.serviceOption(SessionTokens), AccessConfig]), ([tokens, { port }]) => {
    const secret = Access.secretOf(headers, cookies, port())
    return secret === undefined || tokens._tag === "None" ? undefined : tokens.value.find(secret)
  })

/** Provides the session of the request if its scope permits the route. */
const withSession = <R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, Respond.WireError, R | Session>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const session = (yield* ofAgent(request)) ?? (yield* ofRequest(request))
    yield* (yield* Allowance.Current).request(session.actor)
    const { route } = yield* HttpLayerRouter.RouteContext
    yield* Scopes.permit(session.scope, Scopes.ofRoute(route))
    return yield* Effect.provideService(handler, Session, session)
  }).pipe(Effect.catchAll((error) => Effect.succeed(Respond.error(error))))

export const layer = HttpLayerRouter.addAll(
  Effect.gen(function* () {
    const sessions = yield* Sessions.make
    const tokens = yield* Effect.serviceOption(SessionTokens)
    const served = withSession(handle(sessions))
    const handler = tokens._tag === "None" ? served : Effect.provideService(served, SessionTokens, tokens.value)
    return known.map(({ method, path }) => HttpLayerRouter.route(method, path, handler))
  })
)
