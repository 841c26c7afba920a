/** `/rpc`: WebSocket, JSON. No HTTP transport for RPC: it has no back-pressure. */
import { RpcSerialization, RpcServer } from "@effect/rpc"
import { Layer, Schema } from "effect"
import { MillraceRpcs } from "@millrace/contracts/Rpc"
import { required } from "../auth/Session.ts"
import * as Handlers from "./Handlers.ts"

/** A message of a client: a command of 128 KiB of text has room, in any encoding. Larger ones close the connection with 1009 (X5). */
const maxMessageBytes = 1024 * 1024

const id = Schema.String.pipe(Schema.pattern(/^[0-9]{1,20}$/))
/** What `RpcServer` takes apart without looking: anything else would end the socket and all its streams. */
const isMessages = Schema.is(
  Schema.Array(
    Schema.Union(
      Schema.TaggedStruct("Request", {
        id,
        tag: Schema.String,
        headers: Schema.Array(Schema.Tuple(Schema.String, Schema.String))
      }),
      Schema.Struct({ _tag: Schema.Literal("Ack", "Interrupt"), requestId: id }),
      Schema.Struct({ _tag: Schema.Literal("Ping", "Eof") })
    )
  )
)

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
        const messages = parser.decode(data)
        if (isMessages(messages)) return messages
        // Answered as a defect; the socket stays.
        throw new SyntaxError(
          'This is no message: send {"_tag":"Request","id":"1","tag":"state","headers":[],"payload":...}, with an id of digits.'
        )
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
