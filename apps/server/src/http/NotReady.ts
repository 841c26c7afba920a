/**
 * The response while the server is not ready (D16). A request for server-sent events gets a closed socket, because a browser's `EventSource` reconnects
 * after that but never after a 503. Every upgrade gets 503 with `Retry-After`. While no routes are attached, every other request gets it too.
 */
import { randomUUID } from "node:crypto"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import type { HttpServerResponse } from "@effect/platform"
import type { Ready } from "@millrace/contracts/Ready"
import * as OpenAiFailure from "../openai/Failure.ts"
import * as Accept from "./Accept.ts"
import * as Health from "./Health.ts"
import * as Respond from "./Respond.ts"
import * as Target from "./Target.ts"

type Headers = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/**
 * Whether a request is for server-sent events, as by `EventSource`. Only GET counts: clients that send POST with this Accept header (MCP, OpenAI)
 * handle a 503.
 */
export const asksForEvents = (method: string | undefined, headers: Headers): boolean =>
  method === "GET" && Accept.events(headers["accept"])

const messages = {
  starting: "The server is starting. Send the request again in a second.",
  draining: "The server is shutting down and accepts no new connections. Send the request again after its restart.",
  unavailable: "The server is unavailable. Send the request again later."
}
const tags = { starting: "Starting", draining: "ShuttingDown", unavailable: "Unavailable" }

/** 503 with `Retry-After`, in the shape that the clients of this path read. */
export const refusal = (ready: Ready & { readonly status: keyof typeof messages }, path: string) => {
  if (Health.paths.has(path)) return Health.answer(ready)
  const [plain, extra] = path.startsWith("/v1/") ? [OpenAiFailure.plain, { "x-should-retry": "true" }] : [Respond.plain, {}]
  return plain(503, tags[ready.status], ready.reason ?? messages[ready.status], { "retry-after": "1", ...extra })
}

const bytesOf = ({ body }: HttpServerResponse.HttpServerResponse): Uint8Array =>
  body._tag === "Uint8Array" ? body.body : new Uint8Array()

/** Writes the response to the socket, because an upgrade has no response object, and closes the connection. */
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
  /** Lets requests through to the routes. */
  readonly open: () => void
  /** Answers requests as draining; call it when the routes are detached. */
  readonly close: () => void
}

/** Answers the requests that arrive before the routes are attached and after they are detached. Install it before the server listens. */
export const gate = (server: Server): Gate => {
  let state: "starting" | "open" | "draining" = "starting"
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (state === "open") return
    if (asksForEvents(request.method, request.headers)) return void request.socket.destroy()
    const answer = refusal({ status: state }, Target.pathOf(Target.canonical(request.url ?? "/")))
    // Discards the rest of the body. Otherwise the client may get a reset before it reads the response.
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
