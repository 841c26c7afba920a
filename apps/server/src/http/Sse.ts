/**
 * Server-sent events: encodes each step. Only events have an id, and `EventSource.onmessage` receives them. Control frames have a name (D5).
 * The order of lines matters: some clients store an id, and the data, as soon as they parse the line, even if the connection is cut before
 * the frame is complete (decision 0099). So `data:` precedes `id:`, and the first frame of each connection has a name.
 */
import type { ServerResponse } from "node:http"
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Context, Duration, Effect, Stream } from "effect"
import { format } from "@millrace/contracts/Cursor"
import { EventLog, type Page } from "@millrace/log/EventLog"
import * as FrameEncoder from "../subscriptions/FrameEncoder.ts"
import * as Subscription from "../subscriptions/Subscription.ts"
import * as Subscribers from "../subscriptions/Subscribers.ts"

/** The time that a client waits before it reconnects after a lost connection. */
export class Retry extends Context.Reference<Retry>()("@millrace/server/Sse/Retry", {
  defaultValue: (): Duration.Duration => Duration.seconds(1)
}) {}

/** The life of a connection until it ends with `bye`, plus or minus a quarter. It bounds how long a vanished client holds a connection. */
export class Lease extends Context.Reference<Lease>()("@millrace/server/Sse/Lease", {
  defaultValue: (): Duration.Duration => Duration.minutes(5)
}) {}

/** A control frame. `retry` is never in a separate block: some clients deliver such a block as an empty message. */
const control = (name: string, data: unknown, retry?: Duration.Duration) =>
  Buffer.from(
    `event: ${name}\ndata: ${JSON.stringify(data)}\n${retry === undefined ? "" : `retry: ${Duration.toMillis(retry)}\n`}\n`
  )

/** The committed JSON of each event as one block of bytes. */
const encodePage = (epoch: string, { events }: Page): Buffer =>
  FrameEncoder.encodeTexts(events.map(({ json, offset }) => `data: ${json}\nid: ${format(epoch, offset)}\n\n`))

const encodeControl = (epoch: string, retry: Duration.Duration, step: FrameEncoder.ControlFrame): Buffer => {
  switch (step._tag) {
    case "open":
      return control("open", { logEpoch: epoch, head: step.head }, retry)
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
    // Checked here, where the listener is added: other fibers may have run since an earlier check, and the event may have been emitted.
    if (!response.writableNeedDrain) return resume(Effect.void)
    const done = () => resume(Effect.void)
    response.once("drain", done)
    return Effect.sync(() => response.off("drain", done))
  })

/** Makes the SSE responses of one server, which share the bytes of pages. */
export const make = Effect.gen(function* () {
  const { epoch } = yield* EventLog
  const lease = yield* Lease
  const retry = yield* Retry
  const subscribers = yield* Subscribers.Registry
  const encoder = yield* FrameEncoder.make({
    page: (page) => encodePage(epoch, page),
    control: (frame) => encodeControl(epoch, retry, frame)
  })
  return Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, options: Subscription.Options) {
    const subscriber = Subscribers.subscriber("sse", options.session.actor, options.after)
    const { first, next } = yield* Subscription.attach({ ...options, lease, subscriber, pages: encoder.pages })
    const encode = encoder.of(options, subscriber)
    const response = NodeHttpServerRequest.toServerResponse(request)
    // Sent at once, so that the headers arrive before the first event, and in one write, because a write costs more than the rest of a resume.
    const enter = Effect.suspend(() => {
      subscribers.enter(subscriber)
      return Effect.map(first, (steps) => Buffer.concat(steps.map(encode)))
    })
    // Writes each step directly: passing it through a stream would cost more than the write.
    const rest = Effect.whileLoop({
      while: () => true,
      body: () => (response.writableNeedDrain ? Effect.zipRight(drained(response), next) : next),
      step: (step) => void response.write(encode(step))
    })
    const body = Effect.flatMap(enter, (firstBytes) => {
      response.write(firstBytes)
      return rest
    }).pipe(
      // `None` is the only error: there are no more steps.
      Effect.ignore,
      Effect.ensuring(Effect.sync(() => subscribers.leave(subscriber)))
    )
    return HttpServerResponse.stream(Stream.execute(body), { contentType: "text/event-stream; charset=utf-8", headers })
  })
})
