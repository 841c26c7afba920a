/**
 * Messages that the server has not accepted yet. They are in localStorage from before they are sent until they are accepted, so that they survive a
 * reload. Each keeps its command id, so that the server accepts it once, even if this tab and another one both send it (C2).
 */
import type { Attachment } from "@millrace/contracts/Attachment"
import type { Strategy } from "@millrace/contracts/Command"
import type { CommandId, ThreadId } from "@millrace/contracts/Ids"
import { type Content, given, isAttachment } from "../attach/Drafts.ts"
import { Refusal, type Link } from "../hub/Link.ts"

export interface Waiting {
  readonly commandId: CommandId
  readonly threadId: ThreadId
  readonly text: string
  readonly attachments: ReadonlyArray<Attachment>
  readonly strategy: Strategy
  /** The server's reason to refuse it; it is not retried. */
  readonly refused?: string
}

const key = "millrace.waiting"
/** Maximum number of waiting messages. A further message is refused, and stays in the field. */
const maxMessages = 50

const isText = (value: unknown): value is string => typeof value === "string"
const isStrategy = (value: unknown): value is Strategy => value === "enqueue" || value === "steer" || value === "interrupt"

/** The message of a stored value; malformed values are dropped. */
const waitingOf = (value: unknown): ReadonlyArray<Waiting> => {
  if (typeof value !== "object" || value === null) return []
  const { attachments, commandId, refused, strategy, text, threadId } = value as Readonly<Record<string, unknown>>
  if (!isText(commandId) || !isText(threadId) || !isText(text) || !isStrategy(strategy)) return []
  const known = {
    commandId: commandId as CommandId,
    threadId: threadId as ThreadId,
    text,
    // Absent in messages of an earlier version.
    attachments: Array.isArray(attachments) ? attachments.filter(isAttachment) : [],
    strategy
  }
  return [isText(refused) ? { ...known, refused } : known]
}

const read = (): ReadonlyArray<Waiting> => {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "[]")
    return Array.isArray(value) ? value.flatMap(waitingOf) : []
  } catch {
    // The stored text is not JSON, or the browser has no storage.
    return []
  }
}

let messages = read()
const listeners = new Set<() => void>()
const sending = new Set<CommandId>()

const put = (next: ReadonlyArray<Waiting>) => {
  messages = next
  try {
    if (next.length === 0) localStorage.removeItem(key)
    else localStorage.setItem(key, JSON.stringify(next))
  } catch {
    // The storage is full or absent: the message waits only in this tab.
  }
  for (const listener of listeners) listener()
}
window.addEventListener("storage", (event) => {
  if (event.key !== key) return
  messages = read()
  for (const listener of listeners) listener()
})

export const current = (): ReadonlyArray<Waiting> => messages
export const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
export const remove = (commandId: CommandId): void => put(messages.filter((message) => message.commandId !== commandId))

/** Sends a message. Returns the server's reason to refuse it; `undefined` when it is accepted or still waits. */
const deliver = async (link: Link, message: Waiting): Promise<string | undefined> => {
  const { attachments, commandId, strategy, text, threadId } = message
  if (sending.has(commandId)) return undefined
  sending.add(commandId)
  try {
    await link.send("turn.start", { threadId, text, ...given(attachments), strategy }, commandId)
    remove(commandId)
    return undefined
  } catch (cause) {
    const isLater =
      cause instanceof Refusal && ["Disconnected", "ShuttingDown", "Overloaded", "StorageUnavailable"].includes(cause.tag)
    return isLater ? undefined : cause instanceof Error ? cause.message : String(cause)
  } finally {
    sending.delete(commandId)
  }
}

/** Stores the message, then sends it. Throws when it is refused; the message is then removed, for the person to correct. */
export const send = async (link: Link, threadId: ThreadId, content: Content, strategy: Strategy): Promise<void> => {
  if (messages.length >= maxMessages)
    throw new Error(`${maxMessages} messages already wait for the server. Send this one again when they are accepted.`)
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16))
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
  const message: Waiting = { commandId: `cmd_${hex}` as CommandId, threadId, ...content, strategy }
  put([...messages, message])
  const refused = await deliver(link, message)
  if (refused === undefined) return
  remove(message.commandId)
  throw new Error(refused)
}

/** Sends the waiting messages in their order. */
export const flush = (link: Link): void => {
  for (const message of messages.filter(({ refused }) => refused === undefined))
    void deliver(link, message).then((refused) => {
      if (refused === undefined) return
      const stays = { ...message, refused }
      put(messages.map((each) => (each.commandId === message.commandId ? stays : each)))
    })
}
