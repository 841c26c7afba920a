/** The HTTP interface: read models and commands as JSON, `follow` as server-sent events, export and import of threads. It needs only `fetch`. */
import type { EventSourceMessage } from "eventsource-parser"
import { Array, Effect, Option, Schema, Stream } from "effect"
import { Accepted, CommandStatus } from "@millrace/contracts/Command"
import * as Errors from "@millrace/contracts/Errors"
import { ControlFrame, EventFrame, type Frame } from "@millrace/contracts/Frame"
import type { TurnId } from "@millrace/contracts/Ids"
import { ItemView, RequestView } from "@millrace/contracts/Item"
import { SearchPage } from "@millrace/contracts/Search"
import { LogUsage } from "@millrace/contracts/LogUsage"
import { LogWork, type PruneRequest } from "@millrace/contracts/LogWork"
import { PageOf, ProviderStatus, Snapshot, ThreadView, TurnView } from "@millrace/contracts/State"
import { cut } from "@millrace/contracts/Text"
import * as HttpRequest from "./HttpRequest.ts"
import * as HttpTransfer from "./HttpTransfer.ts"
import * as Sse from "./Sse.ts"
import type { Transport } from "./Transport.ts"
import { ProtocolError, type TransportError } from "./TransportError.ts"

export type Options = HttpRequest.Options
export interface HttpTransport extends Transport, HttpTransfer.HttpTransfer {
  /** A turn by its id alone. */
  readonly turn: (turnId: TurnId) => Effect.Effect<TurnView, Errors.NotFound | Errors.StorageUnavailable | TransportError>
  /** The bytes that the log and the other files of the server use on the disk, at most one minute old. */
  readonly logUsage: Effect.Effect<LogUsage, Errors.StorageUnavailable | TransportError>
  /** Packs the log for at most about 10 seconds. Needs a token of the scope admin. */
  readonly packLog: Effect.Effect<LogWork, Errors.StorageUnavailable | TransportError>
  /** Removes the oldest events for at most about 10 seconds. A dry run has no deadline. Needs a token of the scope admin. */
  readonly pruneLog: (request: PruneRequest) => Effect.Effect<LogWork, Errors.StorageUnavailable | TransportError>
}

/** An event is at most 256 KiB (L4); escapes and the envelope make it larger on the wire. */
const maxFrameCharacters = 4 * 1024 * 1024

const lookup = Schema.Union(Errors.NotFound, Errors.StorageUnavailable)
const storage = Schema.Union(Errors.StorageUnavailable)
const following = Schema.Union(Errors.CursorError, Errors.StorageUnavailable)
const isEventFrame = Schema.is(EventFrame)
const control = Schema.decodeUnknownOption(ControlFrame)

const frameOf = (sse: EventSourceMessage): Effect.Effect<Option.Option<Frame>, ProtocolError> => {
  const data = Option.getOrUndefined(HttpRequest.parse(sse.data))
  if (sse.event !== undefined && sse.event !== "message")
    // An unknown control frame is ignored (D5).
    return Effect.succeed(control({ ...(typeof data === "object" ? data : {}), _tag: sse.event }))
  const frame: unknown = { _tag: "event", cursor: sse.id, event: data }
  return isEventFrame(frame)
    ? Effect.succeedSome(frame)
    : Effect.fail(new ProtocolError({ message: `This is not an event: ${cut(sse.data, 200)}.` }))
}

/** The frames of an answer's body, until it ends. */
const framesOf = (reader: ReadableStreamDefaultReader<Uint8Array>, lost: HttpRequest.HttpRequest["lost"]) => {
  const parser = Sse.make(maxFrameCharacters)
  return Stream.repeatEffectOption(
    Effect.tryPromise({ try: () => reader.read(), catch: (cause) => Option.some<TransportError>(lost(cause)) }).pipe(
      Effect.flatMap((part) => (part.done ? Effect.fail(Option.none<TransportError>()) : Effect.succeed(part.value)))
    )
  ).pipe(
    Stream.mapConcatEffect((bytes) => {
      const frames = parser.push(bytes)
      return frames === undefined
        ? Effect.fail(new ProtocolError({ message: `A frame is longer than ${maxFrameCharacters} characters.` }))
        : Effect.map(Effect.forEach(frames, frameOf), Array.getSomes)
    })
  )
}

export const make = (options: Options): HttpTransport => {
  const request = HttpRequest.make(options)
  const { address, lost, open, within } = request
  const call = <A, I, E, J>(
    path: string,
    success: Schema.Schema<A, I>,
    error: Schema.Schema<E, J>,
    init?: HttpRequest.Init
  ): Effect.Effect<A, E | TransportError> => within(request.json(path, success, error, init))
  const query = HttpRequest.query
  const id = encodeURIComponent

  const follow: Transport["follow"] = ({ after, stream, types }) =>
    Stream.unwrapScoped(
      Effect.gen(function* () {
        const path = `/api/events${query({ stream, types: types?.join(","), after })}`
        const response = yield* within(open(path, following, { headers: { accept: "text/event-stream" } }))
        // A proxy's page is not an event stream. Another attach would not change that.
        const type = response.headers.get("content-type") ?? ""
        if (!type.startsWith("text/event-stream"))
          return yield* new ProtocolError({
            message: `${address} answered with ${type || "no content type"} where events were asked for.`
          })
        const reader = response.body?.getReader()
        if (reader === undefined) return yield* new ProtocolError({ message: `${address} answered without a body.` })
        return framesOf(reader, lost)
      })
    )

  return {
    ...HttpTransfer.make(request),
    address,
    follow,
    dispatch: (command) =>
      call("/api/commands", Accepted, Errors.CommandError, { method: "POST", body: JSON.stringify(command) }),
    commandStatus: (commandId) => call(`/api/commands/${id(commandId)}`, CommandStatus, lookup),
    state: call("/api/state", Snapshot, storage),
    threads: (page) => call(`/api/threads${query({ ...page })}`, PageOf(ThreadView), storage),
    thread: (threadId) => call(`/api/threads/${id(threadId)}`, ThreadView, lookup),
    turn: (turnId) => call(`/api/turns/${id(turnId)}`, TurnView, lookup),
    logUsage: call("/api/log", LogUsage, storage),
    packLog: call("/api/log/pack", LogWork, storage, { method: "POST", body: "{}" }),
    pruneLog: (prune) => request.json("/api/log/prune", LogWork, storage, { method: "POST", body: JSON.stringify(prune) }),
    turns: (threadId, page) => call(`/api/threads/${id(threadId)}/turns${query({ ...page })}`, PageOf(TurnView), lookup),
    items: (threadId, page) => call(`/api/threads/${id(threadId)}/items${query({ ...page })}`, PageOf(ItemView), lookup),
    search: (request) => call(`/api/search${query({ ...request })}`, SearchPage, storage),
    requests: call("/api/requests", Schema.Array(RequestView), storage),
    providers: call("/api/providers", Schema.Array(ProviderStatus), Schema.Never)
  }
}
