/**
 * A tracer that exports timing but no content (X4): no headers, no query strings, no log lines, and only the kind of a failure, because messages of
 * errors quote what a client sent.
 */
import { Cause, Exit, Option, Predicate, Tracer } from "effect"

const dropped = /^(http\.(request|response)\.header\.|url\.(full|query)$|user_agent\.)/

const kindOf = (thrown: unknown): string => {
  if (Predicate.hasProperty(thrown, "_tag") && typeof thrown._tag === "string") return thrown._tag
  return thrown instanceof Error ? thrown.name : "failure"
}

/** The same exit with the kind of the failure in place of the error. */
const scrub = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> => {
  if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return exit
  const failure = Cause.failureOption(exit.cause)
  return Option.isSome(failure) ? Exit.fail(kindOf(failure.value)) : Exit.die(kindOf(Cause.squash(exit.cause)))
}

export const make = (tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    context: (run, fiber) => tracer.context(run, fiber),
    span: (...args) => {
      const span = tracer.span(...args)
      const end = span.end.bind(span)
      const attribute = span.attribute.bind(span)
      return Object.assign(span, {
        end: (at: bigint, exit: Exit.Exit<unknown, unknown>) => end(at, scrub(exit)),
        attribute: (key: string, value: unknown) => {
          if (!dropped.test(key)) attribute(key, value)
        },
        event: () => {}
      })
    }
  })
