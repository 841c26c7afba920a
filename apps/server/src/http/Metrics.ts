/** `/metrics`: the numbers as Prometheus text. Needs no token; with a good one the readers have names. */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Effect, Either } from "effect"
import type { EventLog } from "@millrace/log/EventLog"
import { type AccessConfig, ofRequest } from "../auth/Session.ts"
import type { Tokens } from "../auth/Tokens.ts"
import { Numbers } from "./Numbers.ts"
import { effectSamples, render } from "./Samples.ts"

export const make = Effect.gen(function* () {
  const { samples } = yield* Numbers
  const context = yield* Effect.context<AccessConfig | EventLog | Tokens>()
  const handler = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const session = yield* Effect.either(Effect.provide(ofRequest(request), context))
    const own = yield* samples({ named: Either.isRight(session) })
    // An exporter has them there too.
    const known = new Set(own.flatMap(({ name, values }) => values.map(({ suffix = "" }) => `${name}${suffix}`)))
    const text = render([...own, ...effectSamples().filter(({ name }) => !known.has(name))])
    return HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
  })
  return [HttpLayerRouter.route("GET", "/metrics", handler)]
})
