/** The HTTP interface: read models and commands as JSON, `follow` as server-sent events. Needs only `fetch`. */
import { Duration, Effect, Option, Schema, Stream } from "effect"
import { Accepted, CommandStatus } from "@millrace/contracts/Command"
import * as Errors from "@millrace/contracts/Errors"
import { ControlFrame, EventFrame, type Frame } from "@millrace/contracts/Frame"
import { ItemView, RequestView } from "@millrace/contracts/Item"
import { PageOf, ProviderStatus, Snapshot, ThreadView, TurnView } from "@millrace/contracts/State"
import { cut } from "@millrace/contracts/Text"
import * as Deadlines from "./Deadlines.ts"
import * as Sse from "./Sse.ts"
import type { Transport } from "./Transport.ts"
import { disconnected, Disconnected, ProtocolError, refused, type TransportError, unanswered } from "./TransportError.ts"

export interface Options {
  /** Like `http://127.0.0.1:7717`. */
  readonly url: string
  /** Absent if a cookie authenticates. */
  readonly token?: string
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch
  /** The deadline of an answer. Default 30 seconds. For `follow` it covers only the head of the answer. */
  readonly deadline?: Duration.DurationInput
  /** The server ignores fields and parameters that it does not know, for a client newer than the server. Default: it refuses them. */
  readonly lenient?: boolean
}

/** An event is at most 256 KiB (L4); escapes and the envelope make it larger on the wire. */
const maxFrameCharacters = 4 * 1024 * 1024

const lookup = Schema.Union(Errors.NotFound, Errors.StorageUnavailable)
const storage = Schema.Union(Errors.StorageUnavailable)
const following = Schema.Union(Errors.CursorError, Errors.StorageUnavailable)
const isEventFrame = Schema.is(EventFrame)
const control = Schema.decodeUnknownOption(ControlFrame)

const parse = (text: string): Option.Option<unknown> => {
  try {
    return Option.some(JSON.parse(text) as unknown)
  } catch {
    return Option.none()
  }
}

const frameOf = (sse: Sse.SseFrame): Effect.Effect<Option.Option<Frame>, ProtocolError> => {
  const data = Option.getOrUndefined(parse(sse.data))
  if (sse.event !== "message")
    // An unknown control frame is ignored (D5).
    return Effect.succeed(control({ ...(typeof data === "object" ? data : {}), _tag: sse.event }))
  const frame: unknown = { _tag: "event", cursor: sse.id, event: data }
  return isEventFrame(frame)
    ? Effect.succeedSome(frame)
    : Effect.fail(new ProtocolError({ message: `This is not an event: ${cut(sse.data, 200)}` }))
}

type Parameter = string | number | boolean | undefined
const query = (values: Record<string, Parameter | ReadonlyArray<string>>): string => {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(values))
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) params.append(name, String(one))
  const text = params.toString()
  return text === "" ? "" : `?${text}`
}

/** A server that starts or has lost its storage refuses a request before it reads it. */
const unreadTags: ReadonlySet<unknown> = new Set(["Starting", "Unavailable"])
const isUnread = (body: unknown): boolean =>
  typeof body === "object" && body !== null && "_tag" in body && unreadTags.has(body._tag)

export const make = (options: Options): Transport => {
  const fetch = options.fetch ?? globalThis.fetch
  const deadline = Duration.decode(options.deadline ?? Deadlines.answer)
  const base = options.url.replace(/\/+$/, "")
  const lost = (cause: unknown) => disconnected(base, cause)
  const within = Effect.timeoutFail({ duration: deadline, onTimeout: () => unanswered(base, deadline) })

  const request = (
    signal: AbortSignal,
    path: string,
    init: { method?: string; body?: string; headers?: Record<string, string> }
  ) =>
    fetch(`${base}${path}`, {
      ...init,
      signal,
      headers: {
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...(init.body === undefined ? {} : { "content-type": "application/json" }),
        ...(options.lenient === true && { "x-millrace-lenient": "1" }),
        ...init.headers
      }
    })

  /** The error of an answer that is not 2xx: an error of the call if it decodes as one, otherwise a transport error. */
  const rejected = <E, I>(
    response: Response,
    text: string,
    error: Schema.Schema<E, I>
  ): Effect.Effect<never, E | TransportError> => {
    const body = Option.getOrUndefined(parse(text))
    const known = Schema.decodeUnknownOption(error)(body)
    if (Option.isSome(known)) return Effect.fail(known.value)
    if (response.status === 401)
      return Effect.fail(
        Option.getOrElse(
          Schema.decodeUnknownOption(Errors.Unauthorized)(body),
          () => new Errors.Unauthorized({ message: `${base} does not accept this token. Create one with: millrace token create` })
        )
      )
    if (response.status === 429 || (response.status >= 502 && response.status <= 504)) {
      const seconds = Number(response.headers.get("retry-after") ?? Number.NaN)
      return Effect.fail(
        new Disconnected({
          message: refused(response.status, text).message,
          ...(isUnread(body) && { unsent: true }),
          ...(Number.isFinite(seconds) ? { retryAfterMillis: seconds * 1_000 } : {})
        })
      )
    }
    return Effect.fail(refused(response.status, text))
  }

  const call = <A, I, E, J>(
    path: string,
    success: Schema.Schema<A, I>,
    error: Schema.Schema<E, J>,
    init: { method?: string; body?: string; headers?: Record<string, string> } = {}
  ): Effect.Effect<A, E | TransportError> =>
    Effect.tryPromise({
      try: async (signal) => {
        const response = await request(signal, path, init)
        return { response, text: await response.text() }
      },
      catch: lost
    }).pipe(
      within,
      Effect.flatMap(({ response, text }): Effect.Effect<A, E | TransportError> =>
        response.ok
          ? Schema.decodeUnknown(success)(Option.getOrUndefined(parse(text))).pipe(
              Effect.mapError((cause) => new ProtocolError({ message: `${path}: ${cause.message}` }))
            )
          : rejected(response, text, error)
      )
    )

  const follow: Transport["follow"] = ({ after, stream, types }) =>
    Stream.unwrapScoped(
      Effect.gen(function* () {
        const abort = yield* Effect.acquireRelease(
          Effect.sync(() => new AbortController()),
          (controller) => Effect.sync(() => controller.abort())
        )
        const response = yield* Effect.tryPromise({
          try: () =>
            request(abort.signal, `/api/events${query({ stream, types: types?.join(","), after })}`, {
              headers: { accept: "text/event-stream" }
            }),
          catch: lost
        }).pipe(within)
        if (!response.ok) {
          const text = yield* Effect.tryPromise({ try: () => response.text(), catch: lost }).pipe(within)
          return yield* rejected(response, text, following)
        }
        // A proxy's page is not an event stream, and another attach would not change that.
        const type = response.headers.get("content-type") ?? ""
        if (!type.startsWith("text/event-stream"))
          return yield* new ProtocolError({
            message: `${base} answered with ${type || "no content type"} where events were asked for`
          })
        const reader = response.body?.getReader()
        if (reader === undefined) return yield* new ProtocolError({ message: `${base} answered without a body` })
        const parser = Sse.make()
        return Stream.repeatEffectOption(
          Effect.tryPromise({ try: () => reader.read(), catch: (cause) => Option.some<TransportError>(lost(cause)) }).pipe(
            Effect.flatMap((part) => (part.done ? Effect.fail(Option.none<TransportError>()) : Effect.succeed(part.value)))
          )
        ).pipe(
          Stream.mapConcatEffect((bytes) =>
            Effect.gen(function* () {
              const frames = yield* Effect.forEach(parser.push(bytes), frameOf)
              if (parser.held() > maxFrameCharacters)
                return yield* new ProtocolError({ message: `A frame is longer than ${maxFrameCharacters} characters` })
              return frames.filter(Option.isSome).map((frame) => frame.value)
            })
          )
        )
      })
    )

  return {
    address: base,
    follow,
    dispatch: (command) =>
      call("/api/commands", Accepted, Errors.CommandError, { method: "POST", body: JSON.stringify(command) }),
    commandStatus: (id) => call(`/api/commands/${encodeURIComponent(id)}`, CommandStatus, lookup),
    state: call("/api/state", Snapshot, storage),
    threads: (page) => call(`/api/threads${query({ ...page })}`, PageOf(ThreadView), storage),
    thread: (id) => call(`/api/threads/${encodeURIComponent(id)}`, ThreadView, lookup),
    turns: (id, page) => call(`/api/threads/${encodeURIComponent(id)}/turns${query({ ...page })}`, PageOf(TurnView), lookup),
    items: (id, page) => call(`/api/threads/${encodeURIComponent(id)}/items${query({ ...page })}`, PageOf(ItemView), lookup),
    requests: call("/api/requests", Schema.Array(RequestView), storage),
    providers: call("/api/providers", Schema.Array(ProviderStatus), Schema.Never)
  }
}
