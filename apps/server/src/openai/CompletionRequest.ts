/** A decoded call of either endpoint. A field that has no effect is refused or listed in `ignored`, never dropped silently. Pure. */
import { cut } from "@millrace/contracts/Text"
import { Either, ParseResult, Schema } from "effect"
import { type Failure, invalid } from "./Failure.ts"
import { prefix } from "./Output.ts"
import { ofText, type PromptMessage, textOf } from "./Prompt.ts"
import * as Wire from "./Wire.ts"

export interface CompletionRequest {
  /** The model as the client sent it: `provider` or `provider/model`. */
  readonly model: string
  readonly messages: ReadonlyArray<PromptMessage>
  readonly stream: boolean
  /** Chat: whether a last chunk carries the usage. */
  readonly includeUsage: boolean
  /** Responses: the id of the response that the call continues. */
  readonly previous: string | undefined
  readonly instructions: string | null
  readonly metadata: unknown
  readonly store: boolean
  /** Fields of the request that have no effect, although the caller may rely on them. */
  readonly ignored: ReadonlyArray<string>
}

/** Fields that the agent decides: it has its own tools and its own settings of the model. */
const ignorable = [
  "tools",
  "functions",
  "max_tool_calls",
  "temperature",
  "top_p",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "stop",
  "seed",
  "presence_penalty",
  "frequency_penalty",
  "logit_bias",
  "logprobs",
  "top_logprobs",
  "reasoning",
  "reasoning_effort",
  "verbosity",
  "prediction",
  "modalities",
  "audio",
  "web_search_options",
  "service_tier"
] as const

/** Whether a value requests nothing: absent, null, false, `auto`, or made of such values. */
const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === "auto" ||
  (typeof value === "object" && Object.values(value).every(isNothing))

const ignoredOf = (body: unknown): ReadonlyArray<string> =>
  typeof body === "object" && body !== null
    ? ignorable.filter((key) => !isNothing((body as Readonly<Record<string, unknown>>)[key]))
    : []

const decoded =
  <A, I>(schema: Schema.Schema<A, I>) =>
  (body: unknown): Either.Either<A, Failure> =>
    Either.mapLeft(Schema.decodeUnknownEither(schema, { errors: "first" })(body), (error) => {
      const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
      const path = issue?.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("") ?? ""
      const param = path.replace(/^\./, "")
      return invalid(param === "" ? null : param, `${param === "" ? "body" : param}: ${issue?.message ?? "it cannot be read"}`)
    })

const unsupported = (param: string, message: string) => Either.left(invalid(param, message, "unsupported_parameter"))

/** Refuses a `tool_choice` that demands a call: an agent uses its own tools and cannot be made to call the caller's. */
const checkTools = (choice: unknown): Either.Either<void, Failure> =>
  choice === undefined || choice === null || choice === "auto" || choice === "none"
    ? Either.void
    : unsupported("tool_choice", "Agents use their own tools and cannot be made to call yours. Leave tool_choice out.")

const checkFormat = (param: string, type: string | undefined): Either.Either<void, Failure> =>
  type === undefined || type === "text"
    ? Either.void
    : unsupported(param, "Agents answer in text. Ask for JSON in the prompt and check it, or leave the format out.")

/** The arguments of a call as text. Most clients send JSON text, some the value itself. */
const argumentsText = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined || value === null ? "{}" : JSON.stringify(value)

const chatMessage = (message: Wire.ChatMessage, i: number): Either.Either<PromptMessage, Failure> =>
  Either.map(
    message.content === undefined || message.content === null
      ? Either.right(ofText(message.refusal ?? ""))
      : textOf(message.content, `messages[${i}].content`, message.role === "assistant"),
    ({ files, text }) => {
      const { role } = message
      if (role === "system" || role === "developer") return { role: "system", text, files }
      if (role === "tool" || role === "function") return { role: "tool", text, files }
      const calls = (message.tool_calls ?? []).flatMap(({ function: called }) =>
        called === undefined || called === null ? [] : [`(called ${called.name} with ${argumentsText(called.arguments)})`]
      )
      return { role, text: [...(text === "" ? [] : [text]), ...calls].join("\n"), files }
    }
  )

/** `POST /v1/chat/completions` */
export const fromChat = (body: unknown): Either.Either<CompletionRequest, Failure> =>
  Either.gen(function* () {
    const request = yield* decoded(Wire.ChatRequest)(body)
    if ((request.n ?? 1) !== 1) return yield* unsupported("n", "One call is one turn: n must be 1.")
    yield* checkTools(request.tool_choice)
    yield* checkFormat("response_format", request.response_format?.type)
    return {
      model: request.model,
      messages: yield* Either.all(request.messages.map(chatMessage)),
      stream: request.stream ?? false,
      includeUsage: request.stream_options?.include_usage ?? false,
      previous: undefined,
      instructions: null,
      metadata: {},
      store: false,
      ignored: ignoredOf(body)
    }
  })

/** Types of items that a caller sends back from an earlier answer and that are not messages. They are skipped. */
const skippedTypes = new Set(["reasoning", "mcp_call", "mcp_list_tools"])
const isSkipped = (type: string): boolean => skippedTypes.has(type) || type.startsWith(prefix)

const inputItem = (item: Wire.InputItem, i: number): Either.Either<ReadonlyArray<PromptMessage>, Failure> => {
  const type = item.type ?? "message"
  if (isSkipped(type)) return Either.right([])
  if (type === "function_call")
    return Either.right([{ role: "assistant", text: `(called ${item.name ?? "a tool"} with ${argumentsText(item.arguments)})` }])
  if (type === "function_call_output")
    return Either.right([
      { role: "tool", text: typeof item.output === "string" ? item.output : JSON.stringify(item.output ?? "") }
    ])
  if (type !== "message")
    return Either.left(
      invalid(
        `input[${i}]`,
        `Input of type ${cut(JSON.stringify(type), 80)} cannot be handed to an agent.`,
        "unsupported_content"
      )
    )
  const role = item.role ?? "user"
  return Either.map(textOf(item.content ?? "", `input[${i}].content`, role === "assistant"), ({ files, text }) => [
    { role: role === "developer" ? "system" : role, text, files }
  ])
}

/** `POST /v1/responses` */
export const fromResponses = (body: unknown): Either.Either<CompletionRequest, Failure> =>
  Either.gen(function* () {
    const request = yield* decoded(Wire.ResponsesRequest)(body)
    if (request.background === true)
      return yield* unsupported(
        "background",
        "A turn continues when its caller disconnects, and can be read under /api. Leave background out."
      )
    if (request.conversation !== undefined && request.conversation !== null)
      return yield* unsupported(
        "conversation",
        "Continue a thread with previous_response_id, or with the header X-Millrace-Thread."
      )
    yield* checkTools(request.tool_choice)
    yield* checkFormat("text.format", request.text?.format?.type)
    const { input } = request
    const messages: ReadonlyArray<PromptMessage> =
      typeof input === "string" ? [{ role: "user", text: input }] : (yield* Either.all(input.map(inputItem))).flat()
    const instructions = request.instructions ?? null
    return {
      model: request.model,
      messages: instructions === null ? messages : [{ role: "system", text: instructions }, ...messages],
      stream: request.stream ?? false,
      includeUsage: true,
      previous: request.previous_response_id ?? undefined,
      instructions,
      metadata: request.metadata ?? {},
      store: request.store ?? true,
      ignored: ignoredOf(body)
    }
  })
