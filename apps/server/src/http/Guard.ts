/**
 * Around every route: who may ask at all (X1), and an answer in JSON for what no route answers. A defect is logged and answered with
 * 500; the server stays up.
 */
import { randomUUID } from "node:crypto"
import { cut } from "@millrace/contracts/Text"
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Cause, Effect, Layer, Metric } from "effect"
import * as Access from "../auth/Access.ts"
import * as OpenAiFailure from "../openai/Failure.ts"
import { Drain } from "./Drain.ts"
import * as Health from "./Health.ts"
import * as Respond from "./Respond.ts"

export interface Known {
  readonly method: string
  readonly path: string
}

/** Methods by path pattern, to tell a wrong method from an unknown path. */
const table = (known: ReadonlyArray<Known>) => {
  const paths = new Map<string, Set<string>>()
  for (const { method, path } of known) {
    const methods = paths.get(path) ?? new Set<string>()
    paths.set(path, methods.add(method))
    if (method === "GET") methods.add("HEAD")
    methods.add("OPTIONS")
  }
  const patterns = [...paths].map(([path, methods]) => ({
    pattern: new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/:[a-z]+/gi, "[^/]+")}/?$`),
    allow: [...methods].sort().join(", ")
  }))
  return (path: string): string | undefined => patterns.find(({ pattern }) => pattern.test(path))?.allow
}

const pathOf = (url: string) => {
  const end = url.search(/[?#]/)
  return end < 0 ? url : url.slice(0, end)
}

/** Errors of the OpenAI-compatible face have the shape that its clients read. */
const errorsFor = (path: string) =>
  path.startsWith("/v1/")
    ? {
        plain: OpenAiFailure.plain,
        error: (error: Respond.WireError) => OpenAiFailure.respond(OpenAiFailure.fromWire(error))
      }
    : Respond

const notFound = (path: string) =>
  errorsFor(path).plain(404, "NotFound", `There is nothing at ${cut(path, 200)}. The routes are listed at /docs.`)

/** Status for a request that matched no route. */
const unmatched = (allow: string | undefined, method: string, path: string) => {
  if (allow === undefined || (method !== "OPTIONS" && allow.split(", ").includes(method))) return notFound(path)
  if (method === "OPTIONS") return HttpServerResponse.empty({ status: 204, headers: { allow } })
  return errorsFor(path).plain(405, "MethodNotAllowed", `${path} takes ${allow}, not ${method}.`, { allow })
}

const upgradeRequired = Respond.plain(426, "UpgradeRequired", "/rpc speaks WebSocket. Open it with a WebSocket client.", {
  upgrade: "websocket",
  connection: "upgrade"
})
const badHandshake = Respond.plain(400, "BadRequest", "The WebSocket handshake is malformed: version 13, a key, no subprotocol.")

/**
 * What the handshake of the `ws` package would refuse by itself, without a word to the request's fiber, which then waits for ever and
 * holds the shutdown. So it is refused here.
 */
const handshake = (headers: Readonly<Record<string, string | undefined>>): HttpServerResponse.HttpServerResponse | undefined => {
  if (headers["upgrade"]?.toLowerCase() !== "websocket") return upgradeRequired
  const good =
    /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "") &&
    headers["sec-websocket-version"] === "13" &&
    headers["sec-websocket-protocol"] === undefined
  return good ? undefined : badHandshake
}

/** Each answer has an id of its own, which a defect of it has in the log too. */
const secured = (response: HttpServerResponse.HttpServerResponse, closing: boolean, requestId: string) =>
  HttpServerResponse.setHeaders(response, {
    "x-content-type-options": "nosniff",
    "x-request-id": requestId,
    ...(closing && { connection: "close" })
  })

const requests = Metric.counter("millrace_http_requests_total", {
  description: "Requests that were answered, by status.",
  incremental: true
})

const statuses = new Map<number, typeof requests>()
const requestsOf = (status: number) => {
  const known = statuses.get(status) ?? Metric.tagged(requests, "status", String(status))
  statuses.set(status, known)
  return known
}

/** Provide it beside the routes; `known` is what they answer. */
export const layer = (bind: Access.Bind, known: ReadonlyArray<Known>) =>
  Layer.unwrapEffect(
    Effect.map(Drain, (drain) => {
      const check = Access.make(bind)
      const allowed = table(known)
      return HttpLayerRouter.middleware(
        (handler) =>
          Effect.gen(function* () {
            const request = yield* HttpServerRequest.HttpServerRequest
            const path = pathOf(request.url)
            const requestId = randomUUID()
            if (!Health.paths.has(path)) {
              const verdict = check(request)
              if (verdict._tag === "Left") return secured(errorsFor(path).error(verdict.left), drain.draining(), requestId)
            }
            const refusal = /^\/rpc\/?$/.test(path) && request.method === "GET" ? handshake(request.headers) : undefined
            if (refusal !== undefined) return secured(refusal, drain.draining(), requestId)
            const answer = yield* Effect.catchAllCause(handler, (cause) => {
              const failure = Cause.failureOption(cause)
              if (failure._tag === "Some" && isRouteNotFound(failure.value))
                return Effect.succeed(unmatched(allowed(path), request.method, path))
              if (Cause.isInterruptedOnly(cause)) return Effect.failCause(cause)
              return Effect.as(
                Effect.logError("A request failed with a defect", cause).pipe(
                  Effect.annotateLogs({ method: request.method, path, requestId })
                ),
                errorsFor(path).plain(
                  500,
                  "InternalError",
                  "The server made a mistake; it is in its log. The request may be sent again."
                )
              )
            })
            yield* Metric.increment(requestsOf(answer.status))
            return secured(answer, drain.draining(), requestId)
          }),
        { global: true }
      )
    })
  )

const isRouteNotFound = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "RouteNotFound"
