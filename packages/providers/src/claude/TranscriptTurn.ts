/** Maps the lines of a stored conversation to turns. A turn is a prompt and everything up to the next prompt; its id is that of the prompt. */
import { defined } from "@millrace/contracts/Defined"
import type { NativeTurn } from "@millrace/contracts/ProviderAdapter"
import { type Fields, isRecord, stringAt } from "../Fields.ts"
import { failureOf } from "./Failures.ts"
import * as Items from "./Items.ts"
import { assistant, resultsOf } from "./Wire.ts"

type Item = NativeTurn["items"][number]

/** Maximum characters of the items of one turn; the content of further items is left out. */
const maxTurnChars = 64 * 1024 * 1024

const interruption = /^\[Request interrupted by user/
const notice = /^<task-notification>/

/** A slash command as the person typed it; `undefined` for other text. */
const commandIn = (text: string): string | undefined => {
  const name = /<command-name>([^<]*)<\/command-name>/.exec(text)?.[1]
  const args = /<command-args>([^<]*)<\/command-args>/.exec(text)?.[1] ?? ""
  return name === undefined ? undefined : `${name} ${args}`.trim()
}

/** The text that a person sent with this line; `undefined`: the line is not a prompt. */
export const promptOf = (record: Fields): string | undefined => {
  if (record["type"] !== "user" || record["isMeta"] === true || record["isCompactSummary"] === true) return undefined
  const message = record["message"]
  const content = isRecord(message) ? message["content"] : undefined
  if (resultsOf(message).length > 0) return undefined
  const text = Items.textOf(content)
  const command = commandIn(text)
  if (command !== undefined) return command
  return text === "" || /^<(local-command|bash-(input|stdout|stderr))/.test(text) || interruption.test(text) || notice.test(text)
    ? undefined
    : text
}

interface Building {
  readonly id: string
  readonly startedAt: string | undefined
  endedAt: string | undefined
  readonly items: Array<Item>
  /** Calls without a result: the tool, and its place in `items`. */
  readonly calls: Map<string, { readonly tool: Items.Tool; readonly at: number }>
  interrupted: boolean
  /** The last answer was an error that Claude wrote instead of the model. */
  error: { readonly kind: string | undefined; readonly text: string } | undefined
  chars: number
}

export interface Turns {
  /** Takes the next line. Returns the turn that it ends. */
  readonly take: (record: Fields) => NativeTurn | undefined
  /** The last turn. */
  readonly end: () => NativeTurn | undefined
  /** How many items lost their content because their turn is too large. */
  readonly cut: () => number
}

export const make = (): Turns => {
  let turn: Building | undefined
  let cuts = 0

  const begin = (id: string, startedAt: string | undefined): Building =>
    (turn = {
      id,
      startedAt,
      endedAt: startedAt,
      items: [],
      calls: new Map(),
      interrupted: false,
      error: undefined,
      chars: 0
    })
  const finish = (): NativeTurn | undefined => {
    const of = turn
    turn = undefined
    if (of === undefined || of.items.length === 0) return undefined
    for (const { at } of of.calls.values()) {
      const item = of.items[at]
      if (item !== undefined)
        of.items[at] = { ...item, status: "aborted", reason: "The conversation has no result of this call." }
    }
    const error = of.error === undefined ? undefined : failureOf({ result: of.error.text }, of.error.kind)
    return {
      nativeTurnId: of.id,
      status: of.interrupted ? "interrupted" : error === undefined ? "completed" : "failed",
      ...defined({ startedAt: of.startedAt, endedAt: of.endedAt, error: of.interrupted ? undefined : error }),
      items: of.items
    }
  }
  /** Adds an item, or replaces the one at `at`. */
  const put = (of: Building, item: Item, at = of.items.length) => {
    const chars = JSON.stringify(item.content).length
    const fits = of.chars + chars <= maxTurnChars
    if (fits) of.chars += chars
    else cuts++
    of.items[at] = fits ? item : { ...item, content: {} }
  }
  const results = (of: Building, record: Fields) => {
    const found = resultsOf(record["message"])
    for (const result of found) {
      const call = of.calls.get(result.id)
      if (call === undefined) continue
      of.calls.delete(result.id)
      const detail = found.length === 1 ? record["toolUseResult"] : undefined
      const declined = stringAt(record["permissionDecision"], "decision") === "reject"
      put(
        of,
        {
          nativeItemId: result.id,
          kind: Items.itemKind(call.tool),
          status: declined ? "declined" : result.isError ? "failed" : "completed",
          content: Items.endedContent(call.tool, result, detail)
        },
        call.at
      )
    }
  }
  const blocks = (of: Building, record: Fields) => {
    const assistantMessage = assistant(record)
    if (assistantMessage._tag !== "Blocks") return
    of.error =
      record["isApiErrorMessage"] === true
        ? {
            kind: assistantMessage.error,
            text: assistantMessage.blocks.flatMap((block) => ("text" in block ? block.text : [])).join("\n")
          }
        : undefined
    for (const [n, block] of assistantMessage.blocks.entries())
      if (block.type === "tool_use") {
        of.calls.set(block.id, { tool: block, at: of.items.length })
        put(of, {
          nativeItemId: block.id,
          kind: Items.itemKind(block),
          status: "completed",
          content: Items.startedContent(block)
        })
      } else if (block.type !== "other" && block.text !== "")
        put(of, {
          nativeItemId: `${assistantMessage.uuid} ${n}`,
          kind: block.type === "text" ? "agent-message" : "reasoning",
          status: "completed",
          content: { text: block.text }
        })
  }
  const message = (of: Building, nativeItemId: string, text: string) =>
    put(of, { nativeItemId, kind: "user-message", status: "completed", content: { text } })

  return {
    end: finish,
    cut: () => cuts,
    take: (record) => {
      const uuid = stringAt(record, "uuid")
      if (uuid === undefined) return undefined
      const at = stringAt(record, "timestamp")
      const prompt = promptOf(record)
      const text = record["type"] === "user" && isRecord(record["message"]) ? Items.textOf(record["message"]["content"]) : ""
      if (prompt !== undefined || notice.test(text)) {
        const ended = finish()
        const next = begin(uuid, at)
        // A turn without a message is one that Claude began by itself.
        if (prompt !== undefined) message(next, uuid, prompt)
        return ended
      }
      const of = turn ?? begin(uuid, at)
      of.endedAt = at ?? of.endedAt
      if (record["type"] === "assistant") blocks(of, record)
      else if (interruption.test(text)) of.interrupted = true
      else if (record["type"] === "user") results(of, record)
      else if (record["subtype"] === "compact_boundary")
        put(of, { nativeItemId: uuid, kind: "compaction", status: "completed", content: { result: record["compactMetadata"] } })
      // A message that Claude took during the turn.
      else if (stringAt(record["attachment"], "type") === "queued_command" && isRecord(record["attachment"])) {
        const steer = Items.textOf(record["attachment"]["prompt"])
        if (steer !== "" && !notice.test(steer)) message(of, uuid, steer)
      }
      return undefined
    }
  }
}
