/**
 * Around the WebSocket route: what the handshake of the `ws` package would refuse by itself, without a word to the request's fiber, which then waits
 * indefinitely and holds the shutdown. So it is refused here, for whatever the router matched (D8).
 */
import { HttpLayerRouter, HttpServerRequest, type HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import * as Respond from "./Respond.ts"

const upgradeRequired = Respond.plain(426, "UpgradeRequired", "/rpc speaks WebSocket. Open it with a WebSocket client.", {
  upgrade: "websocket",
  connection: "upgrade"
})
const badHandshake = Respond.plain(
  400,
  "BadRequest",
  "The WebSocket handshake is malformed. Send GET with version 13, a key, and no subprotocol."
)

const refusalOf = ({
  headers,
  method
}: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse | undefined => {
  if (headers["upgrade"]?.toLowerCase() !== "websocket") return upgradeRequired
  const good =
    method === "GET" &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "") &&
    headers["sec-websocket-version"] === "13" &&
    headers["sec-websocket-protocol"] === undefined
  return good ? undefined : badHandshake
}

/** Provide its `layer` to the layer that adds the route. */
export const wellFormed = HttpLayerRouter.middleware((handler) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const refusal = refusalOf(request)
    return refusal === undefined ? handler : Effect.succeed(refusal)
  })
)
