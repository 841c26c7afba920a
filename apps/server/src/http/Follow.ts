/**
 * One follower of the log: pages after its cursor, `caught-up` once, then more pages and heartbeats for ever; at its end `bye` or
 * `end`. SSE and WebSocket RPC are two encodings of these steps, so their histories are the same (D9).
 * A follower holds its position and one page: a slow client costs latency to itself (D7).
 */
import { Effect, Option, Stream } from "effect"
import type { ThreadId } from "@millrace/contracts/Ids"
import { EventLog, type Page } from "@millrace/log/EventLog"
import type { Session } from "../auth/Session.ts"
import { Tokens } from "../auth/Tokens.ts"
import { Service } from "../Service.ts"
import { Wake } from "./Wake.ts"

export type Step =
  | { readonly _tag: "page"; readonly page: Page }
  | { readonly _tag: "caught-up"; readonly head: number }
  | { readonly _tag: "heartbeat"; readonly head: number }
  /** `resumeAfter`: an offset; everything up to it was delivered. */
  | { readonly _tag: "bye"; readonly reason: string; readonly resumeAfter: number }
  | { readonly _tag: "end"; readonly reason: string }

export interface Options {
  /** A resolved position (D3). */
  readonly after: number
  readonly stream?: string
  readonly session: Session["Type"]
  /** Bounds of one page. */
  readonly limit?: number
  readonly maxBytes?: number
}

const gone = "There is no such thread or project any more."

/**
 * One attach. `next` gives one step after the other, and fails with `None` when there are no more. Errors after the start are a `bye` with
 * the cursor to come back with.
 */
export const attach = (
  options: Options
): Effect.Effect<{ readonly next: Effect.Effect<Step, Option.Option<never>> }, never, EventLog | Wake | Tokens | Service> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const wake = yield* Wake
    const tokens = yield* Tokens
    const service = yield* Service
    const { stream, session } = options
    const tokenId = session.tokenId
    let position = options.after
    let beats = wake.beats()
    let caughtUp = false
    let ended = false
    let deletion = false

    const last = (step: Step) => {
      ended = true
      return step
    }
    /** A plain offset may lie beyond the head; a cursor to come back with may not. */
    let known = yield* log.head
    const bye = (reason: string) => last({ _tag: "bye", reason, resumeAfter: Math.min(position, known) })

    /** A stream of a thread that is not there (any more) has no future: its deletion may lie before the cursor. */
    const isGone =
      stream?.startsWith("thread/") === true
        ? service.thread(stream.slice("thread/".length) as ThreadId).pipe(
            Effect.as(false),
            Effect.catchAll((error) => Effect.succeed(error._tag === "NotFound"))
          )
        : Effect.succeed(false)

    const look = Effect.gen(function* () {
      const page = yield* log.read({
        after: position,
        ...(stream !== undefined && { stream }),
        ...(options.limit !== undefined && { limit: options.limit }),
        maxBytes: options.maxBytes ?? 256 * 1024
      })
      position = page.upTo
      if (stream !== undefined)
        deletion ||= page.events.some((event) => event.type === "thread.deleted" || event.type === "project.deleted")
      return page
    })

    const next: Effect.Effect<Step, Option.Option<never>> = Effect.gen(function* () {
      if (ended) return yield* Effect.fail(Option.none())
      for (;;) {
        if (tokenId !== undefined && !tokens.isLive(tokenId)) return bye("The token was revoked.")
        // At the head it goes with the waves; when a heartbeat is due, or the end, it looks for itself: a lost wake-up costs no more than that.
        const alone = !caughtUp || beats !== wake.beats() || wake.closing()
        let head = alone ? (known = yield* log.head) : Math.max(position, wake.head())
        if (position < head) {
          const page = yield* Effect.either(look)
          if (page._tag === "Left") return bye(`The log could not be read: ${page.left.message}`)
          head = known = page.right.head
          if (page.right.events.length > 0) return { _tag: "page", page: page.right } as const
          if (position < head) continue
        }
        if (deletion) return last({ _tag: "end", reason: gone })
        if (!caughtUp) {
          caughtUp = true
          deletion = yield* isGone
          return { _tag: "caught-up", head } as const
        }
        const beat = beats !== wake.beats()
        // It became true since the look above: look again, at the log itself.
        if ((beat || wake.closing()) && !alone) continue
        if (wake.closing()) return bye("The server is shutting down.")
        if (beat) {
          beats = wake.beats()
          return { _tag: "heartbeat", head } as const
        }
        yield* wake.next(Math.max(head, position), stream)
      }
    })
    return { next }
  })

/** The same as a stream. */
export const steps = (options: Options): Stream.Stream<Step, never, EventLog | Wake | Tokens | Service> =>
  Stream.unwrap(Effect.map(attach(options), ({ next }) => Stream.repeatEffectOption(next)))
