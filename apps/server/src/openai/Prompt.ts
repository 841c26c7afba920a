/** A conversation as one prompt: a turn takes text. Pure. */
import { cut, shorten } from "@millrace/contracts/Text"
import { Either } from "effect"
import * as Attached from "./Attached.ts"
import { type Failure, invalid } from "./Failure.ts"
import type { Content } from "./Wire.ts"

interface Read {
  readonly text: string
  readonly files: ReadonlyArray<Attached.Attached>
}

export interface Said {
  readonly role: "system" | "user" | "assistant" | "tool"
  readonly text: string
  readonly files?: ReadonlyArray<Attached.Attached>
}

const textTypes = new Set(["text", "input_text", "output_text", "summary_text"])
/** What an assistant thought, which a client sends back with the conversation: the agent has no use for it. */
const thoughtTypes = new Set(["thinking", "redacted_thinking", "reasoning", "reasoning_text", "reasoning_content"])

export const ofText = (text: string): Read => ({ text, files: [] })

/** The text and the files of a message's content. What is dropped in silence would be answered as if it had been seen: refused. */
export const textOf = (content: Content, at: string, ofAssistant = false): Either.Either<Read, Failure> => {
  if (typeof content === "string") return Either.right(ofText(content))
  const texts: Array<string> = []
  const files: Array<Attached.Attached> = []
  for (const [i, part] of content.entries()) {
    if (ofAssistant && thoughtTypes.has(part.type)) continue
    const file = Attached.ofPart(part)
    if (file !== undefined) {
      files.push(file)
      continue
    }
    const text = part.type === "refusal" ? part.refusal : textTypes.has(part.type) ? part.text : undefined
    if (typeof text !== "string")
      return Either.left(
        invalid(
          `${at}[${i}]`,
          `Content of type ${cut(JSON.stringify(part.type), 80)} cannot be handed to an agent here. Send text, or a file as a data: URL with base64, or put files into the agent's working directory.`,
          "unsupported_content"
        )
      )
    texts.push(text)
  }
  return Either.right({ text: texts.join("\n"), files })
}

const names = { user: "User", assistant: "Assistant", tool: "Tool result", system: "System" } as const

const told = (said: ReadonlyArray<Said>) => said.map(({ role, text }) => `${names[role]}: ${text}`).join("\n\n")

export interface Prompt {
  readonly text: string
  /** Of a thread that is continued: what it is told to keep to, which `text` does not have. */
  readonly instructions: string | undefined
  /** Of the messages that `text` has. */
  readonly files: ReadonlyArray<Attached.Attached>
  /** For a new thread: the first line of what the user last said. */
  readonly title: string | undefined
}

const titleOf = (said: ReadonlyArray<Said>): string | undefined => {
  const line =
    said
      .findLast(({ role }) => role === "user")
      ?.text.trim()
      .split("\n", 1)[0]
      ?.trim() ?? ""
  return line === "" ? undefined : shorten(line, 80)
}

/** Ends each part of a prompt. */
const rule = "\n\n---\n\n"

/** How instructions stand before what is asked. */
export const instructed = (instructions: string): string => `Instructions:\n${instructions}${rule}`

/**
 * One user message is the prompt, as it stands. Otherwise: the instructions, the conversation so far with names, then what was said last.
 * A thread that is continued knows its conversation: only what follows the last answer is new. Its instructions stand apart, for the caller knows
 * whether they were given before.
 */
export const make = (said: ReadonlyArray<Said>, continues: boolean): Either.Either<Prompt, Failure> => {
  const conversation = said.filter(({ role }) => role !== "system")
  const answered = conversation.findLastIndex(({ role }) => role === "assistant") + 1
  const asked = conversation.slice(answered)
  if (asked.every(({ files = [], text }) => text.trim() === "" && files.length === 0))
    return Either.left(invalid("messages", "There is nothing to answer: end with a message of the user.", "empty_prompt"))
  const last = asked.every(({ role }) => role === "user") ? asked.map(({ text }) => text).join("\n\n") : told(asked)
  const system = said.filter(({ role, text }) => role === "system" && text.trim() !== "").map(({ text }) => text)
  const instructions = system.length === 0 ? undefined : system.join("\n\n")
  if (continues)
    return Either.right({ text: last, instructions, files: asked.flatMap(({ files = [] }) => files), title: undefined })
  const before = answered === 0 ? "" : `The conversation so far:\n\n${told(conversation.slice(0, answered))}${rule}`
  return Either.right({
    text: `${instructions === undefined ? "" : instructed(instructions)}${before}${last}`,
    instructions: undefined,
    files: said.flatMap(({ files = [] }) => files),
    title: titleOf(said)
  })
}
