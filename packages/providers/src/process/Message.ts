/**
 * JSON-RPC 2.0 messages, one per line, with or without the "jsonrpc" member (Codex omits it). Pure.
 * A `Codec` reads and writes the same four messages in another protocol, such as Claude's control protocol.
 */
import { cut } from "@millrace/contracts/Text"
export type RpcId = string | number

/** Numbers and strings are different ids in JSON-RPC. */
export const requestKey = (id: RpcId): string => `${typeof id === "number" ? "n" : "s"}${id}`

/** JSON-RPC error code of an unknown method. */
export const methodNotFound = -32601

export type Dialect = "jsonrpc" | "bare"

/** Messages we send: a request (`id` and `method`), a notification (`method`), an answer (`id` and `result` or `error`). */
export type Outgoing =
  | { readonly id?: RpcId; readonly method: string; readonly params: unknown }
  | { readonly id: RpcId; readonly result: unknown }
  | { readonly id: RpcId; readonly error: { readonly code: number; readonly message: string } }

/** Both functions are total. Our request ids are numbers, and `parse` returns them as numbers. */
export interface Codec {
  /** `undefined`: not a message of this protocol. */
  readonly parse: (line: string) => Message | undefined
  /** One line, without its 0x0A. */
  readonly encode: (message: Outgoing) => string
}

export type Message =
  | { readonly _tag: "Notification"; readonly method: string; readonly params: unknown }
  | { readonly _tag: "Request"; readonly id: RpcId; readonly method: string; readonly params: unknown }
  | { readonly _tag: "Result"; readonly id: RpcId; readonly result: unknown }
  | { readonly _tag: "Error"; readonly id: RpcId; readonly code: number; readonly message: string; readonly data: unknown }

/** Members of a response. */
const members: ReadonlySet<string> = new Set(["jsonrpc", "id", "result", "error"])

/** `undefined`: not a JSON-RPC message. */
export const parse = (line: string): Message | undefined => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== "object" || value === null) return undefined
  const { id, method, params, result, error } = value as Record<string, unknown>
  const hasId = typeof id === "string" || typeof id === "number"
  if (typeof method === "string") {
    if (hasId) return { _tag: "Request", id, method, params }
    return id === undefined || id === null ? { _tag: "Notification", method, params } : undefined
  }
  if (!hasId) return undefined
  // Another object with an `id` may be a line of the agent's log.
  const isResponse = Object.keys(value).every((key) => members.has(key))
  if (typeof error === "string" && isResponse) return { _tag: "Error", id, code: 0, message: cut(error, 500), data: undefined }
  if (typeof error === "object" && error !== null) {
    const { code, message, data } = error as Record<string, unknown>
    return {
      _tag: "Error",
      id,
      code: typeof code === "number" ? code : 0,
      message: typeof message === "string" ? message : cut(JSON.stringify(error), 500),
      data
    }
  }
  // A response without a result ends the call, too (T14): its caller does not wait for the deadline.
  return "result" in value || isResponse ? { _tag: "Result", id, result } : undefined
}

/** `encode` omits `undefined` members, and with `bare` the "jsonrpc" member. `parse` reads both dialects. */
export const codec = (dialect: Dialect): Codec => ({
  parse,
  encode: (message) => JSON.stringify(dialect === "jsonrpc" ? { jsonrpc: "2.0", ...message } : message)
})
