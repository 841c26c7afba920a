/** The transports of the log, each as one attach: the frames that a client without state receives, and the way in which it sees a broken connection. */
import { Chunk, Effect, Option, Schema, Stream } from "effect"
import type { FollowError } from "@millrace/client/Follow"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import { disconnected, refused } from "@millrace/client/TransportError"
import { format } from "@millrace/contracts/Cursor"
import { CursorError } from "@millrace/contracts/Errors"
import type { LogEvent } from "@millrace/contracts/Event"
import type { Frame } from "@millrace/contracts/Frame"
import type { StreamName } from "@millrace/contracts/Ids"
import type { Hosted } from "../support/Hosted.ts"
import * as CuttingProxy from "./CuttingProxy.ts"

export interface Request {
  readonly stream?: StreamName
  readonly after?: string
}

export interface Transport {
  readonly name: string
  /** Whether it emits `caught-up`, `bye` and `end`; a poll only returns pages. */
  readonly speaks: boolean
  /** `cutAfter`: the connection breaks after this many bytes; in process, at a frame. */
  readonly follow: (hosted: Hosted, request: Request, cutAfter?: number) => Stream.Stream<Frame, FollowError>
}

/** Approximate size of a frame in bytes. */
const frameBytes = 400

const inProcess: Transport["follow"] = ({ host }, request, cutAfter) =>
  cutAfter === undefined ? host.follow(request) : Stream.take(host.follow(request), Math.ceil(cutAfter / frameBytes))

const address = ({ url }: Hosted, cutAfter: number | undefined) =>
  cutAfter === undefined ? Effect.succeed(url) : CuttingProxy.open(url, cutAfter)

const sse: Transport["follow"] = (hosted, request, cutAfter) =>
  Stream.unwrapScoped(
    Effect.map(address(hosted, cutAfter), (url) => HttpTransport.make({ url, token: hosted.token }).follow(request))
  )

const rpc: Transport["follow"] = (hosted, request, cutAfter) =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const url = yield* address(hosted, cutAfter)
      const transport = yield* RpcTransport.make({
        url: `${url.replace("http", "ws")}/rpc`,
        webSocket: NodeWebSocket.open(hosted.token)
      })
      return transport.follow(request)
    })
  )

const isCursorError = Schema.decodeUnknownOption(CursorError)

/** Page after page, each a long-poll for the next event; a partial page is dropped. */
const poll =
  (accept: "application/json" | "application/x-ndjson", query: string): Transport["follow"] =>
  (hosted, { stream, after }, cutAfter) =>
    Stream.unwrapScoped(
      Effect.map(address(hosted, cutAfter), (url) => {
        const page = (from: string) =>
          Effect.gen(function* () {
            const path = `/api/events?${from}&${query}${stream === undefined ? "" : `&stream=${stream}`}`
            const { response, text } = yield* Effect.tryPromise({
              try: async (signal) => {
                const headers = { accept, authorization: `Bearer ${hosted.token}` }
                const response = await fetch(`${url}${path}`, { signal, headers })
                return { response, text: await response.text() }
              },
              catch: (cause) => disconnected(url, cause)
            })
            if (!response.ok)
              return yield* Option.getOrElse(isCursorError(JSON.parse(text)), () => refused(response.status, text))
            const lines = accept === "application/json" ? undefined : text.split("\n").filter((line) => line !== "")
            const events = lines?.map((line) => JSON.parse(line) as LogEvent) ?? (JSON.parse(text) as ReadonlyArray<LogEvent>)
            const next = response.headers.get("x-millrace-cursor") ?? ""
            const frames = events.map((event): Frame => ({
              _tag: "event",
              cursor: format(hosted.log.epoch, event.offset),
              event
            }))
            return [Chunk.fromIterable(frames), Option.some(`after=${next}`)] as const
          })
        return Stream.paginateChunkEffect(after === undefined ? "since=0" : `after=${after}`, page)
      })
    )

export const all: ReadonlyArray<Transport> = [
  { name: "in process", speaks: true, follow: inProcess },
  { name: "SSE", speaks: true, follow: sse },
  { name: "RPC", speaks: true, follow: rpc },
  { name: "long-poll", speaks: false, follow: poll("application/json", "wait=20") },
  { name: "pages of NDJSON", speaks: false, follow: poll("application/x-ndjson", "wait=20&limit=50") }
]
