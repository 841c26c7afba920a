/**
 * Schemas of what OpenAI's clients send, as far as an agent can act on it. Other fields are ignored: sampling, limits and the like are the agent's.
 * `CompletionRequest.ts` refuses fields that cannot be honoured and would change the meaning of the answer.
 */
import { ModelName } from "@millrace/contracts/Settings"
import { cut } from "@millrace/contracts/Text"
import { Schema } from "effect"

const isModelName: (name: string) => boolean = Schema.is(ModelName)
const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

/** `Attachments.ts` decodes the fields that only some types of parts have. */
const Part = Schema.Struct({
  type: Schema.String,
  text: Schema.optional(Schema.Unknown),
  refusal: maybe(Schema.String),
  image_url: Schema.optional(Schema.Unknown),
  file: Schema.optional(Schema.Unknown),
  filename: Schema.optional(Schema.Unknown),
  file_data: Schema.optional(Schema.Unknown)
})
export type Part = typeof Part.Type

export const Content = Schema.Union(Schema.String, Schema.Array(Part))
export type Content = typeof Content.Type

/** `provider` or `provider/model`. */
const Model = Schema.String.pipe(
  Schema.minLength(1),
  Schema.filter((name) => {
    const modelName = name.slice(name.indexOf("/") + 1)
    return (
      modelName === "" ||
      isModelName(modelName) ||
      "expected provider or provider/model, without control characters or a leading -"
    )
  })
)
const Stream = maybe(Schema.Boolean)

/** A string enum whose error message lists the allowed values. */
const roles = <const Roles extends readonly [string, ...Array<string>]>(...roles: Roles) =>
  Schema.Literal(...roles).annotations({
    message: ({ actual }) => ({
      message: `expected one of ${roles.join(", ")}, got ${cut(JSON.stringify(actual) ?? "undefined", 100)}`,
      override: true
    })
  })

const ChatMessage = Schema.Struct({
  role: roles("system", "developer", "user", "assistant", "tool", "function"),
  content: maybe(Content),
  refusal: maybe(Schema.String),
  tool_calls: maybe(
    Schema.Array(
      Schema.Struct({ function: maybe(Schema.Struct({ name: Schema.String, arguments: Schema.optional(Schema.Unknown) })) })
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
  role: maybe(roles("system", "developer", "user", "assistant")),
  content: maybe(Content),
  name: maybe(Schema.String),
  arguments: Schema.optional(Schema.Unknown),
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
  metadata: Schema.optional(Schema.Unknown),
  store: maybe(Schema.Boolean)
})
export type ResponsesRequest = typeof ResponsesRequest.Type
