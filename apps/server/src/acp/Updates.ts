/**
 * The events of a thread as updates of an ACP session. While events are replayed, the pieces of a text are joined; `caughtUp` emits what is open. Each
 * character of a message is emitted once.
 */
import type { SessionUpdate } from "@agentclientprotocol/sdk"
import { type DataOf, decodeData, type EventType, type LogEvent } from "@millrace/contracts/Event"
import type { ItemContent } from "@millrace/contracts/Item"
import { Either } from "effect"
import * as ToolCalls from "./ToolCalls.ts"

/** The data of the event when it has this type and decodes. */
export const dataOf = <T extends EventType>(event: LogEvent, type: T): DataOf<T> | undefined =>
  event.type === type ? Either.getOrUndefined(decodeData(type, event.data)) : undefined

interface OpenItem {
  readonly kind: string
  /** Of a sub-agent: its message is no part of the turn's answer. */
  readonly nested: boolean
  text: string
  /** Number of characters of `text` that were emitted. */
  shown: number
}

export interface Updates {
  /** `own`: the prompt came from this editor, which shows it already. */
  readonly event: (event: LogEvent, own: (turnId: string) => boolean) => ReadonlyArray<SessionUpdate>
  /** Later events are emitted as they come. Total; returns nothing when called again. */
  readonly caughtUp: () => ReadonlyArray<SessionUpdate>
}

const isText = (kind: string) => kind === "agent-message" || kind === "reasoning"
/** A command's output is emitted again each time it has grown by this factor, so that all updates together stay linear in its length. */
const growth = 1.5

/** `history`: whether the events before `caughtUp` are emitted. */
export const make = (cwd: string, history: boolean): Updates => {
  let directory = cwd
  let replaying = true
  const open = new Map<string, OpenItem>()

  const chunk = (itemId: string, item: OpenItem): ReadonlyArray<SessionUpdate> => {
    const text = item.text.slice(item.shown)
    item.shown = item.text.length
    if (text === "") return []
    const sessionUpdate = item.kind === "agent-message" && !item.nested ? "agent_message_chunk" : "agent_thought_chunk"
    return [{ sessionUpdate, messageId: itemId, content: { type: "text", text } }]
  }
  const opened = (itemId: string, kind: string, content: ItemContent): OpenItem => {
    const known = open.get(itemId)
    if (known !== undefined) return known
    const text = (isText(kind) ? content.text : content.output) ?? ""
    const item = { kind, nested: content.parentItemId !== undefined, text, shown: 0 }
    open.set(itemId, item)
    return item
  }
  const grown = (itemId: string, item: OpenItem): ReadonlyArray<SessionUpdate> => {
    if (replaying) return []
    if (isText(item.kind)) return chunk(itemId, item)
    if (item.text.length < item.shown * growth) return []
    item.shown = item.text.length
    return [ToolCalls.progressed(itemId, item.text)]
  }
  const completed = (data: DataOf<"item.completed">, own: boolean): ReadonlyArray<SessionUpdate> => {
    const { itemId, kind, role, status, text = "" } = data
    if (role === "user")
      return own || kind !== "user-message" || text === ""
        ? []
        : [{ sessionUpdate: "user_message_chunk", messageId: itemId, content: { type: "text", text } }]
    const item = opened(itemId, kind, data)
    open.delete(itemId)
    if (!isText(kind)) return [ToolCalls.ended(directory, itemId, kind, status, data)]
    // An event keeps only the beginning of a long text: then the pieces are the whole.
    if (item.shown === 0 && !item.text.startsWith(text)) item.text = text
    else if (text.startsWith(item.text)) item.text = text
    return chunk(itemId, item)
  }

  const updatesOf = (event: LogEvent, own: (turnId: string) => boolean): ReadonlyArray<SessionUpdate> => {
    switch (event.type) {
      case "thread.created": {
        directory = dataOf(event, "thread.created")?.cwd ?? directory
        return []
      }
      case "thread.updated": {
        const { permissionMode, title } = dataOf(event, "thread.updated") ?? {}
        return [
          ...(title === undefined ? [] : [{ sessionUpdate: "session_info_update" as const, title }]),
          ...(permissionMode == null ? [] : [{ sessionUpdate: "current_mode_update" as const, currentModeId: permissionMode }])
        ]
      }
      case "turn.updated": {
        const plan = dataOf(event, "turn.updated")?.plan
        if (plan === undefined) return []
        const entries = plan.map(({ status, text }) => ({
          content: text,
          priority: "medium" as const,
          status: status === "in-progress" ? ("in_progress" as const) : status
        }))
        return [{ sessionUpdate: "plan", entries }]
      }
      case "item.started": {
        const data = dataOf(event, "item.started")
        if (data === undefined || data.role === "user") return []
        const item = opened(data.itemId, data.kind, data)
        if (isText(data.kind)) return grown(data.itemId, item)
        item.shown = item.text.length
        return [ToolCalls.started(directory, data.itemId, data.kind, data)]
      }
      case "item.delta": {
        const data = dataOf(event, "item.delta")
        if (data === undefined) return []
        const item = opened(data.itemId, data.kind, {})
        item.text += data.text
        return grown(data.itemId, item)
      }
      case "item.completed": {
        const data = dataOf(event, "item.completed")
        return data === undefined ? [] : completed(data, own(data.turnId))
      }
      case "item.amended": {
        const data = dataOf(event, "item.amended")
        return data === undefined || isText(data.kind) || data.role === "user"
          ? []
          : [ToolCalls.ended(directory, data.itemId, data.kind, data.status, data)]
      }
      default:
        return []
    }
  }
  return {
    event: (event, own) => {
      const updates = updatesOf(event, own)
      return replaying && !history ? [] : updates
    },
    caughtUp: () => {
      if (!replaying) return []
      replaying = false
      const pending = [...open].flatMap(([itemId, item]) =>
        isText(item.kind) ? chunk(itemId, item) : item.shown === item.text.length ? [] : grown(itemId, item)
      )
      return history ? pending : []
    }
  }
}
