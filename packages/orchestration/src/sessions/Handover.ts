/** Renders a thread's conversation as text for an agent that does not know it, and lists the omitted parts. Pure. */
import { cut } from "@millrace/contracts/Text"
import type { History, HistoryBounds, PastAttachment, PastMessage } from "@millrace/contracts/ProviderAdapter"

/** Bounds of the transcript, which becomes the first part of a prompt. */
export const bounds: HistoryBounds = { turns: 200, bytes: 64 * 1024 }
/** Characters of one tool's input or result. */
const maxTool = 2000

export interface HandoverBrief {
  /** The conversation, oldest first, to put before the request. */
  readonly text: string
  /** The omitted parts, as text for people. */
  readonly lost: string
}

const asText = (value: unknown): string =>
  value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value)

class Renderer {
  cut = 0
  private short(value: unknown): string {
    const text = asText(value)
    if (text.length <= maxTool) return text
    this.cut++
    return `${cut(text, maxTool)} [cut]`
  }
  message(message: PastMessage): string {
    if (message.role === "tool") {
      const result = this.short(message.result)
      return `[tool ${message.tool}] ${this.short(message.input)}${result === "" ? "" : `\n[result] ${result}`}`
    }
    const { attachments = [], role, text } = message
    return [`[${role}] ${text}`, ...attachments.map(attachmentLine)].join("\n")
  }
}

const attachmentLine = ({ mediaType, name, path }: PastAttachment): string =>
  `[attached ${name} (${mediaType})${path === undefined ? "" : `: ${path}`}]`

/** Preface when another agent takes over. */
const takenOver = (from: string): string =>
  `You take over this conversation from another agent (${from}). The work it did is in this directory; look at it where you need to know.`
/** Preface when the agent has lost its own record of the conversation. */
const lost =
  "Your own record of this conversation was lost. The work that you did is in this directory; look at it where you need to know."

/** The transcript of these turns and the omitted parts. `undefined` without turns. `from`: the previous agent, after a hand-over. */
export const brief = (from: string | undefined, history: History): HandoverBrief | undefined => {
  if (history.turns.length === 0) return undefined
  const renderer = new Renderer()
  const turns = history.turns.map(({ messages, outcome }) =>
    [...messages.map((one) => renderer.message(one)), ...(outcome === "completed" ? [] : [`[this turn ${outcome}]`])].join("\n\n")
  )
  const text = `${from === undefined ? lost : takenOver(from)} This is what was said and done:\n\n<transcript>\n${turns.join("\n\n")}\n</transcript>\n\nThe request now:\n\n`
  return { text, lost: lostOf(history, renderer.cut) }
}

const lostOf = ({ cutBytes, earlier }: History, cut: number): string =>
  [
    "the agent's own memory, reasoning, plans, file diffs and images",
    ...(earlier ? ["earlier messages"] : []),
    ...(cutBytes > 0 ? [`${cutBytes} bytes of text`] : []),
    ...(cut > 0 ? [`the rest of ${cut} long tool inputs or outputs`] : [])
  ].join("; ")

/** What is lost for an agent that reads the conversation from Millrace's log, which it does in whole messages. */
export const replayed = (history: History): string => lostOf(history, 0)
