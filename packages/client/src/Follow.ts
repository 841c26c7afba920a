/**
 * The only reconnect path (D2), for every transport. When a connection ends, `follow` attaches again after the last emitted event, for as long as the
 * schedule allows. It drops repeated events. It fails with a `ProtocolError` at a missing event, because a retry cannot repair that.
 */
import { defined } from "@millrace/contracts/Defined"
import { Chunk, Duration, Effect, Option, Ref, Schedule, Stream } from "effect"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import * as Cursor from "@millrace/contracts/Cursor"
import { type EventFrame, type Frame, leaseOver, limitReached } from "@millrace/contracts/Frame"
import { type EventFilter, isSparse } from "@millrace/contracts/Filter"
import { backoff } from "./Backoff.ts"
import type { Transport } from "./Transport.ts"
import { Disconnected, ProtocolError, type TransportError } from "./TransportError.ts"

export type FollowError = CursorError | StorageUnavailable | TransportError

/** The state of the connection, to show to a person. */
export type Status =
  | { readonly _tag: "attached" }
  | { readonly _tag: "reconnecting"; readonly attempt: number; readonly cause: FollowError }

export interface Options {
  /** The wait between attaches. It restarts when an attach delivers a frame. When the schedule ends, `follow` fails with the last failure. Default `Backoff`, endless. */
  readonly schedule?: Schedule.Schedule<unknown>
  /** The connection is closed after this long without a frame (heartbeats come every 15 s). Default 45 seconds. */
  readonly silence?: Duration.DurationInput
  readonly onStatus?: (status: Status) => Effect.Effect<void>
}

/** The position of a subscriber. `version` counts in the followed stream, `offset` in the whole log. */
interface Position {
  readonly cursor: string | undefined
  readonly offset: number | undefined
  readonly version: number | undefined
}

const start = (after: string | undefined): Position => {
  if (after === undefined) return { cursor: undefined, offset: 0, version: 0 }
  const cursor = Option.getRight(Cursor.parse(after))
  // The transport rejects a malformed cursor. At offset 0 the version is known too: it is 0.
  const offset = Option.isSome(cursor) ? cursor.value.offset : undefined
  return { cursor: after, offset, version: offset === 0 ? 0 : undefined }
}

/** The numbers that must have no gap in the delivered events: the offsets, the versions of the one followed stream, or neither. */
type Contiguous = "offset" | "version" | "neither"

/** The position after this event, or `undefined` if the event was emitted before. */
const advance = (at: Position, frame: EventFrame, contiguous: Contiguous): Position | undefined | ProtocolError => {
  const { offset, version } = frame.event
  if (at.offset !== undefined && offset <= at.offset) return undefined
  if (contiguous === "neither") return { cursor: frame.cursor, offset, version }
  const [expected, got, what] =
    contiguous === "version"
      ? [at.version === undefined ? version : at.version + 1, version, `version of ${frame.event.stream}`]
      : [at.offset === undefined ? offset : at.offset + 1, offset, "offset"]
  if (expected !== got)
    return new ProtocolError({
      message: `Events are missing: expected ${what} ${expected}, got ${got}. Take a snapshot and follow from its cursor; please report this.`
    })
  return { cursor: frame.cursor, offset, version }
}

/** The position to resume from after a `bye`. It may be ahead of the last event only if a filter hides the events between. */
const resumed = (at: Position, resumeAfter: string, filtered: boolean): Position => {
  const cursor = Option.getRight(Cursor.parse(resumeAfter))
  if (!filtered || Option.isNone(cursor) || at.cursor === undefined || at.offset === undefined) return at
  return cursor.value.offset > at.offset ? { ...at, cursor: resumeAfter, offset: cursor.value.offset } : at
}

/** Milliseconds to wait at a limit if the server's `bye` names no time. */
const limitMillis = 5000

const isRetried = (error: FollowError): boolean => error._tag === "Disconnected" || error._tag === "StorageUnavailable"
const retryAfter = (error: FollowError): number =>
  error._tag === "Disconnected" || error._tag === "StorageUnavailable" ? (error.retryAfterMillis ?? 0) : 0

/**
 * Emits every event after the cursor once, in order, over any number of connections. Emits `caught-up` once per attach. Emits `bye` and then attaches
 * again. `end` is the last frame. If the lease of a connection expires, `follow` attaches again at once. It emits no `bye` and reports no `reconnecting`.
 * A `bye` because of a token limit counts as a failed attempt. `follow` reports `reconnecting` and does not emit the `bye`. The next attach waits at least
 * as long as the server asks, and longer each time. `follow` fails with errors that only the caller can handle: an unusable cursor, a rejected token.
 */
export const follow = (
  transport: Pick<Transport, "follow">,
  request: EventFilter & { readonly after?: string },
  options: Options = {}
): Stream.Stream<Frame, FollowError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { after: _, ...filter } = request
      const filtered = filter.stream !== undefined || filter.types !== undefined
      const contiguous: Contiguous = isSparse(filter) ? "neither" : filtered ? "version" : "offset"
      const position = yield* Ref.make(start(request.after))
      const attempts = yield* Ref.make(0)
      const waiting = yield* Schedule.driver(options.schedule ?? backoff)
      const report = options.onStatus ?? (() => Effect.void)
      const silence = Duration.decode(options.silence ?? "45 seconds")

      const wait = (cause: FollowError) =>
        Effect.gen(function* () {
          const attempt = yield* Ref.updateAndGet(attempts, (n) => n + 1)
          yield* report({ _tag: "reconnecting", attempt, cause })
          yield* Effect.sleep(retryAfter(cause))
          yield* waiting.next(undefined).pipe(Effect.mapError(() => cause))
        })

      const attach = Stream.suspend(() => {
        let attached = false
        let caughtUp = false
        let delivered = false
        let bye = false
        let renewed = false
        let ended = false
        let limited: Disconnected | undefined
        const accept = (chunk: Chunk.Chunk<Frame>) =>
          Effect.gen(function* () {
            const [first] = chunk
            const refused = first?._tag === "bye" && first.reason === limitReached
            if (!attached && !refused) {
              attached = true
              yield* Ref.set(attempts, 0)
              yield* waiting.reset
              yield* report({ _tag: "attached" })
            }
            let at = yield* Ref.get(position)
            const out: Array<Frame> = []
            let hole: ProtocolError | undefined
            for (const frame of chunk) {
              if (ended) break
              if (frame._tag === "event") {
                const next = advance(at, frame, contiguous)
                if (next === undefined) continue
                if (next instanceof ProtocolError) {
                  hole = next
                  break
                }
                at = next
              } else if (frame._tag === "caught-up") {
                if (caughtUp) continue
                caughtUp = true
              } else if (frame._tag === "bye") {
                ended = true
                at = resumed(at, frame.resumeAfter, filtered)
                if (frame.reason === limitReached) {
                  limited = new Disconnected({
                    message:
                      "The token has reached its limit of streams or requests. End another stream, or raise the limits of the server.",
                    retryAfterMillis: frame.retryAfterMillis ?? limitMillis
                  })
                  break
                }
                // An attach that delivered nothing counts as failed, so that the next one waits.
                renewed = frame.reason === leaseOver && delivered
                if (renewed) break
                bye = true
              } else if (frame._tag === "end") ended = true
              delivered = true
              out.push(frame)
            }
            yield* Ref.set(position, at)
            return { out: Chunk.unsafeFromArray(out), hole, ended }
          })
        return Stream.fromEffect(Ref.get(position)).pipe(
          Stream.flatMap(({ cursor }) =>
            transport.follow({
              ...filter,
              ...defined({ after: cursor })
            })
          ),
          Stream.timeoutFail(() => new Disconnected({ message: `No frame for ${Duration.format(silence)}.` }), silence),
          Stream.chunks,
          Stream.mapEffect(accept),
          Stream.takeUntil(({ ended }) => ended),
          Stream.flatMap(({ hole, out }) =>
            hole === undefined ? Stream.fromChunk(out) : Stream.concat(Stream.fromChunk(out), Stream.fail(hole))
          ),
          Stream.concat(
            Stream.suspend(() =>
              renewed
                ? Stream.empty
                : Stream.fail(
                    limited ??
                      new Disconnected({ message: bye ? "The server ended the stream." : "The server ended the connection." })
                  )
            )
          ),
          Stream.takeUntil((frame) => frame._tag === "end"),
          Stream.catchAll((error: FollowError) => (isRetried(error) ? Stream.execute(wait(error)) : Stream.fail(error)))
        )
      })

      return attach.pipe(
        Stream.repeat(Schedule.forever),
        Stream.takeUntil((frame) => frame._tag === "end")
      )
    })
  )
