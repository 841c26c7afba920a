/**
 * Maps Claude's messages to native events, without any guarantee (the normaliser adds those).
 *
 * Claude has no turn ids. The session chooses the id of each turn that it requests and the `uuid` of that turn's user message, and passes both to `expect`. `TurnOwnership.ts` decides which turn a message
 * belongs to. A turn that Claude begins by itself gets a generated name (T10, T16).
 */
import { defined } from "@millrace/contracts/Defined"
import type { Answer } from "@millrace/contracts/Item"
import { BoundedMap, BoundedSet } from "@millrace/contracts/BoundedMap"
import { stringAt } from "../Fields.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import type { RpcId } from "../process/RpcChild.ts"
import { pending, type Permission, tooMany } from "./PendingRequest.ts"
import { failureOf, outcomeOf, usageOf } from "./Failures.ts"
import * as Images from "../Images.ts"
import * as Items from "./Items.ts"
import * as ResetTime from "./ResetTime.ts"
import * as Turns from "./Turn.ts"
import * as TurnOwnership from "./TurnOwnership.ts"
import { decode, decodeAsk, type Block, type Limit, type Result, type Said, type Tokens } from "./Wire.ts"

type Turn = Turns.Turn
type Blocks = Extract<Said, { readonly _tag: "Blocks" }>

/** A control request: its events, and how to encode the answer. Without `answer` it must be refused at once (P6). */
export interface MappedRequest {
  readonly nativeRequestId: string
  readonly events: ReadonlyArray<NativeEvent>
  readonly answer?: (answer: Answer) => Permission
  /** The answer to a request that is refused without asking a person, because too many are open. */
  readonly refusal?: Permission
  readonly nativeTurnId?: string
  /** The request comes from a subagent. Claude does not withdraw it when a turn ends. */
  readonly bySubagent?: boolean
}

/** Mapping of one process, which has one conversation. */
export interface Mapping {
  /** Call before the turn's user message is sent; `messageId` is the message's `uuid`. */
  readonly expect: (nativeTurnId: string, messageId?: string) => void
  /** The user message was not sent. */
  readonly refuse: (nativeTurnId: string) => void
  /** Call before a further message of a turn is sent. `false`: the turn has ended, or too many of its messages wait. */
  readonly steer: (nativeTurnId: string, messageId: string) => boolean
  /** The `uuid`s of further messages that Claude has not taken. */
  readonly steersOf: (nativeTurnId: string) => ReadonlyArray<string>
  /** Claude does not take this further message. */
  readonly withdrawn: (messageId: string) => ReadonlyArray<NativeEvent>
  /** An interrupt was requested: an `error_during_execution` without a `terminal_reason` then counts as interrupted. */
  readonly interrupting: (nativeTurnId: string) => void
  /** Session id of the conversation, from the last `init`: `/clear` begins a new one. */
  readonly sessionId: () => string | undefined
  /** The end of a turn that exists only for the request of a background subagent; empty for every other turn. */
  readonly settled: (nativeTurnId: string, outcome: "completed" | "interrupted") => ReadonlyArray<NativeEvent>
  /** Total. Call it in the order of the messages. */
  readonly notification: (type: string, params: unknown) => ReadonlyArray<NativeEvent>
  readonly request: (id: RpcId, method: string, params: unknown) => MappedRequest
}

const kinds = { text: "agent-message", thinking: "reasoning" } as const
/** Tools that start a subagent. */
const agentTools: ReadonlySet<string> = new Set(["Task", "Agent"])
/** Maximum tasks whose tool is tracked. */
const maxTasks = 256
/** Maximum requests of background subagents that wait for an answer; one more is refused. */
const maxAsides = 256
/** Maximum results whose repetition is recognised. */
const maxResults = 64
/** Maximum number of complete texts that are kept while it is unknown whose turn they belong to. One more makes it a turn that Claude began. */
const maxHeld = 16

/** The warning as text, such as `85 % of the five hour limit is used; it resets at 2026-11-28T23:00:00.000Z.` */
const warningOf = ({ rateLimitType, resetsAt, utilization }: Limit): string => {
  const limit = `${(rateLimitType ?? "usage").replaceAll("_", " ")} limit`
  const used =
    typeof utilization === "number" ? `${Math.round(utilization * 100)} % of the ${limit} is used` : `The ${limit} is near`
  const at = ResetTime.fromSeconds(resetsAt)
  return `${used}${at === undefined ? "" : `; it resets at ${at}`}.`
}

/** `now`: milliseconds since 1970, for a limit whose reset Claude gives as a time of day only. */
export const make = (now?: () => number): Mapping => {
  const whose = TurnOwnership.make()
  /** Whole texts held back until their turn is known. Their deltas are dropped, because the whole text follows. */
  let held: Array<Blocks> = []
  let sessionId: string | undefined
  /** Reset time of the account limit that currently rejects requests, ISO 8601. */
  let limited: string | undefined
  let warnings = 0
  /** Tool id by task id, for tools that run as a task; a subagent's id is its task id. */
  const tasks = new BoundedMap<string, string>(maxTasks)
  /** Turn ids of requests of background subagents, by request id. */
  const asides = new Map<string, string>()
  /** `uuid` of the last message: one that comes twice in a row is dropped. */
  let last: string | undefined
  /** `uuid`s of the newest results: a repeated one is dropped, because it would end the next turn. */
  const results = new BoundedSet<string>(maxResults)

  /** The item id for a whole block: that of the oldest streamed block of its type in the message whose whole block has not come, else `fallback`. */
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
    // Claude can withhold the thinking text: emit no item.
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
      // `detail` belongs to the message, so it is used only when the message has one result.
      const detail = said.results.length === 1 ? said.detail : undefined
      const shown = new Images.Shown()
      const content = Items.endedContent(tool, { ...result, content: shown.replace(result.content) }, detail)
      if (!result.isError) turn.diff = Items.joinedDiff(turn.diff, content)
      return {
        _tag: "ItemCompleted",
        nativeTurnId,
        nativeItemId: result.id,
        kind: Items.itemKind(tool),
        status: turn.declined.delete(result.id) ? "declined" : result.isError ? "failed" : "completed",
        content,
        ...(shown.files.length === 0 ? {} : { files: shown.files })
      }
    })
  const count = (turn: Turn, messageId: string, tokens: Tokens): NativeEvent => ({
    _tag: "Signal",
    nativeTurnId: turn.id,
    kind: "usage",
    data: turn.counts.report(messageId, tokens)
  })
  const endOf = (turn: Turn, result: Result): Turns.Ended => {
    const usage = usageOf(result)
    const outcome = outcomeOf(result, turn.interrupting)
    const common = { _tag: "TurnEnded", nativeTurnId: turn.id, outcome, ...defined({ usage }) } as const
    const { notCompacted } = turn
    // Claude reports a compaction that failed as a success.
    if (outcome === "completed" && notCompacted !== undefined)
      return { ...common, outcome: "failed", reason: notCompacted, error: { kind: "refused", message: notCompacted } }
    if (outcome === "completed") return common
    if (outcome === "interrupted") return { ...common, reason: "The turn was interrupted." }
    const error = failureOf(result, turn.error, { resetAt: limited, now: now?.() })
    return { ...common, reason: error.message, error }
  }

  const opaque = (method: string, payload: unknown): NativeEvent => {
    const current = whose.current()
    return { _tag: "Opaque", ...(current === undefined ? {} : { nativeTurnId: current.id }), method, payload }
  }
  const blocks = (turn: Turn, said: Blocks, out: Array<NativeEvent>) => {
    turn.error = said.error
    turn.said = true
    for (const [n, block] of said.blocks.entries()) out.push(...wholeBlock(turn, block, said.messageId, `${said.uuid} ${n}`))
  }
  /** The turn that content belongs to; emits the texts that were held back for it. */
  const running = (out: Array<NativeEvent>): Turn => {
    const turn = whose.running(out)
    for (const said of held.splice(0)) blocks(turn, said, out)
    return turn
  }
  const taken = (messageId: string, out: Array<NativeEvent>): boolean => {
    const known = whose.taken(messageId, out)
    if (known && held.length > 0) running(out)
    return known
  }
  const result = (said: Extract<Said, { readonly _tag: "Result" }>, out: Array<NativeEvent>): boolean => {
    // Texts are held back and the result has a foreign origin: they belong to a turn that Claude began by itself.
    if (held.length > 0 && TurnOwnership.isForeign(said.result)) running(out)
    const ended = whose.ended(said.result, said.messageIds, out)
    if (ended === undefined) return false
    for (const text of held.splice(0)) blocks(ended.turn, text, out)
    const text = said.result.result ?? ""
    // The turn has no content except this text, such as why a hook refused the message.
    if (!ended.turn.said && text !== "" && said.result.is_error !== true)
      out.push({
        _tag: "ItemCompleted",
        nativeTurnId: ended.turn.id,
        nativeItemId: `${ended.turn.id} result`,
        kind: "notice",
        status: "completed",
        content: { text }
      })
    const end = Turns.joined(ended.turn, endOf(ended.turn, said.result))
    if (ended.turn.diff !== "") out.push({ _tag: "TurnUpdated", nativeTurnId: ended.turn.id, diff: ended.turn.diff })
    if (ended.turn.steers.size > 0 && end.outcome !== "interrupted") whose.hold(ended.turn, end)
    else out.push(end)
    return true
  }

  const settled: Mapping["settled"] = (nativeTurnId, outcome) => {
    const [requestId] = [...asides].find(([, turnId]) => turnId === nativeTurnId) ?? []
    if (requestId === undefined) return []
    asides.delete(requestId)
    return [{ _tag: "TurnEnded", nativeTurnId, outcome }]
  }
  /** Whether a subagent runs in the background: no turn runs, or the tool that started it has returned its result. If that tool is unknown: the current turn has no open tool of a subagent. */
  const inBackground = (agent: string): boolean => {
    const tools = whose.current()?.tools
    if (tools === undefined) return true
    const toolId = tasks.get(agent)
    return toolId === undefined ? ![...tools.values()].some(({ name }) => agentTools.has(name)) : !tools.has(toolId)
  }

  return {
    sessionId: () => sessionId,
    settled,
    expect: (nativeTurnId, messageId) => whose.expect(Turns.make(nativeTurnId, false, messageId)),
    refuse: whose.refuse,
    steer: (nativeTurnId, messageId) => {
      const turn = whose.find(nativeTurnId)
      if (turn === undefined || turn.interrupting || turn.steers.size >= Turns.maxSteers) return false
      turn.steers.add(messageId)
      return true
    },
    steersOf: (nativeTurnId) => {
      const turn = whose.find(nativeTurnId)
      if (turn === undefined) return []
      return [...(turn.held === undefined || turn.messageId === undefined ? [] : [turn.messageId]), ...turn.steers]
    },
    withdrawn: (messageId) => {
      const out: Array<NativeEvent> = []
      whose.withdrawn(messageId, out)
      return out
    },
    interrupting: (nativeTurnId) => {
      const turn = whose.find(nativeTurnId)
      if (turn !== undefined) turn.interrupting = true
    },
    notification: (type, params) => {
      const out: Array<NativeEvent> = []
      const said = decode(type, params)
      const uuid = stringAt(params, "uuid")
      // An echoed user message has our uuid, and may come more than once.
      if (uuid !== undefined && uuid === last && said._tag !== "Taken") return out
      last = uuid
      if (said._tag === "Result" && uuid !== undefined) {
        if (results.has(uuid)) return out
        results.add(uuid)
      }
      switch (said._tag) {
        case "Progress":
          return out
        case "Other":
          return [opaque(type, params)]
        case "Init":
          // This starts no turn that Claude begins by itself: such a turn starts with its first content.
          sessionId = said.sessionId ?? sessionId
          whose.init(said, out)
          return out
        case "TaskStarted":
          if (said.toolId !== undefined) tasks.set(said.taskId, said.toolId)
          return [opaque(type, params)]
        case "Taken":
          if (!taken(said.messageId, out)) out.push(opaque(type, params))
          return out
        case "Dropped":
          whose.dropped(said.messageId, said.state, out)
          return out
        case "Limit": {
          const { status } = said.limit
          limited = status === "rejected" ? ResetTime.fromSeconds(said.limit.resetsAt) : undefined
          const turn = whose.current()
          if (status !== "allowed_warning" || turn === undefined) return [opaque(type, params)]
          return [
            {
              _tag: "ItemCompleted",
              nativeTurnId: turn.id,
              nativeItemId: `limit ${++warnings}`,
              kind: "notice",
              status: "completed",
              content: { text: warningOf(said.limit), input: said.limit }
            }
          ]
        }
        case "NotCompacted": {
          running(out).notCompacted = said.message
          return out
        }
        case "Notified":
          whose.notified()
          return [opaque(type, params)]
        case "MessageStart": {
          if (whose.unsure()) return out
          const turn = running(out)
          turn.message = said.id
          turn.blocks.clear()
          out.push(count(turn, said.id, said.tokens))
          return out
        }
        case "Counted": {
          const current = whose.current()
          return current?.message === undefined ? out : [count(current, current.message, said.tokens)]
        }
        case "Running": {
          const current = whose.current()
          const data = defined({ elapsedMillis: said.elapsedMillis, text: said.text })
          return current === undefined
            ? out
            : [{ _tag: "Signal", nativeTurnId: current.id, nativeItemId: said.toolId, kind: "progress", data }]
        }
        case "Delta": {
          if (said.text === "" || whose.unsure()) return out
          const turn = running(out)
          turn.blocks.set(said.index, said.type)
          const nativeItemId = `${turn.message ?? "message"} ${said.index}`
          out.push({ _tag: "ItemDelta", nativeTurnId: turn.id, nativeItemId, kind: kinds[said.type], text: said.text })
          return out
        }
        case "Blocks": {
          if (said.blocks.length === 0 && said.error === undefined) return [opaque(type, params)]
          const texts = said.blocks.every(({ type }) => type === "text" || type === "thinking")
          if (whose.unsure() && texts && held.length < maxHeld) {
            held.push(said)
            return out
          }
          blocks(running(out), said, out)
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
        case "Cancelled": {
          const aside = asides.get(said.requestId)
          out.push({ _tag: "RequestResolved", nativeRequestId: said.requestId, reason: "Claude withdrew the question." })
          if (aside !== undefined) out.push(...settled(aside, "completed"))
          return out
        }
        case "Result":
          if (!result(said, out)) out.push(opaque(type, params))
          return out
      }
    },
    request: (id, method, params) => {
      const nativeRequestId = String(id)
      const request = decodeAsk(method, params)
      if (request === undefined) return { nativeRequestId, events: [opaque(method, params)] }
      const events: Array<NativeEvent> = []
      const agent = request.agent_id ?? undefined
      const aside = agent !== undefined && inBackground(agent)
      if (aside && asides.size >= maxAsides) return { nativeRequestId, events: [opaque(method, params)], refusal: tooMany }
      // A background subagent outlives the turn that started it, so its request gets a separate turn (T13).
      const turn = aside ? Turns.make(`agent ${agent} ${nativeRequestId}`, true) : running(events)
      if (aside) {
        asides.set(nativeRequestId, turn.id)
        events.push({ _tag: "TurnStarted", nativeTurnId: turn.id })
      }
      // The tools of a subagent are not mapped, so a request may name an unknown one: then it is opened without its item.
      const toolId = request.tool_use_id ?? undefined
      const tool = toolId === undefined ? undefined : turn.tools.get(toolId)
      const { ask, result } = pending(request, tool === undefined ? undefined : toolId, tool?.input)
      events.push({ _tag: "RequestOpened", nativeTurnId: turn.id, nativeRequestId, ask })
      return {
        nativeRequestId,
        events,
        nativeTurnId: turn.id,
        bySubagent: agent !== undefined,
        answer: (answer) => {
          const permission = result(answer)
          if (permission.behavior === "deny" && toolId !== undefined) turn.declined.add(toolId)
          return permission
        }
      }
    }
  }
}
