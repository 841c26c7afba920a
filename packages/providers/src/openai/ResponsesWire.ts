/** Decodes an event of `/v1/responses`. Texts and calls are read from every event that has them; unread content is reported (T15). */
import { type Fields, isRecord, stringAt } from "../Fields.ts"
import * as Failures from "./Failures.ts"
import { arrayAt, empty, intAt, none, type AnswerPart, unread, usageOf } from "./AnswerPart.ts"

/** Events without content, or whose content other events repeat in a better form. */
const noise =
  /^response\.(created|queued|in_progress|content_part\.added|output_item\.added|reasoning_summary_part\.|(refusal|function_call_arguments)\.done|function_call_arguments\.delta)/

/** The parts of an item; some servers send a text or a single part in place of the list. */
const partsAt = (item: unknown, key: string): ReadonlyArray<unknown> => {
  const found = isRecord(item) ? item[key] : undefined
  return typeof found === "string" || isRecord(found) ? [found] : arrayAt(item, key)
}

/** Arguments of a call as JSON text; some servers send the object. */
const argumentsOf = (item: unknown): string => {
  const given = isRecord(item) ? item["arguments"] : undefined
  return typeof given === "string" ? given : empty(given) ? "" : JSON.stringify(given)
}

/** The whole texts and the call of an item, because some servers send no deltas. `answer`: the item is repeated at the end of the answer. */
const itemOf = (item: unknown, whole: "part" | "answer"): ReadonlyArray<AnswerPart> => {
  const type = stringAt(item, "type")
  const id = stringAt(item, "id") ?? ""
  const texts = (kind: "agent-message" | "reasoning", key: string): ReadonlyArray<AnswerPart> =>
    partsAt(item, key).flatMap((part, at): ReadonlyArray<AnswerPart> => {
      const text = typeof part === "string" ? part : (stringAt(part, "text") ?? stringAt(part, "refusal"))
      return text === undefined
        ? unread(`${type}.${key}`)
        : text === ""
          ? none
          : [{ _tag: "Text", kind, part: `${id} ${at}`, text, whole }]
    })
  if (type === "message") return texts("agent-message", "content")
  if (type === "reasoning") {
    const summary = texts("reasoning", "summary")
    return summary.length > 0 ? summary : texts("reasoning", "content")
  }
  if (type === "image_generation_call") {
    const base64 = stringAt(item, "result") ?? ""
    const format = stringAt(item, "output_format") ?? "png"
    return base64 === "" ? none : [{ _tag: "Image", id, mediaType: `image/${format}`, base64 }]
  }
  if (type !== "function_call") return unread(`item.${type ?? "without a type"}`)
  const name = stringAt(item, "name")
  if (name === undefined || name === "") return unread("item.function_call")
  const key = stringAt(item, "call_id") ?? id
  return [
    {
      _tag: "Call",
      at: 0,
      ...(key === "" ? {} : { id: key }),
      name,
      arguments: argumentsOf(item),
      ...(whole === "answer" && { whole: true as const })
    }
  ]
}

/** Content of the final event: the usage. It repeats the items, in case the server sent no separate events for them. */
const ending = (response: unknown): ReadonlyArray<AnswerPart> => [
  ...usageOf(isRecord(response) ? response["usage"] : undefined),
  ...arrayAt(response, "output").flatMap((item) => itemOf(item, "answer").filter(({ _tag }) => _tag !== "Other"))
]

/** The finish reason of an incomplete answer, as in the chat dialect. */
const incomplete = (response: unknown): string => {
  const reason = stringAt(isRecord(response) ? response["incomplete_details"] : undefined, "reason") ?? "incomplete"
  return reason === "max_output_tokens" ? "length" : reason
}

const piece = (kind: "agent-message" | "reasoning", part: string, delta: unknown): ReadonlyArray<AnswerPart> => {
  if (empty(delta)) return none
  return typeof delta === "string" ? [{ _tag: "Text", kind, part, text: delta }] : unread("delta")
}

export const responses = (event: Fields): ReadonlyArray<AnswerPart> => {
  const type = stringAt(event, "type") ?? ""
  const { response } = event
  const part = `${stringAt(event, "item_id") ?? ""} ${intAt(event, "content_index") ?? intAt(event, "summary_index") ?? 0}`
  switch (type) {
    case "response.output_text.delta":
    case "response.refusal.delta":
      return piece("agent-message", part, event["delta"])
    case "response.reasoning_summary_text.delta":
    case "response.reasoning_text.delta":
    case "response.reasoning.delta":
      return piece("reasoning", part, event["delta"])
    case "response.output_text.done":
    case "response.reasoning_summary_text.done":
    case "response.reasoning_text.done": {
      const kind = type === "response.output_text.done" ? "agent-message" : "reasoning"
      const whole = stringAt(event, "text")
      if (whole === undefined) return empty(event["text"]) ? none : unread(type)
      return whole === "" ? none : [{ _tag: "Text", kind, part, text: whole, whole: "part" }]
    }
    case "response.content_part.done": {
      const { part: done } = event
      const whole = stringAt(done, "text") ?? stringAt(done, "refusal")
      if (whole === undefined) return empty(done) ? none : unread(`part.${stringAt(done, "type") ?? "without a type"}`)
      const kind = stringAt(done, "type") === "reasoning_text" ? "reasoning" : "agent-message"
      return whole === "" ? none : [{ _tag: "Text", kind, part, text: whole, whole: "part" }]
    }
    case "response.output_item.done":
      return itemOf(event["item"], "part")
    case "response.completed":
      return [...ending(response), { _tag: "Finish", reason: "stop" }]
    case "response.incomplete":
      return [...ending(response), { _tag: "Finish", reason: incomplete(response) }]
    case "response.failed":
      return [{ _tag: "Failed", failure: Failures.ofError(isRecord(response) ? response["error"] : undefined) }]
    case "error":
      return [{ _tag: "Failed", failure: Failures.ofError(event["error"] ?? event) }]
    default:
      return noise.test(type) ? none : unread(type === "" ? "message" : type)
  }
}
