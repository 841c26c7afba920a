/** Server-sent events: bytes of each step. Only events carry an id; `EventSource.onmessage` sees them, control frames have a name (D5). */
import { HttpServerResponse } from "@effect/platform"
import { Context, Duration, Effect, Stream } from "effect"
import { format } from "@millrace/contracts/Cursor"
import { EventLog, type Page } from "@millrace/log/EventLog"
import * as Follow from "./Follow.ts"
import * as Followers from "./Followers.ts"

/** A cut client comes back after a second. */
const hello = Buffer.from("retry: 1000\n\n")

/** How long a connection lives before it says `bye`, give or take a quarter: a client that is gone without a word is let go of by then. */
export class Lease extends Context.Reference<Lease>()("@millrace/server/Sse/Lease", {
  defaultValue: (): Duration.Duration => Duration.minutes(5)
}) {}

const control = (name: string, data: unknown) => Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)

/** The committed JSON of each event as one block of bytes. */
const encodePage = (epoch: string, page: Page): Buffer => {
  let text = ""
  for (const event of page.events) text += `id: ${format(epoch, event.offset)}\ndata: ${event.json}\n\n`
  return Buffer.from(text)
}

/** The bytes of a step. */
export const encode = (epoch: string, step: Follow.Step): Buffer => {
  switch (step._tag) {
    case "page":
      return encodePage(epoch, step.page)
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

/** Bytes that are kept for others to send too. */
const sharedBytes = 4 * 1024 * 1024
/** A reader that is further behind than this many events is alone with its page. */
const near = 10_000

/**
 * Followers near the head read the same page: its bytes are made once and shared. Keyed by what a page is (the log never changes),
 * bounded in bytes; pages of readers far behind are not kept.
 */
const makeShared = (epoch: string) => {
  const pages = new Map<string, Buffer>()
  let held = 0
  return (step: Follow.Step, stream: string | undefined): Buffer => {
    if (step._tag !== "page" || step.page.head - step.page.upTo > near) return encode(epoch, step)
    const key = `${step.page.after}-${step.page.upTo} ${stream ?? ""}`
    const known = pages.get(key)
    if (known !== undefined) return known
    const bytes = encode(epoch, step)
    pages.set(key, bytes)
    held += bytes.length
    for (const [oldest, { length }] of pages) {
      if (held <= sharedBytes) break
      pages.delete(oldest)
      held -= length
    }
    return bytes
  }
}

const headers = {
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no"
}

/** Makes the answers of one server: they share the bytes near the head. */
export const make = Effect.map(Effect.all([EventLog, Lease, Followers.Registry]), ([log, lease, followers]) => {
  const bytes = makeShared(log.epoch)
  return Effect.fnUntraced(function* (options: Follow.Options) {
    const reader = Followers.reader("sse", options.session.actor, options.after)
    const { atHead, next } = yield* Follow.attach({ ...options, lease, reader })
    const given = (step: Follow.Step) => {
      const sent = bytes(step, options.stream)
      reader.bytes += sent.length
      return sent
    }
    // Sent at once, so that the headers are on the wire before the first event; at the head, with the word that nothing is missed: a write costs
    // more than all else of a resume.
    let entered = false
    const enter = Effect.suspend(() => {
      entered = true
      followers.enter(reader)
      return atHead ? Effect.map(next, (step) => Buffer.concat([hello, given(step)])) : Effect.succeed(hello)
    })
    const body = Stream.repeatEffectOption(Effect.suspend(() => (entered ? Effect.map(next, given) : enter))).pipe(
      Stream.ensuring(Effect.sync(() => followers.leave(reader)))
    )
    return HttpServerResponse.stream(body, { contentType: "text/event-stream; charset=utf-8", headers })
  })
})
