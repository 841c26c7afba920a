/** Turns a conversation into one prompt, because a turn takes text. Pure. */
import { cut, shorten } from "@millrace/contracts/Text"
import { Either } from "effect"
import * as Attachments from "./Attachments.ts"
import { type Failure, invalid } from "./Failure.ts"
import type { Content } from "./Wire.ts"

interface Read {
  readonly text: string
  readonly files: ReadonlyArray<Attachments.Attachment>
}

export interface PromptMessage {
  readonly role: "system" | "user" | "assistant" | "tool"
  readonly text: string
  readonly files?: ReadonlyArray<Attachments.Attachment>
}

const textTypes = new Set(["text", "input_text", "output_text", "summary_text"])
/** Types of an assistant's reasoning, which clients send back with the conversation. The agent does not need it. */
const thoughtTypes = new Set(["thinking", "redacted_thinking", "reasoning", "reasoning_text", "reasoning_content"])

export const ofText = (text: string): Read => ({ text, files: [] })

/** The text and the files of a message's content. Refuses content of other types: the agent would answer as if it had read it. */
export const textOf = (content: Content, at: string, ofAssistant = false): Either.Either<Read, Failure> => {
  if (typeof content === "string") return Either.right(ofText(content))
  const texts: Array<string> = []
  const files: Array<Attachments.Attachment> = []
  for (const [i, part] of content.entries()) {
    if (ofAssistant && thoughtTypes.has(part.type)) continue
    const file = Attachments.ofPart(part)
    if (file !== undefined) {
      files.push(file)
      continue
    }
    const text = part.type === "refusal" ? part.refusal : textTypes.has(part.type) ? part.text : undefined
    if (typeof text !== "string")
      return Either.left(
        invalid(
          `${at}[${i}]`,
          `Content of type ${cut(JSON.stringify(part.type), 80)} cannot be given to an agent. Send text, or a file as a data: URL with base64, or put files into the agent's working directory.`,
          "unsupported_content"
        )
      )
    texts.push(text)
  }
  return Either.right({ text: texts.join("\n"), files })
}

const names = { user: "User", assistant: "Assistant", tool: "Tool result", system: "System" } as const

const transcriptOf = (messages: ReadonlyArray<PromptMessage>) =>
  messages.map(({ role, text }) => `${names[role]}: ${text}`).join("\n\n")

export interface Prompt {
  readonly text: string
  /** Instructions for a continued thread; `text` does not contain them. */
  readonly instructions: string | undefined
  /** Files of the messages in `text`. */
  readonly files: ReadonlyArray<Attachments.Attachment>
  /** Title of a new thread: the first line of the user's last message. */
  readonly title: string | undefined
}

const titleOf = (messages: ReadonlyArray<PromptMessage>): string | undefined => {
  const line =
    messages
      .findLast(({ role }) => role === "user")
      ?.text.trim()
      .split("\n", 1)[0]
      ?.trim() ?? ""
  return line === "" ? undefined : shorten(line, 80)
}

/** Ends each part of a prompt. */
const rule = "\n\n---\n\n"

/** Instructions in the form that precedes the rest of a prompt. */
export const instructionsBlock = (instructions: string): string => `Instructions:\n${instructions}${rule}`

/**
 * A single user message is the prompt unchanged. Otherwise the prompt is: the instructions, the conversation so far with role names, the last messages.
 * A continued thread has its conversation, so its prompt is only what follows the last answer. Its instructions are returned separately, because the
 * caller knows whether the agent has them.
 */
export const make = (messages: ReadonlyArray<PromptMessage>, continues: boolean): Either.Either<Prompt, Failure> => {
  const conversation = messages.filter(({ role }) => role !== "system")
  const answered = conversation.findLastIndex(({ role }) => role === "assistant") + 1
  const newMessages = conversation.slice(answered)
  if (newMessages.every(({ files = [], text }) => text.trim() === "" && files.length === 0))
    return Either.left(invalid("messages", "There is nothing to answer. End with a message of the user.", "empty_prompt"))
  const last = newMessages.every(({ role }) => role === "user")
    ? newMessages.map(({ text }) => text).join("\n\n")
    : transcriptOf(newMessages)
  const system = messages.filter(({ role, text }) => role === "system" && text.trim() !== "").map(({ text }) => text)
  const instructions = system.length === 0 ? undefined : system.join("\n\n")
  if (continues)
    return Either.right({ text: last, instructions, files: newMessages.flatMap(({ files = [] }) => files), title: undefined })
  const before = answered === 0 ? "" : `The conversation so far:\n\n${transcriptOf(conversation.slice(0, answered))}${rule}`
  return Either.right({
    text: `${instructions === undefined ? "" : instructionsBlock(instructions)}${before}${last}`,
    instructions: undefined,
    files: messages.flatMap(({ files = [] }) => files),
    title: titleOf(messages)
  })
}
