/**
 * Middleware around every route. It normalises the request target, checks Host, Origin and URL (X1), rejects new streams while the server is not ready
 * (D16), and answers unknown paths in JSON. A defect is logged and answered with 500. The server continues.
 */
import { defined } from "@millrace/contracts/Defined"
import { randomUUID } from "node:crypto"
import { cut } from "@millrace/contracts/Text"
import { Headers, HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Cause, Context, Effect, Layer, Metric } from "effect"
import * as Access from "../auth/Access.ts"
import * as Proxy from "../auth/Proxy.ts"
import * as OpenAiFailure from "../openai/Failure.ts"
import * as Compression from "./Compression.ts"
import * as Cors from "./Cors.ts"
import { Drain } from "./Drain.ts"
import * as Handshake from "./Handshake.ts"
import * as Health from "./Health.ts"
import * as NotReady from "./NotReady.ts"
import * as Respond from "./Respond.ts"
import * as Target from "./Target.ts"

export interface Known {
  readonly method: string
  readonly path: string
}

/** All routes of this server. */
export class Routes extends Context.Tag("@millrace/server/Routes")<Routes, ReadonlyArray<Known>>() {}

/** Methods by path pattern, to distinguish a wrong method from an unknown path. */
const table = (known: ReadonlyArray<Known>) => {
  const paths = new Map<string, Set<string>>()
  for (const { method, path } of known) {
    const methods = paths.get(path) ?? new Set<string>()
    paths.set(path, methods.add(method))
    if (method === "GET") methods.add("HEAD")
    methods.add("OPTIONS")
  }
  const patterns = [...paths].map(([path, methods]) => ({
    pattern: new RegExp(
      `^${path
        .replace(/[.]/g, "\\.")
        .replace(/:path$/, ".+")
        .replace(/:[a-z]+/gi, "[^/]+")}/?$`
    ),
    allow: [...methods].sort().join(", ")
  }))
  return (path: string): string | undefined => patterns.find(({ pattern }) => pattern.test(path))?.allow
}

/** Errors of the OpenAI-compatible interface have the shape that OpenAI clients read. */
const errorsFor = (path: string) =>
  path.startsWith("/v1/")
    ? {
        plain: OpenAiFailure.plain,
        error: (error: Respond.WireError) => OpenAiFailure.respond(OpenAiFailure.fromWire(error))
      }
    : Respond

/** The client's next step after a defect. A repeated command runs once; a repeated call of /v1 without an Idempotency-Key starts a second turn. */
const afterDefect = (method: string, path: string) =>
  method === "POST" && path.startsWith("/v1/")
    ? "A turn may have started: read /api/threads before you send the call again."
    : "You may send the request again."

const notFound = (path: string) =>
  errorsFor(path).plain(404, "NotFound", `There is nothing at ${cut(path, 200)}. The routes are listed at /docs.`)

/** Status for a request that matched no route. */
const unmatched = (allow: string | undefined, method: string, path: string) => {
  if (allow === undefined || (method !== "OPTIONS" && allow.split(", ").includes(method))) return notFound(path)
  if (method === "OPTIONS") return HttpServerResponse.empty({ status: 204, headers: { allow } })
  return errorsFor(path).plain(405, "MethodNotAllowed", `${path} takes ${allow}, not ${method}.`, { allow })
}

/**
 * Closes the connection after a plain response to an upgrade request, because Node reads no second request from it. A successful upgrade ends without a
 * response, so its connection stays open.
 */
const endUpgrade = (request: HttpServerRequest.HttpServerRequest) => {
  const { socket } = NodeHttpServerRequest.toIncomingMessage(request)
  NodeHttpServerRequest.toServerResponse(request).once("finish", () => socket.destroySoon())
}

/** The values that the headers of a response depend on, in addition to the response. */
interface Sent {
  readonly draining: boolean
  /** Unique; the log entry of a defect has it too. */
  readonly requestId: string
  /** Whether pages of other origins may use the server. */
  readonly shared: boolean
  /** The origin of such a page, if one sent the request. */
  readonly page: string | undefined
}

/** Sets the headers of every response. */
const secured = (
  request: HttpServerRequest.HttpServerRequest,
  response: HttpServerResponse.HttpServerResponse,
  { draining, page, requestId, shared }: Sent
) => {
  const upgrade = request.headers["upgrade"] !== undefined
  if (upgrade) endUpgrade(request)
  return HttpServerResponse.setHeaders(response, {
    "x-content-type-options": "nosniff",
    "x-request-id": requestId,
    ...((draining || upgrade) && { connection: "close" }),
    ...(shared && { vary: Cors.varying(response.headers["vary"]) }),
    ...(page !== undefined && Cors.granted(page))
  })
}

const requests = Metric.counter("millrace_http_requests_total", {
  description: "Answered requests, by status.",
  incremental: true
})

const statuses = new Map<number, typeof requests>()
const requestsOf = (status: number) => {
  const known = statuses.get(status) ?? Metric.tagged(requests, "status", String(status))
  statuses.set(status, known)
  return known
}

/** Closes the connection without a response. The close interrupts the request's fiber. */
const hangUp = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.zipRight(
    Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy()),
    Effect.never
  )

/** Provide it next to the routes; `known` lists their methods and paths. */
export const layer = (bind: Access.Bind & { readonly trustProxy?: ReadonlyArray<string> }, known: ReadonlyArray<Known>) =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const drain = yield* Drain
      const ready = yield* Health.readiness
      const check = Access.make(bind)
      const isForeign = Access.isForeign(bind)
      const shared = (bind.allowedOrigins ?? []).length > 0
      const seen = Proxy.make(bind.trustProxy ?? [])
      const allowed = table(known)
      /** The response to a request that must not reach its route. Otherwise `undefined`. */
      const refused = (request: HttpServerRequest.HttpServerRequest, path: string) =>
        Effect.gen(function* () {
          if (!Health.paths.has(path)) {
            const verdict = check(request)
            if (verdict._tag === "Left") return errorsFor(path).error(verdict.left)
          }
          const events = NotReady.asksForEvents(request.method, request.headers)
          if (!events && request.headers["upgrade"] === undefined) return undefined
          const { reason, status } = yield* ready
          if (status === "ok") return undefined
          return events ? yield* hangUp(request) : NotReady.refusal({ status, reason }, path)
        })
      return HttpLayerRouter.middleware(
        (handler) =>
          Effect.gen(function* () {
            const requestId = randomUUID()
            const received = yield* HttpServerRequest.HttpServerRequest
            // After this step the router and every check read the same normalised target and headers.
            const { address, headers } = seen(
              received.headers,
              NodeHttpServerRequest.toIncomingMessage(received).socket.remoteAddress
            )
            const page = isForeign(headers) ? headers["origin"] : undefined
            // A page of another origin authenticates by a token, never by a session (X10).
            if (page !== undefined) delete headers["cookie"]
            const token = headers["upgrade"] === undefined ? undefined : Handshake.tokenOf(headers)
            if (token !== undefined) headers["authorization"] ??= `Bearer ${token}`
            const encoding = Compression.chosen(headers["accept-encoding"])
            const known = headers["if-none-match"]
            if (encoding !== undefined && known !== undefined) headers["if-none-match"] = Compression.plainTags(known, encoding)
            const request = received.modify({
              url: Target.canonical(received.url),
              headers: Headers.unsafeFromRecord(headers),
              ...defined({ remoteAddress: address })
            })
            const path = Target.pathOf(request.url)
            const refusal = yield* refused(request, path)
            const sent = { draining: drain.draining(), requestId, shared, page }
            if (refusal !== undefined) return secured(request, refusal, sent)
            const allow = allowed(path)
            if (page !== undefined && allow !== undefined && Cors.isPreflight(request.method, headers))
              return secured(request, HttpServerResponse.empty({ status: 204, headers: Cors.preflight(allow) }), sent)
            const answer = yield* handler.pipe(
              Effect.provideService(HttpServerRequest.HttpServerRequest, request),
              Effect.catchAllCause((cause) => {
                const failure = Cause.failureOption(cause)
                if (failure._tag === "Some" && isRouteNotFound(failure.value))
                  return Effect.succeed(unmatched(allow, request.method, path))
                if (Cause.isInterruptedOnly(cause)) return Effect.failCause(cause)
                return Effect.as(
                  Effect.logError("A request failed with a defect", cause).pipe(
                    Effect.annotateLogs({ method: request.method, path, requestId })
                  ),
                  errorsFor(path).plain(
                    500,
                    "InternalError",
                    `Internal error; see the server's log for this x-request-id. ${afterDefect(request.method, path)}`
                  )
                )
              })
            )
            yield* Metric.increment(requestsOf(answer.status))
            return secured(request, yield* Compression.apply(received, answer), { ...sent, draining: drain.draining() })
          }),
        { global: true }
      )
    })
  )

const isRouteNotFound = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "RouteNotFound"
