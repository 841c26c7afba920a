/**
 * Claude's messages as native events: only words are changed here, no promise is kept yet (that is the normaliser's part).
 *
 * Claude has no turn ids: a user message begins a turn and a `result` ends it, one after the other. The session names each turn that it asks for
 * (`expect`); what Claude says belongs to the one that runs. A turn that nobody asked for gets a name of its own (T10).
 */
import type { Answer } from "@millrace/contracts/Item"
import { stringAt } from "../Fields.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import type { RpcId } from "../process/RpcChild.ts"
import { asked, type Permission } from "./Asks.ts"
import { failureOf, outcomeOf, sumOf, usageOf } from "./Failures.ts"
import * as Items from "./Items.ts"
import { decode, decodeAsk, type Block, type Result, type Said, type Tokens } from "./Wire.ts"

/** A control request: what to tell, and how to answer it. Without `answer` it must be refused at once (P6). */
export interface MappedRequest {
  readonly nativeRequestId: string
  readonly events: ReadonlyArray<NativeEvent>
  readonly answer?: (answer: Answer) => Permission
}

/** One process: one conversation. */
export interface Mapping {
  /** Before its user message is sent. */
  readonly expect: (nativeTurnId: string) => void
  /** It was not sent. */
  readonly refuse: (nativeTurnId: string) => void
  /** An interrupt was asked for: an end without success is that of the interrupt. */
  readonly interrupting: (nativeTurnId: string) => void
  /** Total; in order. */
  readonly notification: (type: string, params: unknown) => ReadonlyArray<NativeEvent>
  readonly request: (id: RpcId, method: string, params: unknown) => MappedRequest
}

const kinds = { text: "agent-message", thinking: "reasoning" } as const

interface Turn {
  readonly id: string
  readonly tools: Map<string, Items.Tool>
  readonly declined: Set<string>
  /** The message that streams: blocks of it by index, `undefined` once they are complete. */
  message: string | undefined
  readonly blocks: Map<number, "text" | "thinking">
  /** What each message took so far; the turn's end has the exact sum. */
  readonly counts: Map<string, Tokens>
  error: string | undefined
  interrupting: boolean
}

const begin = (id: string): Turn => ({
  id,
  tools: new Map(),
  declined: new Set(),
  message: undefined,
  blocks: new Map(),
  counts: new Map(),
  error: undefined,
  interrupting: false
})

export const make = (): Mapping => {
  const waiting: Array<Turn> = []
  let current: Turn | undefined
  let own = 0
  /** Of the last message: one that comes twice is told once (its `result` would end the next turn). */
  let last: string | undefined

  /** The turn that runs; content without one begins the turn that waits, or one of Claude's own. */
  const running = (out: Array<NativeEvent>): Turn => {
    if (current === undefined) {
      current = waiting.shift() ?? begin(`own ${++own}`)
      out.push({ _tag: "TurnStarted", nativeTurnId: current.id })
    }
    return current
  }

  /** A whole block: its item is that of the block which streamed last and is not complete, else (nothing streamed) one of its own. */
  const blockItem = (turn: Turn, type: "text" | "thinking", messageId: string, fallback: string): string => {
    if (turn.message === messageId)
      for (const [index, streamed] of turn.blocks)
        if (streamed === type) {
          turn.blocks.delete(index)
          return `${messageId} ${index}`
        }
    return fallback
  }
  const wholeBlock = (turn: Turn, block: Block, messageId: string, fallback: string): ReadonlyArray<NativeEvent> => {
    const nativeTurnId = turn.id
    if (block.type === "other") return [{ _tag: "Opaque", nativeTurnId, method: "assistant", payload: block.raw }]
    if (block.type === "tool_use") {
      turn.tools.set(block.id, block)
      const plan = Items.planOf(block)
      const started: NativeEvent = {
        _tag: "ItemStarted",
        nativeTurnId,
        nativeItemId: block.id,
        kind: Items.itemKind(block),
        content: Items.startedContent(block)
      }
      return plan === undefined ? [started] : [started, { _tag: "TurnUpdated", nativeTurnId, plan }]
    }
    const nativeItemId = blockItem(turn, block.type, messageId, fallback)
    // Thinking can be withheld: there is nothing to show.
    if (block.text === "") return []
    return [
      {
        _tag: "ItemCompleted",
        nativeTurnId,
        nativeItemId,
        kind: kinds[block.type],
        status: "completed",
        content: { text: block.text }
      }
    ]
  }
  const toolResults = (turn: Turn, said: Extract<Said, { readonly _tag: "ToolResults" }>): ReadonlyArray<NativeEvent> =>
    said.results.map((result) => {
      const tool = turn.tools.get(result.id)
      const nativeTurnId = turn.id
      if (tool === undefined) return { _tag: "Opaque", nativeTurnId, method: "tool_result", payload: result }
      turn.tools.delete(result.id)
      // The tool's own account is of the message, not of one result in it.
      const detail = said.results.length === 1 ? said.detail : undefined
      return {
        _tag: "ItemCompleted",
        nativeTurnId,
        nativeItemId: result.id,
        kind: Items.itemKind(tool),
        status: turn.declined.delete(result.id) ? "declined" : result.isError ? "failed" : "completed",
        content: Items.endedContent(tool, result, detail)
      }
    })
  const count = (turn: Turn, messageId: string, tokens: Tokens): NativeEvent => {
    turn.counts.set(messageId, { ...turn.counts.get(messageId), ...tokens })
    return { _tag: "Signal", nativeTurnId: turn.id, kind: "usage", data: sumOf(turn.counts.values()) }
  }
  const ended = (turn: Turn, result: Result): NativeEvent => {
    const usage = usageOf(result)
    const outcome = outcomeOf(result, turn.interrupting)
    const common = { _tag: "TurnEnded", nativeTurnId: turn.id, outcome, ...(usage === undefined ? {} : { usage }) } as const
    if (outcome === "completed") return common
    if (outcome === "interrupted") return { ...common, reason: "Claude interrupted the turn." }
    const error = failureOf(result, turn.error)
    return { ...common, reason: error.message, error }
  }

  const opaque = (method: string, payload: unknown): NativeEvent => ({
    _tag: "Opaque",
    ...(current === undefined ? {} : { nativeTurnId: current.id }),
    method,
    payload
  })

  return {
    expect: (nativeTurnId) => void waiting.push(begin(nativeTurnId)),
    refuse: (nativeTurnId) => {
      const at = waiting.findIndex(({ id }) => id === nativeTurnId)
      if (at >= 0) waiting.splice(at, 1)
    },
    interrupting: (nativeTurnId) => {
      const turn = current?.id === nativeTurnId ? current : waiting.find(({ id }) => id === nativeTurnId)
      if (turn !== undefined) turn.interrupting = true
    },
    notification: (type, params) => {
      const out: Array<NativeEvent> = []
      const uuid = stringAt(params, "uuid")
      if (uuid !== undefined && uuid === last) return out
      last = uuid
      const said = decode(type, params)
      switch (said._tag) {
        case "Progress":
          return out
        case "Other":
          return [opaque(type, params)]
        case "Init":
          // Says that a turn begins. One that nobody asked for begins with its first content: an early `init` is no turn.
          if (waiting.length > 0) running(out)
          return out
        case "MessageStart": {
          const turn = running(out)
          turn.message = said.id
          turn.blocks.clear()
          out.push(count(turn, said.id, said.tokens))
          return out
        }
        case "Counted":
          return current?.message === undefined ? out : [count(current, current.message, said.tokens)]
        case "Running":
          return current === undefined
            ? out
            : [
                {
                  _tag: "Signal",
                  nativeTurnId: current.id,
                  nativeItemId: said.toolId,
                  kind: "progress",
                  data: { elapsedMillis: said.elapsedMillis }
                }
              ]
        case "Delta": {
          if (said.text === "") return out
          const turn = running(out)
          turn.blocks.set(said.index, said.type)
          const nativeItemId = `${turn.message ?? "message"} ${said.index}`
          out.push({ _tag: "ItemDelta", nativeTurnId: turn.id, nativeItemId, kind: kinds[said.type], text: said.text })
          return out
        }
        case "Blocks": {
          const turn = running(out)
          turn.error = said.error
          for (const [n, block] of said.blocks.entries())
            out.push(...wholeBlock(turn, block, said.messageId, `${said.uuid} ${n}`))
          return out
        }
        case "ToolResults": {
          const turn = running(out)
          out.push(...toolResults(turn, said))
          return out
        }
        case "Compacted": {
          const turn = running(out)
          return [
            ...out,
            {
              _tag: "ItemCompleted",
              nativeTurnId: turn.id,
              nativeItemId: said.uuid,
              kind: "compaction",
              status: "completed",
              content: { result: said.metadata }
            }
          ]
        }
        case "Cancelled":
          return [{ _tag: "RequestResolved", nativeRequestId: said.requestId, reason: "Claude withdrew the question." }]
        case "Result": {
          const turn = current ?? waiting.shift()
          current = undefined
          return [turn === undefined ? opaque(type, params) : ended(turn, said.result)]
        }
      }
    },
    request: (id, method, params) => {
      const nativeRequestId = String(id)
      const request = decodeAsk(method, params)
      if (request === undefined) return { nativeRequestId, events: [opaque(method, params)] }
      const events: Array<NativeEvent> = []
      const turn = running(events)
      // An agent that ours has started asks with a tool of its own: a person must see it, in the turn that it works for.
      const toolId = request.tool_use_id ?? undefined
      const { ask, result } = asked(request, toolId !== undefined && turn.tools.has(toolId) ? toolId : undefined)
      events.push({ _tag: "RequestOpened", nativeTurnId: turn.id, nativeRequestId, ask })
      return {
        nativeRequestId,
        events,
        answer: (answer) => {
          const permission = result(answer)
          if (permission.behavior === "deny" && toolId !== undefined) turn.declined.add(toolId)
          return permission
        }
      }
    }
  }
}
