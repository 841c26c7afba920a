/**
 * `/metrics`: the numbers as Prometheus text. Where the server listens on this machine only it needs no token; with a good one the readers have names.
 * It counts as a request of its token, and all requests without one count together (R7).
 */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Effect, Either, Option } from "effect"
import type { EventLog } from "@millrace/log/EventLog"
import { type AccessConfig, ofRequest, Session } from "../auth/Session.ts"
import type { Tokens } from "../auth/Tokens.ts"
import * as Allowance from "./Allowance.ts"
import { Numbers } from "./Numbers.ts"
import * as Respond from "./Respond.ts"
import { effectSamples, render } from "./Samples.ts"

/** Whom requests without a token count for: the name of no token. */
const nobody = ""

export const make = Effect.gen(function* () {
  const { samples } = yield* Numbers
  const context = yield* Effect.context<AccessConfig | EventLog | Tokens>()
  const allowance = yield* Allowance.Current
  /** The session, if there is one, once the request is counted: as a private route it was when it came here. */
  const admitted = Effect.gen(function* () {
    const counted = yield* Effect.serviceOption(Session)
    if (Option.isSome(counted)) return counted
    const session = Option.getRight(
      yield* Effect.either(Effect.provide(ofRequest(yield* HttpServerRequest.HttpServerRequest), context))
    )
    yield* allowance.request(Option.match(session, { onNone: () => nobody, onSome: ({ actor }) => actor }))
    return session
  })
  const handler = Effect.gen(function* () {
    const session = yield* Effect.either(admitted)
    if (Either.isLeft(session)) return Respond.error(session.left)
    const own = yield* samples({ named: Option.isSome(session.right) })
    // An exporter has them there too.
    const known = new Set(own.flatMap(({ name, values }) => values.map(({ suffix = "" }) => `${name}${suffix}`)))
    const text = render([...own, ...effectSamples().filter(({ name }) => !known.has(name))])
    return HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
  })
  return [HttpLayerRouter.route("GET", "/metrics", handler)]
})
