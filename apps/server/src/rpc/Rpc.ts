/** `/rpc`: WebSocket, JSON. No HTTP transport for RPC: it has no back-pressure. */
import { HttpLayerRouter, HttpServerRequest } from "@effect/platform"
import { RpcSerialization, RpcServer } from "@effect/rpc"
import { Effect, Layer, Schema } from "effect"
import { wellFormedJson } from "@millrace/contracts/Text"
import { isDeep } from "@millrace/orchestration/state/Truncation"
import { sessionRequired } from "../auth/Session.ts"
import * as Respond from "../http/Respond.ts"
import * as Strict from "../http/Strict.ts"
import { validHandshake } from "../http/Handshake.ts"
import * as Caller from "./Caller.ts"
import { FollowRequest, Unacknowledged } from "./FollowMessages.ts"
import * as Handlers from "./Handlers.ts"
import { ServedRpcs } from "./ServedRpcs.ts"

/** Size limit of a client's message, enough for a command with 128 KiB of text in any escaping. A larger message closes the connection with 1009 (X5). */
const maxMessageBytes = 1024 * 1024

const id = Schema.String.pipe(Schema.pattern(/^[0-9]{1,20}$/))
/** Validates messages that `RpcServer` uses without validation: a malformed message would end the socket and all its streams. */
const isMessages = Schema.is(
  Schema.Array(
    Schema.Union(
      Schema.TaggedStruct("Request", {
        id,
        tag: Schema.String,
        headers: Schema.Array(Schema.Tuple(Schema.String, Schema.String)),
        payload: Schema.optional(Schema.Unknown)
      }),
      Schema.Struct({ _tag: Schema.Literal("Ack", "Interrupt"), requestId: id }),
      Schema.Struct({ _tag: Schema.Literal("Ping", "Eof") })
    )
  )
)

/** Maximum nesting: the nesting of a body, plus the message around it. */
const maxDepth = 260

class MessageTooLarge extends Error {
  /** The tag that `RpcServer` answers with close code 1009. */
  readonly _tag = "RpcSerializationError"
}

const serialization = Layer.succeed(RpcSerialization.RpcSerialization, {
  ...RpcSerialization.json,
  unsafeMake: () => {
    const parser = RpcSerialization.json.unsafeMake()
    const unacknowledged = new Unacknowledged()
    return {
      encode: parser.encode,
      decode: (data) => {
        if (data.length > maxMessageBytes)
          throw new MessageTooLarge(`The message is too large: the limit is ${maxMessageBytes} bytes.`)
        const messages = parser.decode(data)
        if (isMessages(messages) && !isDeep(messages, maxDepth))
          return wellFormedJson(messages).flatMap((message) => {
            if (message._tag === "Ack") {
              unacknowledged.acknowledge(message.requestId)
              return []
            }
            if (message._tag !== "Request" || message.tag !== "follow") return [message]
            return [{ ...message, payload: new FollowRequest(message.payload, message.id, unacknowledged) }]
          })
        // Answered as a defect; the socket stays open.
        throw new SyntaxError(
          'Malformed RPC message. Expected {"_tag":"Request","id":"1","tag":"state","headers":[],"payload":...}, with an id of digits.'
        )
      }
    }
  }
})

/** Decides how the payloads of a connection are decoded, before it opens. */
const decodeMode = HttpLayerRouter.middleware<{ provides: Caller.DecodeMode }>()(
  Effect.succeed((handler) =>
    Effect.gen(function* () {
      const { headers } = yield* HttpServerRequest.HttpServerRequest
      const mode = yield* Effect.either(Strict.modeOfSocket(yield* HttpServerRequest.ParsedSearchParams, headers))
      return mode._tag === "Left"
        ? Respond.error(mode.left)
        : yield* Effect.provideService(handler, Caller.DecodeMode, mode.right)
    })
  )
)

export const layer = RpcServer.layerHttpRouter({
  group: ServedRpcs,
  path: "/rpc",
  protocol: "websocket",
  disableFatalDefects: true,
  spanPrefix: "Rpc"
}).pipe(
  Layer.provide([Handlers.layer, Caller.layer, serialization, sessionRequired.combine(decodeMode).layer, validHandshake.layer])
)
