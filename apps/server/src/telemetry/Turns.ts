/** A span for each turn, made from the log: from its request to its terminal. It follows the log like any subscriber; nothing waits for it. */
import { Context, Effect, Exit, Option, type Scope, Stream, type Tracer } from "effect"
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { isTerminal } from "@millrace/contracts/Event"
import { EventLog } from "@millrace/log/EventLog"

interface Row {
  readonly at: string
  readonly data: { readonly threadId: string; readonly turnId: string; readonly error?: { readonly kind?: string } }
}

/** Maximum number of open turns with a span; beyond it the oldest spans are dropped. */
const maxOpen = 10_000

const nanos = (at: string) => BigInt(Date.parse(at)) * 1_000_000n

/** Follows turns that are requested after this call, until the scope closes. */
export const follow: Effect.Effect<void, never, EventLog | Scope.Scope> = Effect.gen(function* () {
  const log = yield* EventLog
  const tracer = yield* Effect.tracer
  const open = new BoundedMap<string, Tracer.Span>(maxOpen)
  const begin = ({ at, data }: Row) => {
    const span = tracer.span("turn", Option.none(), Context.empty(), [], nanos(at), "internal")
    span.attribute("millrace.turn", data.turnId)
    span.attribute("millrace.thread", data.threadId)
    open.set(data.turnId, span)
  }
  const take = (type: string, json: string) => {
    if (!type.startsWith("turn.")) return
    const row = JSON.parse(json) as Row
    if (type === "turn.requested") return begin(row)
    const span = open.get(row.data.turnId)
    if (span === undefined) return
    if (type === "turn.dispatched")
      span.attribute("millrace.turn.queued_millis", Number(nanos(row.at) - span.status.startTime) / 1e6)
    if (!isTerminal(type)) return
    open.delete(row.data.turnId)
    span.attribute("millrace.turn.end", type.slice("turn.".length))
    span.end(nanos(row.at), type === "turn.failed" ? Exit.fail({ _tag: row.data.error?.kind ?? "failed" }) : Exit.void)
  }
  const after = yield* log.head
  yield* log.follow({ after }).pipe(
    Stream.runForEach((page) =>
      Effect.sync(() => {
        for (const { json, type } of page.events) take(type, json)
      })
    ),
    Effect.catchAll(({ message }) => Effect.logWarning(`Tracing of turns has stopped: ${message}`)),
    Effect.forkScoped
  )
})
