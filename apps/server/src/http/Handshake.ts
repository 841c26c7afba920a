/**
 * Middleware of the WebSocket route. It rejects every handshake that the `ws` package would reject. `ws` does not report its refusal to the request's
 * fiber, so the fiber would wait indefinitely and delay the shutdown. Applies to every spelling that the router matches (D8).
 */
import { HttpLayerRouter, HttpServerRequest, type HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import { socketProtocols } from "@millrace/contracts/Access"
import type { Headers } from "../auth/Proxy.ts"
import * as Respond from "./Respond.ts"

const upgradeRequired = Respond.plain(426, "UpgradeRequired", "/rpc needs a WebSocket. Open it with a WebSocket client.", {
  upgrade: "websocket",
  connection: "upgrade"
})
const badHandshake = Respond.plain(
  400,
  "BadRequest",
  "The WebSocket handshake is malformed. Send GET with Sec-WebSocket-Version 13, a Sec-WebSocket-Key, and either no subprotocol or `millrace, millrace.bearer.TOKEN`."
)

const [protocol, bearer] = socketProtocols("")
const offered = new RegExp(`^${protocol}, *${bearer.replaceAll(".", "\\.")}([A-Za-z0-9_-]{1,512})$`)

/** The token among the subprotocols of a browser's handshake. */
export const tokenOf = (headers: Headers): string | undefined => offered.exec(headers["sec-websocket-protocol"] ?? "")?.[1]

const refusalOf = ({
  headers,
  method
}: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse | undefined => {
  if (headers["upgrade"]?.toLowerCase() !== "websocket") return upgradeRequired
  const good =
    method === "GET" &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "") &&
    headers["sec-websocket-version"] === "13" &&
    (headers["sec-websocket-protocol"] === undefined || tokenOf(headers) !== undefined)
  return good ? undefined : badHandshake
}

/** Provide its `layer` to the layer that adds the route. */
export const validHandshake = HttpLayerRouter.middleware((handler) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const refusal = refusalOf(request)
    return refusal === undefined ? handler : Effect.succeed(refusal)
  })
)
