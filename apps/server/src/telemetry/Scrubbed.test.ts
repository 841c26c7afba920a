import { expect, it } from "@effect/vitest"
import { Effect, Exit, Tracer } from "effect"
import * as Scrubbed from "./Scrubbed.ts"

it.effect("X4 a span has only the kind of a failure, and neither headers nor query of a request", () =>
  Effect.gen(function* () {
    const ends: Array<Exit.Exit<unknown, unknown>> = []
    const logged: Array<string> = []
    const outer = yield* Effect.tracer
    const tracer = Scrubbed.make(
      Tracer.make({
        context: outer.context,
        span: (...args) => {
          const span = outer.span(...args)
          return Object.assign(span, {
            end: (_at: bigint, exit: Exit.Exit<unknown, unknown>) => void ends.push(exit),
            attribute: (key: string) => void logged.push(key),
            event: (name: string) => void logged.push(name)
          })
        }
      })
    )
    const failing = (error: unknown) => Effect.exit(Effect.withSpan(Effect.fail(error), "span"))
    yield* failing({ _tag: "BadRequest", message: "canary" }).pipe(Effect.withTracer(tracer))
    yield* failing(new TypeError("canary")).pipe(Effect.withTracer(tracer))
    yield* Effect.exit(Effect.withSpan(Effect.die(new Error("canary")), "span")).pipe(Effect.withTracer(tracer))
    expect(ends).toEqual([Exit.fail("BadRequest"), Exit.fail("TypeError"), Exit.die("Error")])
    yield* Effect.gen(function* () {
      yield* Effect.annotateCurrentSpan({ "http.request.header.cookie": 1, "url.full": 1, "url.query": 1, "url.path": 1 })
      yield* Effect.logInfo("canary")
    }).pipe(Effect.withSpan("request"), Effect.withTracer(tracer))
    // The source location of a span is not secret.
    expect(logged.filter((name) => name !== "code.stacktrace")).toEqual(["url.path"])
  })
)
