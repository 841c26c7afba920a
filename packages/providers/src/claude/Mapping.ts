/**
 * Maps Claude's messages to native events, without any guarantee (the normaliser adds those).
 *
 * Claude has no turn ids. The session chooses the id of each turn that it requests and the `uuid` of that turn's user message, and passes both to `expect`. `TurnOwnership.ts` decides which turn a message
 * belongs to. A turn that Claude begins by itself gets a generated name (T10, T16).
 */
import { defined } from "@millrace/contracts/Defined"
import { BoundedSet } from "@millrace/contracts/BoundedMap"
import { maxTools } from "../Bounds.ts"
import { stringAt } from "../Fields.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import * as Report from "../Report.ts"
import { Background } from "./Background.ts"
import * as Content from "./Content.ts"
import { failureOf, outcomeOf, usageOf } from "./Failures.ts"
import * as Limits from "./Limits.ts"
import * as Questions from "./Questions.ts"
import * as ResetTime from "./ResetTime.ts"
import type { Result, Said, Tokens } from "./Said.ts"
import * as SubAgents from "./SubAgents.ts"
import * as Turns from "./Turn.ts"
import * as TurnOwnership from "./TurnOwnership.ts"
import { decode } from "./Wire.ts"

type Turn = Turns.Turn
type Blocks = Extract<Said, { readonly _tag: "Blocks" }>

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
  /** Session id of the conversation, from the last `init`: `/clear` begins a new conversation. */
  readonly sessionId: () => string | undefined
  readonly settled: Questions.Questions["settled"]
  /** Maps any message; never throws. Call it in the order of the messages. */
  readonly notification: (type: string, params: unknown) => ReadonlyArray<NativeEvent>
  readonly request: Questions.Questions["request"]
}

/** Maximum results whose repetition is recognised. */
const maxResults = 64
/** Maximum number of complete texts that are kept while it is unknown whose turn they belong to. One more makes it a turn that Claude began. */
const maxHeld = 16

/** `now`: milliseconds since 1970, for a limit whose reset Claude gives as a time of day only. */
export const make = (now?: () => number): Mapping => {
  const whose = TurnOwnership.make()
  /** Whole texts held back until their turn is known. Their deltas are dropped, because the whole text follows. */
  let held: Array<Blocks> = []
  let sessionId: string | undefined
  /** Reset time of the account limit that currently rejects requests, ISO 8601. */
  let limited: string | undefined
  let warnings = 0
  const limits = new Report.Limits()
  /** Tokens of the newest message: the model has read its input, and its output is part of the next request. */
  let context: Tokens | undefined
  const agents = SubAgents.make()
  const background = new Background()
  /** Ids of calls that a person declined. */
  const declined = new BoundedSet<string>(maxTools)
  /** `uuid` of the last message: one that comes twice in a row is dropped. */
  let last: string | undefined
  /** `uuid`s of the newest results: a repeated one is dropped, because it would end the next turn. */
  const results = new BoundedSet<string>(maxResults)

  const count = (turn: Turn, messageId: string, tokens: Tokens): NativeEvent => {
    context = { ...context, ...defined(tokens) }
    return counted(turn, messageId, tokens)
  }
  /** How full the context window is after the turn. */
  const fill = (result: Result): ReadonlyArray<NativeEvent> => {
    if (context === undefined) return []
    const tokens = Object.values(context).reduce<number>((sum, count) => sum + (count ?? 0), 0)
    return [Report.event({ context: defined({ tokens, window: usageOf(result)?.contextWindow }) })]
  }
  const counted = (turn: Turn, messageId: string, tokens: Tokens): NativeEvent => ({
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
  const message = (turn: Turn, said: Blocks, out: Array<NativeEvent>) => {
    agents.note(turn.id, said.blocks)
    out.push(...Content.message(turn, said))
  }
  /** The turn that content belongs to; emits the texts that were held back for it. */
  const running = (out: Array<NativeEvent>): Turn => {
    const turn = whose.running(out)
    for (const said of held.splice(0)) message(turn, said, out)
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
    for (const text of held.splice(0)) message(ended.turn, text, out)
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
    out.push(...fill(said.result))
    if (ended.turn.diff !== "") out.push({ _tag: "TurnUpdated", nativeTurnId: ended.turn.id, diff: ended.turn.diff })
    out.push(...background.turnEnded())
    if (ended.turn.steers.size > 0 && end.outcome !== "interrupted") whose.hold(ended.turn, end)
    else out.push(end)
    return true
  }

  const questions = Questions.make({ whose, agents, declined, running, opaque })

  return {
    sessionId: () => sessionId,
    settled: questions.settled,
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
          if ((said.model ?? said.mode) !== undefined) out.push(Report.event(defined({ model: said.model, mode: said.mode })))
          return out
        case "TaskStarted":
          if (said.toolId !== undefined) questions.taskStarted(said.taskId, said.toolId)
          background.started(said.taskId)
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
          const report = limits.learn([Limits.reported(said.limit)])
          if (status !== "allowed_warning" || turn === undefined) return [report]
          return [
            report,
            {
              _tag: "ItemCompleted",
              nativeTurnId: turn.id,
              nativeItemId: `limit ${++warnings}`,
              kind: "notice",
              status: "completed",
              content: { text: Limits.warningOf(said.limit), input: said.limit }
            }
          ]
        }
        case "NotCompacted": {
          running(out).notCompacted = said.message
          return out
        }
        case "Notified":
          whose.notified()
          return [opaque(type, params), ...(said.taskId === undefined ? [] : background.ended(said.taskId))]
        case "TaskEnded":
          return [opaque(type, params), ...background.ended(said.taskId)]
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
          const { data, toolId: nativeItemId } = said
          return current === undefined
            ? out
            : [{ _tag: "Signal", nativeTurnId: current.id, nativeItemId, kind: "progress", data }]
        }
        case "Delta": {
          if (said.text === "" || whose.unsure()) return out
          const turn = running(out)
          turn.blocks.set(said.index, said.type)
          const nativeItemId = `${turn.message ?? "message"} ${said.index}`
          out.push({ _tag: "ItemDelta", nativeTurnId: turn.id, nativeItemId, kind: Content.kinds[said.type], text: said.text })
          return out
        }
        case "Blocks": {
          if (said.blocks.length === 0 && said.error === undefined) return [opaque(type, params)]
          const texts = said.blocks.every(({ type }) => type === "text" || type === "thinking")
          if (whose.unsure() && texts && held.length < maxHeld) {
            held.push(said)
            return out
          }
          message(running(out), said, out)
          return out
        }
        case "ToolResults": {
          const turn = running(out)
          out.push(...Content.results(turn, said, declined))
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
        case "OfSubAgent": {
          const turnId = agents.turnOf(said.parentId, whose.current())
          if (turnId === undefined) return [opaque(type, params)]
          return agents.message(turnId, whose.find(turnId), said, declined)
        }
        case "Cancelled":
          return questions.withdrawn(said.requestId)
        case "Result":
          if (!result(said, out)) out.push(opaque(type, params))
          return out
      }
    },
    request: questions.request
  }
}
