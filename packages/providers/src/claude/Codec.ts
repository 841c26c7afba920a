/**
 * The control protocol of `claude` (2.1) as requests and answers; every other message is a notification whose method is the message's `type`.
 * No schema is published; shapes follow the recordings in test/claude/fixtures.
 */
import { type Fields, isRecord, stringAt } from "../Fields.ts"
import type { Codec, Message } from "../process/Message.ts"

/** Our request ids are numbers and Claude's are strings, so the two directions cannot be confused. */
const ours = "millrace-"
const ourId = (id: string): number | string => (id.startsWith(ours) ? Number(id.slice(ours.length)) : id)

const answerOf = (response: unknown): Message | undefined => {
  const id = stringAt(response, "request_id")
  if (id === undefined || !isRecord(response)) return undefined
  if (response["subtype"] === "success") return { _tag: "Result", id: ourId(id), result: response["response"] }
  return { _tag: "Error", id: ourId(id), code: 0, message: stringAt(response, "error") ?? "refused", data: undefined }
}

const parse = (line: string): Message | undefined => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  const type = stringAt(value, "type")
  if (type === undefined || !isRecord(value)) return undefined
  if (type === "control_response") return answerOf(value["response"])
  if (type !== "control_request") return { _tag: "Notification", method: type, params: value }
  const { request_id: id } = value
  const method = stringAt(value["request"], "subtype")
  return (typeof id !== "string" && typeof id !== "number") || method === undefined
    ? undefined
    : { _tag: "Request", id, method, params: value["request"] }
}

const spread = (params: unknown): Fields => (isRecord(params) ? params : {})

/** A control request's `subtype` is the method; a notification's method is the `type`. */
export const codec: Codec = {
  parse,
  encode: (message) => {
    if ("method" in message) {
      const { id, method, params } = message
      if (id === undefined) return JSON.stringify({ type: method, ...spread(params) })
      return JSON.stringify({
        type: "control_request",
        request_id: `${ours}${id}`,
        request: { subtype: method, ...spread(params) }
      })
    }
    const outcome =
      "error" in message
        ? { subtype: "error", request_id: message.id, error: message.error.message }
        : { subtype: "success", request_id: message.id, response: message.result }
    return JSON.stringify({ type: "control_response", response: outcome })
  }
}
