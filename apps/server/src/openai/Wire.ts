/**
 * What OpenAI's clients send, as far as an agent can act on it. Fields that are not named here are ignored: sampling, limits and the like
 * belong to the agent. What would change the meaning of the answer and cannot be honoured is refused in `Asked.ts`.
 */
import { Schema } from "effect"

const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

const Part = Schema.Struct({ type: Schema.String, text: maybe(Schema.String), refusal: maybe(Schema.String) })
export type Part = typeof Part.Type

export const Content = Schema.Union(Schema.String, Schema.Array(Part))
export type Content = typeof Content.Type

const Model = Schema.String.pipe(Schema.minLength(1))
const Stream = maybe(Schema.Boolean)

const ChatMessage = Schema.Struct({
  role: Schema.Literal("system", "developer", "user", "assistant", "tool", "function"),
  content: maybe(Content),
  refusal: maybe(Schema.String),
  tool_calls: maybe(
    Schema.Array(
      Schema.Struct({ function: maybe(Schema.Struct({ name: Schema.String, arguments: Schema.optional(Schema.String) })) })
    )
  )
})
export type ChatMessage = typeof ChatMessage.Type

/** `POST /v1/chat/completions` */
export const ChatRequest = Schema.Struct({
  model: Model,
  messages: Schema.NonEmptyArray(ChatMessage),
  stream: Stream,
  stream_options: maybe(Schema.Struct({ include_usage: maybe(Schema.Boolean) })),
  n: maybe(Schema.Number),
  tool_choice: Schema.optional(Schema.Unknown),
  response_format: maybe(Schema.Struct({ type: Schema.String }))
})
export type ChatRequest = typeof ChatRequest.Type

const InputItem = Schema.Struct({
  type: maybe(Schema.String),
  role: maybe(Schema.Literal("system", "developer", "user", "assistant")),
  content: maybe(Content),
  name: maybe(Schema.String),
  arguments: maybe(Schema.String),
  output: Schema.optional(Schema.Unknown)
})
export type InputItem = typeof InputItem.Type

/** `POST /v1/responses` */
export const ResponsesRequest = Schema.Struct({
  model: Model,
  input: Schema.Union(Schema.String, Schema.NonEmptyArray(InputItem)),
  instructions: maybe(Schema.String),
  stream: Stream,
  previous_response_id: maybe(Schema.String),
  conversation: Schema.optional(Schema.Unknown),
  background: maybe(Schema.Boolean),
  tool_choice: Schema.optional(Schema.Unknown),
  text: maybe(Schema.Struct({ format: maybe(Schema.Struct({ type: Schema.String })) })),
  metadata: Schema.optional(Schema.Unknown)
})
export type ResponsesRequest = typeof ResponsesRequest.Type
