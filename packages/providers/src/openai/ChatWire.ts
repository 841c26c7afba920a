/**
 * Decodes a chunk of `/v1/chat/completions` of vLLM, llama.cpp, Ollama, LM Studio, Mistral, Databricks and older servers. Content that is not
 * read is reported (T15).
 */
import { type Fields, isRecord, stringAt } from "../Fields.ts"
import * as Failures from "./Failures.ts"
import { arrayAt, empty, intAt, type AnswerPart, unread, usageOf } from "./AnswerPart.ts"

/** Message members that carry no content. They are ignored without a report. */
const silent = new Set(["role", "name", "index", "type", "id", "object", "logprobs", "annotations", "obfuscation", "phase"])

/** Reads a message member by member, and collects the names of unread members. */
class Reader {
  readonly said: Array<AnswerPart> = []
  readonly names = new Set<string>()
  /** The message is the complete answer, not a delta. */
  private readonly isComplete: boolean

  constructor(isComplete: boolean) {
    this.isComplete = isComplete
  }

  add(kind: "agent-message" | "reasoning", text: string): void {
    if (text !== "") this.said.push({ _tag: "Text", kind, part: "0", text, ...(this.isComplete && { whole: "answer" as const }) })
  }

  /** Reads text in any of its shapes: a string, a part, or a list of parts; `thinking` and `reasoning` parts contain text in the same shapes. */
  content(kind: "agent-message" | "reasoning", value: unknown, path: string): void {
    if (typeof value === "string") return this.add(kind, value)
    if (Array.isArray(value)) {
      for (const part of value as ReadonlyArray<unknown>) this.content(kind, part, path)
      return
    }
    if (empty(value)) return
    const type = stringAt(value, "type") ?? "text"
    if (isRecord(value) && /^(text|output_text|input_text|summary_text|refusal)$/.test(type))
      return this.within(kind, value, ["text", "refusal"], `${path}.${type}`)
    if (isRecord(value) && /^(thinking|reasoning|reasoning_text|reasoning_content)$/.test(type))
      return this.within("reasoning", value, ["thinking", "reasoning", "text", "summary", "content"], `${path}.${type}`)
    this.names.add(`${path}.${type}`)
  }

  /** Reads the first of these members that is not empty. */
  private within(kind: "agent-message" | "reasoning", value: Fields, keys: ReadonlyArray<string>, path: string): void {
    const key = keys.find((key) => !empty(value[key]))
    if (key === undefined) this.names.add(path)
    else this.content(kind, value[key], `${path}.${key}`)
  }

  call(raw: unknown, position: number, givenIndex?: string): void {
    const functionPart = isRecord(raw) && isRecord(raw["function"]) ? raw["function"] : raw
    const id = stringAt(raw, "id")
    const name = stringAt(functionPart, "name")
    const given = isRecord(functionPart) ? functionPart["arguments"] : undefined
    const index = givenIndex ?? (isRecord(raw) && typeof raw["index"] === "number" ? `${raw["index"]}` : undefined)
    if (name === undefined && id === undefined && empty(given) && index === undefined) {
      if (!empty(raw)) this.names.add("tool_calls")
      return
    }
    this.said.push({
      _tag: "Call",
      at: position,
      ...(index === undefined ? {} : { index }),
      ...(id === undefined || id === "" ? {} : { id }),
      ...(name === undefined || name === "" ? {} : { name }),
      arguments: typeof given === "string" ? given : empty(given) ? "" : JSON.stringify(given),
      ...(this.isComplete && { whole: true as const })
    })
  }

  message(message: Fields): void {
    const reasoning = ["reasoning_content", "reasoning", "thinking", "reasoning_text"].find((key) => !empty(message[key]))
    if (reasoning !== undefined) this.content("reasoning", message[reasoning], reasoning)
    this.content("agent-message", message["content"], "content")
    this.content("agent-message", message["refusal"], "refusal")
    arrayAt(message, "tool_calls").forEach((call, position) => this.call(call, position))
    if (isRecord(message["tool_calls"])) this.call(message["tool_calls"], 0)
    if (!empty(message["function_call"])) this.call(message["function_call"], 0, "function_call")
    const read = new Set(["content", "refusal", "tool_calls", "function_call", ...silent])
    for (const [key, value] of Object.entries(message)) {
      if (read.has(key) || key === reasoning || empty(value)) continue
      // The member repeats the reasoning that was read.
      if (/^(reasoning|thinking)/.test(key) && reasoning !== undefined) continue
      this.names.add(key)
    }
  }
}

export const chat = (chunk: Fields): ReadonlyArray<AnswerPart> => {
  if (chunk["error"] !== undefined && chunk["error"] !== null)
    return [{ _tag: "Failed", failure: Failures.ofError(chunk["error"]) }]
  const parts: Array<AnswerPart> = []
  const names = new Set<string>()
  for (const choice of arrayAt(chunk, "choices")) {
    // The request asks for one choice, so others are not read.
    if (!isRecord(choice) || (intAt(choice, "index") ?? 0) !== 0) {
      names.add("choices")
      continue
    }
    const { delta, message, text } = choice
    const reader = new Reader(!isRecord(delta) && isRecord(message))
    if (isRecord(delta)) reader.message(delta)
    else if (isRecord(message)) reader.message(message)
    else if (typeof text === "string") reader.add("agent-message", text)
    else if (!empty(delta)) reader.names.add("delta")
    parts.push(...reader.said)
    for (const name of reader.names) names.add(name)
    const reason = stringAt(choice, "finish_reason")
    if (reason !== undefined && reason !== "") parts.push({ _tag: "Finish", reason })
  }
  if (!Array.isArray(chunk["choices"]) && !empty(chunk["choices"])) names.add("choices")
  const nothingElseRead = !parts.some(({ _tag }) => _tag === "Text" || _tag === "Call")
  if (names.size > 0) parts.push({ _tag: "Other", names: [...names].toSorted().join(" "), nothingElseRead })
  parts.push(...usageOf(chunk["usage"]))
  return parts.length > 0 || Array.isArray(chunk["choices"]) ? parts : unread("message")
}
