/**
 * What a client gets while the server is not ready (D16): one answer or one close, whatever it speaks. A browser's `EventSource` gives up for good on
 * a 503 and comes back after a closed socket; everything else gets 503 with `Retry-After`.
 */
import { randomUUID } from "node:crypto"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import type { HttpServerResponse } from "@effect/platform"
import type { Ready } from "@millrace/contracts/Ready"
import * as OpenAiFailure from "../openai/Failure.ts"
import * as Health from "./Health.ts"
import * as Respond from "./Respond.ts"
import * as Target from "./Target.ts"

type Headers = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/** It asks for server-sent events, as `EventSource` does. A POST that takes them too (MCP, the OpenAI face) reads a 503. */
export const asksForEvents = (method: string | undefined, headers: Headers): boolean =>
  method === "GET" &&
  String(headers["accept"] ?? "")
    .toLowerCase()
    .includes("text/event-stream")

const messages = {
  starting: "The server is starting. Send the request again in a second.",
  draining: "The server is shutting down and takes no new connections. Send the request again after its restart.",
  unavailable: "The server cannot take requests now. Send the request again later."
}
const tags = { starting: "Starting", draining: "ShuttingDown", unavailable: "Unavailable" }

/** 503 with `Retry-After`, in the shape that the clients of this path read. */
export const refusal = (ready: Ready & { readonly status: keyof typeof messages }, path: string) => {
  if (Health.paths.has(path)) return Health.answer(ready)
  const [plain, own] = path.startsWith("/v1/") ? [OpenAiFailure.plain, { "x-should-retry": "true" }] : [Respond.plain, {}]
  return plain(503, tags[ready.status], ready.reason ?? messages[ready.status], { "retry-after": "1", ...own })
}

const bytesOf = ({ body }: HttpServerResponse.HttpServerResponse): Uint8Array =>
  body._tag === "Uint8Array" ? body.body : new Uint8Array()

/** Plain HTTP, since an upgrade has no response object; then the connection closes. */
const endWith = (socket: Duplex, response: HttpServerResponse.HttpServerResponse) => {
  const bytes = bytesOf(response)
  const headers = {
    ...response.headers,
    "x-request-id": randomUUID(),
    connection: "close",
    "content-length": String(bytes.length)
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`HTTP/1.1 ${response.status} Service Unavailable\r\n${lines.join("")}\r\n`)
  socket.end(bytes, () => socket.destroy())
}

export interface Gate {
  /** The routes answer from now on. */
  readonly open: () => void
  /** The routes are gone. */
  readonly close: () => void
}

/** Answers what arrives at a server before its routes are attached and after they were taken away. Install it before the server listens. */
export const gate = (server: Server): Gate => {
  let state: "starting" | "open" | "draining" = "starting"
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (state === "open") return
    if (asksForEvents(request.method, request.headers)) return void request.socket.destroy()
    const answer = refusal({ status: state }, Target.pathOf(Target.canonical(request.url ?? "/")))
    // A body that still comes is thrown away; without it the client may meet a reset before it reads the answer.
    request.resume()
    response
      .writeHead(answer.status, { ...answer.headers, "x-request-id": randomUUID(), connection: "close" })
      .end(bytesOf(answer))
  })
  server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
    if (state === "open") return
    socket.on("error", () => {})
    endWith(socket, refusal({ status: state }, Target.pathOf(Target.canonical(request.url ?? "/"))))
  })
  return {
    open: () => {
      state = "open"
    },
    close: () => {
      state = "draining"
    }
  }
}
