/**
 * `/metrics` as Prometheus text. It needs no token when only this machine can reach the server. For a token of the scope `read` or above it labels
 * subscribers with the names of their tokens. A request counts against its token's limit; all requests without a token share one limit (R7).
 */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Effect, Either, Option } from "effect"
import type { EventLog } from "@millrace/log/EventLog"
import * as Scopes from "../auth/Scopes.ts"
import { type AccessConfig, ofRequest, Session } from "../auth/Session.ts"
import type { Tokens } from "../auth/Tokens.ts"
import * as Allowance from "../http/Allowance.ts"
import { ServerMetrics } from "./ServerMetrics.ts"
import * as Respond from "../http/Respond.ts"
import { effectSamples, render } from "./PrometheusText.ts"

/** The actor of requests without a token; no token has this name. */
const anonymous = ""

export const make = Effect.gen(function* () {
  const { samples } = yield* ServerMetrics
  const context = yield* Effect.context<AccessConfig | EventLog | Tokens>()
  const allowance = yield* Allowance.Current
  /** Counts the request and returns its session if that may read. On a private route the middleware has counted it. */
  const admitted = Effect.gen(function* () {
    const counted = yield* Effect.serviceOption(Session)
    if (Option.isSome(counted)) return counted
    const session = Option.getRight(
      yield* Effect.either(Effect.provide(ofRequest(yield* HttpServerRequest.HttpServerRequest), context))
    )
    yield* allowance.request(Option.match(session, { onNone: () => anonymous, onSome: ({ actor }) => actor }))
    return Option.filter(session, ({ scope }) => Either.isRight(Scopes.permit(scope, "GET /metrics")))
  })
  const handler = Effect.gen(function* () {
    const session = yield* Effect.either(admitted)
    if (Either.isLeft(session)) return Respond.error(session.left)
    const serverSamples = yield* samples({ named: Option.isSome(session.right) })
    // If telemetry is on, Effect's metrics contain copies of our samples.
    const known = new Set(serverSamples.flatMap(({ name, values }) => values.map(({ suffix = "" }) => `${name}${suffix}`)))
    const text = render([...serverSamples, ...effectSamples().filter(({ name }) => !known.has(name))])
    return HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
  })
  return [HttpLayerRouter.route("GET", "/metrics", handler)]
})
