/** `/rpc`: WebSocket, JSON. No HTTP transport for RPC: it has no back-pressure. */
import { RpcSerialization, RpcServer } from "@effect/rpc"
import { Layer } from "effect"
import { MillraceRpcs } from "@millrace/contracts/Rpc"
import { required } from "../auth/Session.ts"
import * as Handlers from "./Handlers.ts"

/** A message of a client: a command of 128 KiB of text has room, in any encoding. Larger ones close the connection with 1009 (X5). */
const maxMessageBytes = 1024 * 1024

class MessageTooLarge extends Error {
  /** What `RpcServer` answers with close code 1009. */
  readonly _tag = "RpcSerializationError"
}

const serialization = Layer.succeed(RpcSerialization.RpcSerialization, {
  ...RpcSerialization.json,
  unsafeMake: () => {
    const parser = RpcSerialization.json.unsafeMake()
    return {
      encode: parser.encode,
      decode: (data) => {
        if (data.length > maxMessageBytes) throw new MessageTooLarge(`A message may have ${maxMessageBytes} bytes.`)
        return parser.decode(data)
      }
    }
  }
})

export const layer = RpcServer.layerHttpRouter({
  group: MillraceRpcs,
  path: "/rpc",
  protocol: "websocket",
  disableFatalDefects: true,
  spanPrefix: "Rpc"
}).pipe(Layer.provide([Handlers.layer, serialization, required.layer]))
