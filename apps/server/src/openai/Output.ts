/**
 * Items as the output of a response: what the agent said is a `message`, what it thought a `reasoning` with a summary, and what it did with
 * tools on the server an `mcp_call`, the shape for calls that are made already and not left to the client. Pure.
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

/** How an item of this kind is shown; the others stand under `/api` only. */
export const shapeOf = (kind: string): Shape | undefined => (Object.hasOwn(shapes, kind) ? shapes[kind] : undefined)

const statuses = {
  open: "in_progress",
  completed: "completed",
  failed: "failed",
  declined: "failed",
  aborted: "incomplete"
} as const

const id = (shape: Shape, itemId: string) =>
  `${shape === "message" ? "msg" : shape === "reasoning" ? "rs" : "mcp"}_${itemId.slice("itm_".length)}`

export const textPart = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] })
export const summaryPart = (text: string) => ({ type: "summary_text", text })

/** What the tool was given, and what it gave back. */
const called = (item: Item): { readonly name: string; readonly input: unknown; readonly output: unknown } => {
  if (item.kind === "command") return { name: "command", input: { command: item.command, cwd: item.cwd }, output: item.output }
  if (item.kind === "file-change") return { name: "file-change", input: { changes: item.changes }, output: undefined }
  return { name: item.tool ?? item.kind, input: item.input ?? {}, output: item.result ?? item.output }
}

const asText = (value: unknown): string | null =>
  value === undefined || value === null ? null : typeof value === "string" ? value : JSON.stringify(value)

const tool = (item: Item, provider: string) => {
  const { input, name, output } = called(item)
  const slash = item.kind === "tool-call" ? name.indexOf("/") : -1
  const ended = item.status !== "open" && item.status !== "completed"
  return {
    type: "mcp_call",
    id: id("tool", item.itemId),
    server_label: slash < 0 ? provider : name.slice(0, slash),
    name: name.slice(slash + 1),
    arguments: JSON.stringify(input),
    output: asText(output),
    error: ended ? (item.reason ?? `the ${item.kind} was ${item.status}`) : null,
    status: statuses[item.status]
  }
}

/** The item as it stands; one that is open has nothing in it yet. */
export const of = (shape: Shape, item: Item, provider: string) => {
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
      return tool(item, provider)
  }
}

export const idOf = id
