/**
 * The conversation, which each request sends in full because an endpoint stores none: filled from the log when a session opens, then with each new
 * message. Bounded in bytes; the oldest messages are dropped (L4).
 */
import type { History, PastMessage } from "@millrace/contracts/ProviderAdapter"
import type { Dialect } from "./Wire.ts"

export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON, as the model wrote it. */
  readonly arguments: string
}

export interface Image {
  readonly name: string
  readonly mediaType: string
  readonly base64: string
}

export interface UserMessage {
  readonly role: "user"
  readonly text: string
  readonly images?: ReadonlyArray<Image>
}

export type Message =
  | UserMessage
  | { readonly role: "assistant"; readonly text: string; readonly calls: ReadonlyArray<ToolCall> }
  | { readonly role: "tool"; readonly id: string; readonly text: string }

const weigh = (message: Message): number =>
  Buffer.byteLength(message.text) +
  (message.role === "assistant" ? message.calls.reduce((sum, call) => sum + Buffer.byteLength(call.arguments) + 64, 0) : 0)

/** The user message of an earlier turn, with the images of it that are still sent. */
export type PastUser = (message: Extract<PastMessage, { readonly role: "user" | "agent" }>) => UserMessage

const words = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""))

/** Maximum base64 characters of the images that a request repeats: about 15 MiB of images. */
const maxImageCharacters = 20 * 1024 * 1024

/** Placeholder for the missing result of a tool call. */
export const noResult = "(there is no result: the turn ended before)"

const ofHistory = (history: History, past: PastUser): ReadonlyArray<Message> =>
  history.turns.flatMap(({ messages }) =>
    messages.flatMap((message): ReadonlyArray<Message> => {
      if (message.role !== "tool")
        return [message.role === "user" ? past(message) : { role: "assistant", text: message.text, calls: [] }]
      const id = `call_${message.itemId}`
      return [
        { role: "assistant", text: "", calls: [{ id, name: message.tool, arguments: words(message.input ?? {}) }] },
        { role: "tool", id, text: message.result === undefined ? noResult : words(message.result) }
      ]
    })
  )

const joined = (a: string, b: string): string => (a === "" || b === "" ? a + b : `${a}\n\n${b}`)

/** Joins consecutive messages of one role: chat templates of many models reject them. */
const folded = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> => {
  const out: Array<Message> = []
  for (const message of messages) {
    const last = out.at(-1)
    if (last?.role === "user" && message.role === "user")
      out[out.length - 1] = {
        role: "user",
        text: joined(last.text, message.text),
        images: [...(last.images ?? []), ...(message.images ?? [])]
      }
    else if (last?.role === "assistant" && message.role === "assistant" && last.calls.length === 0)
      out[out.length - 1] = { role: "assistant", text: joined(last.text, message.text), calls: message.calls }
    else out.push(message)
  }
  return out
}

const call = ({ arguments: given, id, name }: ToolCall) => ({ id, type: "function", function: { name, arguments: given } })

const urlOf = ({ base64, mediaType }: Image) => `data:${mediaType};base64,${base64}`

/** A plain text, or parts if the message has images. */
const content = (
  { images = [], text }: UserMessage,
  textType: string,
  image: (url: string) => object
): string | ReadonlyArray<object> =>
  images.length === 0 ? text : [...(text === "" ? [] : [{ type: textType, text }]), ...images.map((one) => image(urlOf(one)))]

const forChat = (message: Message): object => {
  if (message.role === "user")
    return { role: "user", content: content(message, "text", (url) => ({ type: "image_url", image_url: { url } })) }
  if (message.role === "tool") return { role: "tool", tool_call_id: message.id, content: message.text }
  const calls = message.calls.length === 0 ? {} : { tool_calls: message.calls.map(call) }
  return { role: "assistant", content: message.text === "" && message.calls.length > 0 ? null : message.text, ...calls }
}

const forResponses = (message: Message): ReadonlyArray<object> => {
  if (message.role === "tool") return [{ type: "function_call_output", call_id: message.id, output: message.text }]
  if (message.role === "user")
    return [
      {
        type: "message",
        role: "user",
        content: content(message, "input_text", (url) => ({ type: "input_image", image_url: url }))
      }
    ]
  const userMessage = { type: "message", role: message.role, content: message.text }
  return [
    ...(message.text === "" ? [] : [userMessage]),
    ...message.calls.map(({ arguments: given, id, name }) => ({ type: "function_call", call_id: id, name, arguments: given }))
  ]
}

export interface Transcript {
  readonly add: (message: Message) => void
  /** The messages of a request body; at least the newest user message and the messages after it. */
  readonly render: (dialect: Dialect) => ReadonlyArray<object>
  /** Number of messages that are no longer sent. */
  readonly leftOut: () => number
}

/** `bytes`: maximum total bytes of text. */
export const make = (bytes: number, history?: History, past: PastUser = ({ text }) => ({ role: "user", text })): Transcript => {
  const given = history === undefined ? [] : ofHistory(history, past)
  // The conversation must begin with a user message: it must not have an answer without its question, or a result without its call.
  const first = given.findIndex(({ role }) => role === "user")
  const messages: Array<Message> = first === -1 ? [] : given.slice(first)
  let size = messages.reduce((sum, message) => sum + weigh(message), 0)
  let leftOut = given.length - messages.length

  /** Drops the oldest messages, up to the next user message, while the bound is exceeded. */
  const trim = () => {
    while (size > bytes) {
      const next = messages.findIndex(({ role }, at) => at > 0 && role === "user")
      if (next === -1) return
      const dropped = messages.splice(0, next)
      leftOut += dropped.length
      size -= dropped.reduce((sum, message) => sum + weigh(message), 0)
    }
  }
  trim()
  /** Replaces the images of the oldest messages by their names while the images together exceed their bound. */
  const trimImages = () => {
    let left = maxImageCharacters
    for (let at = messages.length - 1; at >= 0; at--) {
      const message = messages[at]!
      if (message.role !== "user" || message.images === undefined) continue
      left -= message.images.reduce((sum, { base64 }) => sum + base64.length, 0)
      if (left >= 0) continue
      const named = message.images.map(({ name }) => `[image: ${name}, no longer sent]`).join("\n")
      messages[at] = { role: "user", text: joined(message.text, named) }
      size += Buffer.byteLength(named)
    }
  }
  trimImages()
  return {
    add: (message) => {
      messages.push(message)
      size += weigh(message)
      trimImages()
      trim()
    },
    render: (dialect) =>
      dialect === "chat" ? folded(messages).map(forChat) : folded(messages).flatMap((message) => forResponses(message)),
    leftOut: () => leftOut
  }
}
