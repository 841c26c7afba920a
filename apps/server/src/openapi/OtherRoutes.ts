/** Descriptions of the routes that are not in the contract's group: pairing, health, metrics, the OpenAI-compatible interface, and the document. */
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "@effect/platform"
import { Schema } from "effect"
import { PairingCode } from "@millrace/contracts/Access"
import * as Errors from "@millrace/contracts/Errors"
import { Ready } from "@millrace/contracts/Ready"
import { ChatRequest, ResponsesRequest } from "../openai/Wire.ts"

const text = Schema.String
const html = HttpApiSchema.Text({ contentType: "text/html" })

const name = Schema.optional(Schema.String.pipe(Schema.maxLength(100))).annotations({
  description: "The name of the new token: the actor of its commands."
})
const Paired = Schema.Struct({ token: text, id: text, name: text }).annotations({
  identifier: "NewToken",
  description: "The only answer that contains the token."
})

/** The code is the credential, so these routes need no token; creating a code does. */
export const pairing = HttpApiGroup.make("pairing")
  .add(
    HttpApiEndpoint.get("openPairingLink", "/pair")
      .annotate(OpenApi.Summary, "Exchange a code for a browser session (the link that `millrace pair` prints)")
      .setUrlParams(Schema.Struct({ code: text }))
      .addSuccess(HttpApiSchema.Empty(303).annotations({ description: "The session cookie is set; continue at `/`." }))
      .addError(html.annotations({ description: "A page that says what is wrong." }), { status: 403 })
  )
  .add(
    HttpApiEndpoint.post("pair", "/pair")
      .annotate(OpenApi.Summary, "Exchange a code for a token")
      .setPayload(Schema.Struct({ code: text, name }).annotations({ examples: [{ code: "ABCD-EFGH", name: "my program" }] }))
      .addSuccess(Paired)
      .addError(Errors.BadRequest)
      .addError(Errors.Forbidden)
      .addError(Errors.PayloadTooLarge)
      .addError(Errors.StorageUnavailable)
  )
  .add(
    HttpApiEndpoint.post("createPairingCode", "/api/pair")
      .annotate(OpenApi.Summary, "Create a pairing code, which works once")
      .setPayload(Schema.Struct({ name }).annotations({ examples: [{ name: "my phone" }] }))
      .addSuccess(PairingCode)
      .addError(Errors.BadRequest)
      .addError(Errors.Unauthorized)
      .addError(Errors.Forbidden)
      .addError(Errors.PayloadTooLarge)
      .addError(Errors.Overloaded)
      .addError(Errors.StorageUnavailable)
  )

const health = (id: string, path: `/${string}`, summary: string) =>
  HttpApiEndpoint.get(id, path).annotate(OpenApi.Summary, summary).addSuccess(Ready).addError(Ready, { status: 503 })

const HeadersTooLarge = HttpApiSchema.Empty(431).annotations({ description: "The headers are larger than 32 KiB." })

/** Routes for monitors and generators. `/health` and `/ready` accept every Host. */
export const operation = HttpApiGroup.make("operation")
  .add(health("health", "/health", "Whether the server accepts requests").addError(HeadersTooLarge))
  .add(health("ready", "/ready", "Whether the server accepts requests; the same answer as /health").addError(HeadersTooLarge))
  .add(
    HttpApiEndpoint.get("metrics", "/metrics")
      .annotate(OpenApi.Summary, "Read metrics as Prometheus text")
      .addSuccess(HttpApiSchema.Text({ contentType: "text/plain" }))
      .addError(Errors.Unauthorized)
      .addError(Errors.Forbidden)
      .addError(Errors.Overloaded)
  )
  .add(
    HttpApiEndpoint.get("openapi", "/openapi.json")
      .annotate(OpenApi.Summary, "Read this document")
      .addSuccess(Schema.Struct({ openapi: text }, { key: text, value: Schema.Unknown }))
      .addError(Errors.Unauthorized)
      .addError(Errors.Forbidden)
      .addError(Errors.Overloaded)
  )

export const OpenAiError = Schema.Struct({
  error: Schema.Struct({
    message: text,
    type: text,
    code: text,
    param: Schema.NullOr(text),
    text: Schema.optional(text).annotations({ description: "The agent's text until the turn failed." })
  })
}).annotations({ identifier: "OpenAiError", description: "An error in the shape that OpenAI's clients read." })

const Model = Schema.Struct({ id: text, object: Schema.Literal("model"), created: Schema.Int, owned_by: text }).annotations({
  identifier: "Model"
})
const ChatCompletion = Schema.Struct({
  id: text,
  object: Schema.Literal("chat.completion"),
  created: Schema.Int,
  model: text,
  choices: Schema.Array(
    Schema.Struct({
      index: Schema.Int,
      message: Schema.Struct({ role: text, content: text, refusal: Schema.Null }),
      logprobs: Schema.Null,
      finish_reason: text
    })
  ),
  usage: Schema.optional(Schema.Record({ key: text, value: Schema.Unknown })),
  millrace: Schema.optional(Schema.Unknown).annotations({ description: "Fields of the request that had no effect." })
}).annotations({ identifier: "ChatCompletion" })
const Response = Schema.Struct(
  {
    id: text,
    object: Schema.Literal("response"),
    created_at: Schema.Int,
    status: text,
    model: text,
    output: Schema.Array(Schema.Unknown),
    previous_response_id: Schema.NullOr(text)
  },
  { key: text, value: Schema.Unknown }
).annotations({ identifier: "Response", description: "A response of OpenAI's interface, with its other fields." })
const List = <A, I>(item: Schema.Schema<A, I>) =>
  Schema.Struct({ object: Schema.Literal("list"), data: Schema.Array(item) }, { key: text, value: Schema.Unknown })

const id = Schema.Struct({ id: text })

/** docs/openai.md describes each field and lists the fields without effect. */
export const openai = HttpApiGroup.make("openai")
  .add(
    HttpApiEndpoint.post("createChatCompletion", "/v1/chat/completions")
      .annotate(OpenApi.Summary, "Run a turn: OpenAI's chat completions")
      .setPayload(
        ChatRequest.annotations({ examples: [{ model: "demo", messages: [{ role: "user", content: "[[say hello]]" }] }] })
      )
      .addSuccess(ChatCompletion)
  )
  .add(
    HttpApiEndpoint.post("createResponse", "/v1/responses")
      .annotate(OpenApi.Summary, "Run a turn: OpenAI's responses")
      .setPayload(ResponsesRequest.annotations({ examples: [{ model: "demo", input: "[[say hello]]" }] }))
      .addSuccess(Response)
  )
  .add(
    HttpApiEndpoint.get("response", "/v1/responses/:id")
      .annotate(OpenApi.Summary, "Read a stored response")
      .setPath(id)
      .addSuccess(Response)
  )
  .add(
    HttpApiEndpoint.get("responseInputItems", "/v1/responses/:id/input_items")
      .annotate(OpenApi.Summary, "List the input of a stored response")
      .setPath(id)
      .addSuccess(List(Schema.Unknown))
  )
  .add(
    HttpApiEndpoint.get("models", "/v1/models")
      .annotate(OpenApi.Summary, "List the agents and their models")
      .addSuccess(List(Model))
  )
  .add(
    HttpApiEndpoint.get("model", "/v1/models/:model")
      .annotate(OpenApi.Summary, "Read one model")
      .setPath(Schema.Struct({ model: text }))
      .addSuccess(Model)
  )
  .addError(OpenAiError, { status: 400 })
  .addError(OpenAiError, { status: 401 })
  .addError(OpenAiError, { status: 403 })
  .addError(OpenAiError, { status: 404 })
  .addError(OpenAiError, { status: 409 })
  .addError(OpenAiError, { status: 413 })
  .addError(OpenAiError, { status: 429 })
  .addError(OpenAiError, { status: 503 })

const message = Schema.Struct({ jsonrpc: Schema.Literal("2.0") }, { key: text, value: Schema.Unknown }).annotations({
  identifier: "McpMessage",
  description: "A message of the Model Context Protocol: JSON-RPC 2.0."
})

/** docs/mcp.md describes the tools. An error of the protocol's transport (404: no such session) is a JSON-RPC error. */
export const mcp = HttpApiGroup.make("mcp")
  .add(
    HttpApiEndpoint.post("sendMcpMessage", "/mcp")
      .annotate(OpenApi.Summary, "Send a message to the MCP server (Streamable HTTP)")
      .setPayload(
        message.annotations({
          examples: [
            {
              jsonrpc: "2.0",
              id: 1,
              method: "initialize",
              params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "my program", version: "1" } }
            }
          ]
        })
      )
      .addSuccess(HttpApiSchema.Text({ contentType: "text/event-stream" }))
      .addSuccess(HttpApiSchema.Empty(202).annotations({ description: "A notification was received." }))
  )
  .add(
    HttpApiEndpoint.get("followMcpNotifications", "/mcp")
      .annotate(OpenApi.Summary, "Follow the notifications of an MCP session")
      .addSuccess(HttpApiSchema.Text({ contentType: "text/event-stream" }))
  )
  .add(
    HttpApiEndpoint.del("endMcpSession", "/mcp")
      .annotate(OpenApi.Summary, "End an MCP session")
      .addSuccess(HttpApiSchema.Empty(200))
  )
  .addError(message, { status: 404 })
  .addError(Errors.BadRequest)
  .addError(Errors.Unauthorized)
  .addError(Errors.Forbidden)
  .addError(Errors.Overloaded)
