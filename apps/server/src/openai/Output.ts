/**
 * Items as the output of a response: the agent's text is a `message`, its reasoning a `reasoning` with a summary. A call of the agent's tools is an
 * item of a Millrace type, with the prefix that Open Responses requires of such types: the agent has made the call, the client makes none. Pure.
 */
import type { ItemContent, ItemStatus } from "@millrace/contracts/Item"

export interface Item extends ItemContent {
  readonly itemId: string
  readonly kind: string
  readonly status: "open" | ItemStatus
  readonly reason?: string | undefined
}

export type Shape = "message" | "reasoning" | "tool"

const shapes: Readonly<Record<string, Shape>> = {
  "agent-message": "message",
  reasoning: "reasoning",
  command: "tool",
  "file-change": "tool",
  "tool-call": "tool",
  "web-search": "tool"
}

/** The shape of an item of this kind; `undefined` for kinds that only `/api` shows. */
export const shapeOf = (kind: string): Shape | undefined => (Object.hasOwn(shapes, kind) ? shapes[kind] : undefined)

/** Prefix of Millrace's item types. */
export const prefix = "millrace:"

const statuses = {
  open: "in_progress",
  completed: "completed",
  failed: "failed",
  declined: "failed",
  aborted: "incomplete"
} as const

const id = (shape: Shape, itemId: string) =>
  `${shape === "message" ? "msg" : shape === "reasoning" ? "rs" : "mr"}_${itemId.slice("itm_".length)}`

export const textPart = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] })
export const summaryPart = (text: string) => ({ type: "summary_text", text })

const asText = (value: unknown): string | null =>
  value === undefined || value === null ? null : typeof value === "string" ? value : JSON.stringify(value)

/** The arguments and the result of the tool. */
const called = (item: Item): object => {
  if (item.kind === "command")
    return {
      command: item.command ?? "",
      cwd: item.cwd ?? null,
      output: item.output ?? null,
      exit_code: item.exitCode ?? null
    }
  if (item.kind === "file-change") return { changes: item.changes ?? [] }
  return { name: item.tool ?? item.kind, arguments: JSON.stringify(item.input ?? {}), output: asText(item.result ?? item.output) }
}

const tool = (item: Item) => {
  const ended = item.status !== "open" && item.status !== "completed"
  return {
    type: `${prefix}${item.kind.replaceAll("-", "_")}`,
    id: id("tool", item.itemId),
    status: statuses[item.status],
    ...called(item),
    error: ended ? (item.reason ?? `the ${item.kind} was ${item.status}`) : null
  }
}

/** The item in its current state. An open item has no content yet. */
export const of = (shape: Shape, item: Item) => {
  const text = item.status === "open" ? undefined : (item.text ?? "")
  const status = item.status === "open" ? "in_progress" : item.status === "completed" ? "completed" : "incomplete"
  switch (shape) {
    case "message":
      return {
        type: "message",
        id: id("message", item.itemId),
        role: "assistant",
        status,
        content: text === undefined ? [] : [textPart(text)]
      }
    case "reasoning":
      return {
        type: "reasoning",
        id: id("reasoning", item.itemId),
        status,
        summary: text === undefined || text === "" ? [] : [summaryPart(text)]
      }
    case "tool":
      return tool(item)
  }
}

export const idOf = id
