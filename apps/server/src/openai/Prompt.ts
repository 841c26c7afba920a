/** A conversation as one prompt: a turn takes text. Pure. */
import { Either } from "effect"
import { type Failure, invalid } from "./Failure.ts"
import type { Content } from "./Wire.ts"

export interface Said {
  readonly role: "system" | "user" | "assistant" | "tool"
  readonly text: string
}

const textTypes = new Set(["text", "input_text", "output_text", "summary_text"])

/** The text of a message's content. An image that is dropped in silence would be answered as if it had been seen: refused. */
export const textOf = (content: Content, at: string): Either.Either<string, Failure> => {
  if (typeof content === "string") return Either.right(content)
  const texts: Array<string> = []
  for (const [i, part] of content.entries()) {
    const text = part.type === "refusal" ? part.refusal : textTypes.has(part.type) ? part.text : undefined
    if (text === undefined)
      return Either.left(
        invalid(
          `${at}[${i}]`,
          `Content of type ${JSON.stringify(part.type).slice(0, 80)} cannot be handed to an agent here. Send text, and put files into the agent's working directory.`,
          "unsupported_content"
        )
      )
    texts.push(text ?? "")
  }
  return Either.right(texts.join("\n"))
}

const names = { user: "User", assistant: "Assistant", tool: "Tool result", system: "System" } as const

const told = (said: ReadonlyArray<Said>) => said.map(({ role, text }) => `${names[role]}: ${text}`).join("\n\n")

export interface Prompt {
  readonly text: string
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
  return line === "" ? undefined : line.length > 80 ? `${line.slice(0, 79)}…` : line
}

/**
 * One user message is the prompt, as it stands. Otherwise: the instructions, the conversation so far with names, then what was said last.
 * A thread that is continued knows its conversation: only what follows the last answer is new, and instructions were given to it before.
 */
export const make = (said: ReadonlyArray<Said>, continues: boolean): Either.Either<Prompt, Failure> => {
  const conversation = said.filter(({ role }) => role !== "system")
  const answered = conversation.findLastIndex(({ role }) => role === "assistant") + 1
  const asked = conversation.slice(answered)
  if (asked.every(({ text }) => text.trim() === ""))
    return Either.left(invalid("messages", "There is nothing to answer: end with a message of the user.", "empty_prompt"))
  const last = asked.every(({ role }) => role === "user") ? asked.map(({ text }) => text).join("\n\n") : told(asked)
  if (continues) return Either.right({ text: last, title: undefined })
  const instructions = said.filter(({ role, text }) => role === "system" && text.trim() !== "").map(({ text }) => text)
  const parts = [
    ...(instructions.length === 0 ? [] : [`Instructions:\n${instructions.join("\n\n")}`]),
    ...(answered === 0 ? [] : [`The conversation so far:\n\n${told(conversation.slice(0, answered))}`]),
    last
  ]
  return Either.right({ text: parts.join("\n\n---\n\n"), title: titleOf(said) })
}
