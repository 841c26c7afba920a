/** The parts of a model's answer, in one form for the Chat Completions and the Responses dialect. Also readers for untyped JSON. */
import type { Failure, Usage } from "@millrace/contracts/Item"
import { isRecord } from "../Fields.ts"

export type AnswerPart =
  /**
   * Text of the answer, or of the reasoning; `part` identifies the message. `whole`: `text` is complete, not a delta: of the part (`part`) or of the
   * answer (`answer`). A server may send it after the deltas.
   */
  | {
      readonly _tag: "Text"
      readonly kind: "agent-message" | "reasoning"
      readonly part: string
      readonly text: string
      readonly whole?: "part" | "answer"
    }
  /**
   * A piece of a call, with the identification that the server gives: `index` is its position in the answer, `at` its position in this chunk.
   * `whole`: the complete call, repeated at the end of the answer.
   */
  | {
      readonly _tag: "Call"
      readonly at: number
      readonly index?: string
      readonly id?: string
      readonly name?: string
      readonly arguments: string
      readonly whole?: true
    }
  /** An image that the model made; `id` identifies it when it is repeated at the end of the answer. */
  | { readonly _tag: "Image"; readonly id: string; readonly mediaType: string; readonly base64: string }
  | { readonly _tag: "Usage"; readonly usage: Usage }
  /** `reason`: `stop`, `length`, `tool_calls`, `content_filter`, or another value. */
  | { readonly _tag: "Finish"; readonly reason: string }
  | { readonly _tag: "Failed"; readonly failure: Failure }
  /** Content that this version does not read (T15). `names`: the JSON fields or types that were not read. `nothingElseRead`: no other part of the message was read. */
  | { readonly _tag: "Other"; readonly names: string; readonly nothingElseRead: boolean }

export const none: ReadonlyArray<AnswerPart> = []
export const unread = (names: string): ReadonlyArray<AnswerPart> => [{ _tag: "Other", names, nothingElseRead: true }]

export const intAt = (value: unknown, key: string): number | undefined => {
  const found = isRecord(value) ? value[key] : undefined
  return typeof found === "number" && Number.isSafeInteger(found) && found >= 0 ? found : undefined
}
export const arrayAt = (value: unknown, key: string): ReadonlyArray<unknown> => {
  const found = isRecord(value) ? value[key] : undefined
  return Array.isArray(found) ? found : []
}

const count = <K extends keyof Usage>(key: K, value: number | undefined): { readonly [P in K]?: number } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: number })

export const usageOf = (raw: unknown): ReadonlyArray<AnswerPart> => {
  if (!isRecord(raw)) return none
  const input = intAt(raw, "prompt_tokens") ?? intAt(raw, "input_tokens")
  const output = intAt(raw, "completion_tokens") ?? intAt(raw, "output_tokens")
  const inputDetails = raw["prompt_tokens_details"] ?? raw["input_tokens_details"]
  const outputDetails = raw["completion_tokens_details"] ?? raw["output_tokens_details"]
  const usage: Usage = {
    ...count("inputTokens", input),
    ...count("cachedInputTokens", intAt(inputDetails, "cached_tokens")),
    ...count("outputTokens", output),
    ...count("reasoningTokens", intAt(outputDetails, "reasoning_tokens")),
    ...count("totalTokens", intAt(raw, "total_tokens"))
  }
  return [{ _tag: "Usage", usage }]
}

/** Whether the value has no content. */
export const empty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === false ||
  (Array.isArray(value) && value.every(empty)) ||
  (isRecord(value) && Object.values(value).every(empty))
