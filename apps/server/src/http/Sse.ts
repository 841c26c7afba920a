/**
 * Server-sent events: bytes of each step. Only events carry an id; `EventSource.onmessage` sees them, control frames have a name (D5).
 * The order of lines counts: some clients keep an id, and the data, from the moment they parse the line, also when the connection is cut before
 * the frame is complete (decision 0099). So `data:` stands before `id:`, and the first frame of each connection has a name.
 */
import type { ServerResponse } from "node:http"
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Context, Duration, Effect, Stream } from "effect"
import { format } from "@millrace/contracts/Cursor"
import { type EventFilter, filterKey } from "@millrace/contracts/Filter"
import { EventLog, type Page } from "@millrace/log/EventLog"
import { aging } from "./Blocks.ts"
import * as Follow from "./Follow.ts"
import * as Followers from "./Followers.ts"

/** How long a client that was cut waits before it comes back. */
export class Retry extends Context.Reference<Retry>()("@millrace/server/Sse/Retry", {
  defaultValue: (): Duration.Duration => Duration.seconds(1)
}) {}

/** How long a connection lives before it says `bye`, give or take a quarter: a client that is gone without a word is let go of by then. */
export class Lease extends Context.Reference<Lease>()("@millrace/server/Sse/Lease", {
  defaultValue: (): Duration.Duration => Duration.minutes(5)
}) {}

/** `retry` never stands in a block of its own: some clients hand that block to the caller as an empty message. */
const control = (name: string, data: unknown, retry?: Duration.Duration) =>
  Buffer.from(
    `event: ${name}\ndata: ${JSON.stringify(data)}\n${retry === undefined ? "" : `retry: ${Duration.toMillis(retry)}\n`}\n`
  )

/** The committed JSON of each event as one block of bytes. */
const encodePage = (epoch: string, page: Page): Buffer => {
  let text = ""
  for (const event of page.events) text += `data: ${event.json}\nid: ${format(epoch, event.offset)}\n\n`
  return Buffer.from(text)
}

/** The bytes of a step that is not a page: those are kept for others. */
const encode = (epoch: string, retry: Duration.Duration, step: Exclude<Follow.Step, { readonly _tag: "page" }>): Buffer => {
  switch (step._tag) {
    case "open":
      return control("open", { logEpoch: epoch, head: step.head }, retry)
    case "block":
      return step.bytes
    case "caught-up":
      return control("caught-up", { head: step.head, replayed: step.replayed, requests: step.requests })
    case "heartbeat":
      return control("heartbeat", { head: step.head })
    case "signals":
      return Buffer.concat(step.signals.map((signal) => control("signal", { signal })))
    case "bye":
      return control("bye", { reason: step.reason, resumeAfter: format(epoch, step.resumeAfter) })
    case "end":
      return control("end", { reason: step.reason })
  }
}

const headers = {
  "cache-control": "private, no-cache, no-transform",
  "x-accel-buffering": "no"
}

const drained = (response: ServerResponse) =>
  Effect.async<void>((resume) => {
    // Looked at here: between an earlier look and this line other fibers may have run, and the event may have come.
    if (!response.writableNeedDrain) return resume(Effect.void)
    const go = () => resume(Effect.void)
    response.once("drain", go)
    return Effect.sync(() => response.off("drain", go))
  })

/** Makes the answers of one server: they share the bytes of pages. */
export const make = Effect.map(
  Effect.all([EventLog, Lease, Retry, Followers.Registry, aging]),
  ([log, lease, retry, followers, blocks]) => {
    const bytes = (step: Follow.Step, filter: EventFilter) =>
      step._tag === "page"
        ? blocks.of(step.page, filterKey(filter), () => encodePage(log.epoch, step.page))
        : encode(log.epoch, retry, step)
    return Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, options: Follow.Options) {
      const reader = Followers.reader("sse", options.session.actor, options.after)
      const { atHead, next, open } = yield* Follow.attach({ ...options, lease, reader, blocks })
      const given = (step: Follow.Step) => {
        const sent = bytes(step, options)
        reader.bytes += sent.length
        return sent
      }
      const response = NodeHttpServerRequest.toServerResponse(request)
      // Sent at once, so that the headers are on the wire before the first event; at the head, with the word that nothing is missed: a write costs
      // more than all else of a resume.
      const enter = Effect.suspend(() => {
        followers.enter(reader)
        const hello = given(open)
        return atHead ? Effect.map(next, (step) => Buffer.concat([hello, given(step)])) : Effect.succeed(hello)
      })
      // Each step is written here: to hand it through a stream would cost more than its write.
      const rest = Effect.whileLoop({
        while: () => true,
        body: () => (response.writableNeedDrain ? Effect.zipRight(drained(response), next) : next),
        step: (step) => void response.write(given(step))
      })
      const body = Effect.flatMap(enter, (first) => {
        response.write(first)
        return rest
      }).pipe(
        // It fails with `None` only: there are no more steps.
        Effect.ignore,
        Effect.ensuring(Effect.sync(() => followers.leave(reader)))
      )
      return HttpServerResponse.stream(Stream.execute(body), { contentType: "text/event-stream; charset=utf-8", headers })
    })
  }
)
