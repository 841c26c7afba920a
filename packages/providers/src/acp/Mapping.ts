/**
 * Maps an agent's updates to native events, without any guarantee (the normaliser adds those).
 * A turn is one prompt: it begins when we send it and ends with its answer. Updates outside a turn start none: they are kept unchanged.
 */
import { defined } from "@millrace/contracts/Defined"
import { cut } from "@millrace/contracts/Text"
import type { Answer, Failure, PlanStep, Usage } from "@millrace/contracts/Item"
import { Option } from "effect"
import { BoundedMap, BoundedSet } from "@millrace/contracts/BoundedMap"
import { maxTools } from "../Bounds.ts"
import { isRecord, stringAt } from "../Fields.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import { requestKey, type RpcId } from "../process/Message.ts"
import { pending, type Outcome } from "./PendingRequest.ts"
import * as Report from "../Report.ts"
import * as Images from "../Images.ts"
import * as Settings from "./Settings.ts"
import * as Items from "./Items.ts"
import { decodeAsk, decodeStopped, decodeUpdate, type Stopped, type ToolCall, type Update } from "./Wire.ts"

/** A request of the agent: its events, and how to encode the answer. Without `answer` it must be refused at once (P6). */
export interface MappedRequest {
  readonly nativeRequestId: string
  readonly events: ReadonlyArray<NativeEvent>
  readonly answer?: (answer: Answer) => Outcome
}

/** Mapping of one native session. */
export interface Mapping {
  /** Call before the prompt is sent. With `text`, a turn that ends without content fails, except for a text that starts with `/`. */
  readonly begin: (nativeTurnId: string, text?: string) => ReadonlyArray<NativeEvent>
  /** The turn was cancelled by us: an error answer then counts as interrupted. */
  readonly cancelling: (nativeTurnId: string) => void
  /** Total; call in order. Method `session/prompt` is the answer to our prompt. */
  readonly notification: (method: string, params: unknown) => ReadonlyArray<NativeEvent>
  readonly request: (id: RpcId, method: string, params: unknown) => MappedRequest
}

const steps: ReadonlyMap<unknown, PlanStep["status"]> = new Map([
  ["in_progress", "in-progress"],
  ["completed", "completed"]
])

const stopped: ReadonlyMap<string, Failure> = new Map([
  ["max_tokens", { kind: "limit", message: "The model reached its token limit." }],
  ["max_turn_requests", { kind: "limit", message: "The agent reached its limit of model requests in one turn." }],
  ["refusal", { kind: "refused", message: "The agent refused to continue." }]
])

/** The counts that are numbers; `undefined` when none is. */
const usageIn = (counts: { readonly [K in keyof Usage]: number | null | undefined }): Usage | undefined => {
  const known = Object.entries(counts).filter(([, count]) => typeof count === "number")
  return known.length === 0 ? undefined : Object.fromEntries(known)
}
const usageOf = ({ usage }: Stopped, contextWindow: number | undefined): Usage | undefined =>
  usageIn({
    inputTokens: usage?.inputTokens,
    cachedInputTokens: usage?.cachedReadTokens,
    outputTokens: usage?.outputTokens,
    reasoningTokens: usage?.thoughtTokens,
    totalTokens: usage?.totalTokens,
    contextWindow
  })

/** The failure of an error answer. Code -32000 asks for a sign-in. */
const failureOf = (error: unknown): Failure => {
  const code: unknown = isRecord(error) ? error["code"] : undefined
  const data: unknown = isRecord(error) ? error["data"] : undefined
  const kind = code === -32000 ? "auth" : "unknown"
  const message = stringAt(error, "message") ?? "The agent answered the prompt with an error."
  const details = data === undefined ? "" : ` ${cut(JSON.stringify(data), 4096)}`
  return { kind, message, detail: `code ${String(code)}${details}` }
}

/** The failure of an answer without content (T15). */
const nothing: Failure = {
  kind: "protocol",
  message:
    "The agent ended the turn without content: no text, no tool call, no plan. Send the message again, or read the agent's log."
}
const unknownStop = (reason: string | undefined): Failure => ({
  kind: "unknown",
  message:
    reason === undefined
      ? "The agent ended the turn without a stop reason."
      : `The agent ended the turn with the unknown stop reason "${reason}".`
})

interface Tool {
  readonly turnId: string
  call: ToolCall
  started: boolean
  /** The part of its text that was emitted. */
  shown: string
}

export const make = (sessionId: string): Mapping => {
  let current: { readonly id: string; cancelling: boolean } | undefined
  /** The open message or reasoning item: agents do not report its end. */
  let growing:
    | { readonly id: string; readonly of: "agent-message" | "reasoning"; readonly messageId: string | undefined }
    | undefined
  /** The turn has text, a tool, a plan or a request; or it is a slash command of the agent, which may have no output. */
  let hasText = false
  let texts = 0
  let contextWindow: number | undefined
  const tools = new BoundedMap<string, Tool>(maxTools)
  const declined = new BoundedSet<string>(maxTools)

  const opaque = (method: string, payload: unknown): NativeEvent => ({
    _tag: "Opaque",
    ...(current === undefined ? {} : { nativeTurnId: current.id }),
    method,
    payload
  })
  const close = (nativeTurnId: string): ReadonlyArray<NativeEvent> => {
    if (growing === undefined) return []
    const { id: nativeItemId, of: kind } = growing
    growing = undefined
    return [{ _tag: "ItemCompleted", nativeTurnId, nativeItemId, kind, status: "completed", content: {} }]
  }
  const grow = (nativeTurnId: string, chunk: Extract<Update, { readonly _tag: "Text" }>): ReadonlyArray<NativeEvent> => {
    if (chunk.text === "") return []
    const same = growing?.of === chunk.of && growing.messageId === chunk.messageId
    const closed = same ? [] : close(nativeTurnId)
    growing ??= { id: `text ${++texts}`, of: chunk.of, messageId: chunk.messageId }
    return [...closed, { _tag: "ItemDelta", nativeTurnId, nativeItemId: growing.id, kind: chunk.of, text: chunk.text }]
  }

  /** A part of the agent's message that is an image becomes a separate item. */
  const imageChunk = (nativeTurnId: string, params: unknown): ReadonlyArray<NativeEvent> | undefined => {
    const update = isRecord(params) && isRecord(params["update"]) ? params["update"] : {}
    if (update["sessionUpdate"] !== "agent_message_chunk") return undefined
    const shown = new Images.Shown()
    const text = stringAt(shown.replace(update["content"]), "text")
    if (shown.files.length === 0 || text === undefined) return undefined
    hasText = true
    const nativeItemId = `image ${++texts}`
    const done = { _tag: "ItemCompleted", nativeTurnId, nativeItemId, kind: "image", status: "completed" } as const
    return [...close(nativeTurnId), { ...done, content: { text }, files: shown.files }]
  }

  const start = (tool: Tool): ReadonlyArray<NativeEvent> => {
    if (tool.started) return []
    tool.started = true
    const { call, turnId: nativeTurnId } = tool
    const { output: _, ...content } = Items.itemContent(call)
    return [{ _tag: "ItemStarted", nativeTurnId, nativeItemId: call.toolCallId, kind: Items.itemKind(call), content }]
  }
  /** The delta of a command's growing text. A text that was rewritten is emitted only with the item's end. */
  const output = (tool: Tool): ReadonlyArray<NativeEvent> => {
    const text = Items.textOf(tool.call)
    const kind = Items.itemKind(tool.call)
    if (kind !== "command" || text === tool.shown || !text.startsWith(tool.shown)) return []
    const more = text.slice(tool.shown.length)
    tool.shown = text
    return [{ _tag: "ItemDelta", nativeTurnId: tool.turnId, nativeItemId: tool.call.toolCallId, kind, text: more }]
  }
  const toolOf = (turnId: string, call: ToolCall): Tool => {
    const tool = tools.get(call.toolCallId) ?? { turnId, call, started: false, shown: "" }
    tool.call = Items.merge(tool.call, call)
    tools.set(call.toolCallId, tool)
    return tool
  }
  /** A call that is only announced (`pending`) often has neither title nor input: its item starts with the next update. */
  const toolCall = (call: ToolCall, params: unknown): ReadonlyArray<NativeEvent> => {
    const known = tools.get(call.toolCallId)
    const turnId = known?.turnId ?? current?.id
    if (turnId === undefined) return [opaque("session/update", params)]
    const tool = toolOf(turnId, call)
    if (known === undefined && tool.call.status === "pending") return current === undefined ? [] : close(current.id)
    const out = [...(known === undefined ? close(turnId) : []), ...start(tool), ...output(tool)]
    // An unknown status does not change the item: the message is kept unchanged.
    if (call.status != null && !Items.statuses.has(call.status)) out.push(opaque("session/update", params))
    const status = Items.ended(tool.call)
    if (status === undefined) return out
    tools.delete(call.toolCallId)
    const shown = new Images.Shown()
    const content = shown.replace(tool.call.content) as ToolCall["content"]
    const done: NativeEvent = {
      _tag: "ItemCompleted",
      nativeTurnId: tool.turnId,
      nativeItemId: call.toolCallId,
      kind: Items.itemKind(tool.call),
      status: declined.delete(call.toolCallId) && status === "failed" ? "declined" : status,
      content: Items.itemContent({ ...tool.call, content }),
      ...(shown.files.length === 0 ? {} : { files: shown.files })
    }
    return [...out, done]
  }

  const ended = (turn: { readonly id: string; readonly cancelling: boolean }, answer: unknown): ReadonlyArray<NativeEvent> => {
    const announced = [...tools.values()].filter((tool) => tool.turnId === turn.id).flatMap(start)
    const end = { _tag: "TurnEnded", nativeTurnId: turn.id } as const
    const endWith = (
      more: Omit<Extract<NativeEvent, { readonly _tag: "TurnEnded" }>, keyof typeof end>
    ): ReadonlyArray<NativeEvent> => {
      const closed = more.outcome === "completed" ? close(turn.id) : []
      growing = undefined
      return [...announced, ...closed, { ...end, ...more }]
    }
    const interrupted = { outcome: "interrupted", reason: "The turn was cancelled." } as const
    if (isRecord(answer) && "error" in answer) {
      // Some agents answer a cancelled prompt with an error.
      if (turn.cancelling) return endWith(interrupted)
      const error = failureOf(answer["error"])
      return endWith({ outcome: "failed", reason: error.message, error })
    }
    const stop = Option.getOrUndefined(decodeStopped(isRecord(answer) ? answer["result"] : undefined))
    const usage = stop === undefined ? undefined : usageOf(stop, contextWindow)
    const counted = usage === undefined ? {} : { usage }
    if (stop?.stopReason === "end_turn" && hasText) return endWith({ outcome: "completed", ...counted })
    if (stop?.stopReason === "cancelled") return endWith({ ...interrupted, ...counted })
    // An unknown stop reason is not a success (T11).
    const error =
      stop?.stopReason === "end_turn" ? nothing : (stopped.get(stop?.stopReason ?? "") ?? unknownStop(stop?.stopReason))
    return endWith({ outcome: "failed", reason: error.message, error, ...counted })
  }

  const update = (params: unknown): ReadonlyArray<NativeEvent> => {
    const told = decodeUpdate(sessionId, params)
    hasText ||= told._tag === "Tool" || told._tag === "Plan" || (told._tag === "Text" && told.text.trim() !== "")
    if (told._tag === "Tool") return toolCall(told.call, params)
    if (told._tag === "Used") {
      contextWindow = told.contextWindow ?? contextWindow
      const report = Report.event({ context: defined({ tokens: told.contextTokens, window: contextWindow }) })
      if (current === undefined) return [report]
      const data = usageIn({ contextTokens: told.contextTokens, contextWindow })
      return data === undefined ? [report] : [report, { _tag: "Signal", nativeTurnId: current.id, kind: "usage", data }]
    }
    if (told._tag === "Commands") return [Report.event({ commands: Report.commands(told.commands) })]
    if (told._tag === "Mode") return [Report.event({ mode: cut(told.mode, 200) })]
    if (told._tag === "Options") return [Report.event(Settings.reportOf(told.settings))]
    const image = current === undefined || told._tag !== "Other" ? undefined : imageChunk(current.id, params)
    if (image !== undefined) return image
    if (current === undefined || told._tag === "Other") return [opaque("session/update", params)]
    switch (told._tag) {
      case "Text":
        return grow(current.id, told)
      case "Echo":
        return []
      case "Plan": {
        const plan = told.entries.map(({ content, status }) => ({
          text: content,
          status: steps.get(status) ?? ("pending" as const)
        }))
        return [{ _tag: "TurnUpdated", nativeTurnId: current.id, plan }]
      }
    }
  }

  return {
    begin: (nativeTurnId, text) => {
      hasText = text === undefined || text.trimStart().startsWith("/")
      current = { id: nativeTurnId, cancelling: false }
      growing = undefined
      tools.clear()
      declined.clear()
      return [{ _tag: "TurnStarted", nativeTurnId }]
    },
    cancelling: (nativeTurnId) => {
      if (current?.id === nativeTurnId) current.cancelling = true
    },
    notification: (method, params) => {
      if (method === "session/update") return update(params)
      if (method !== "session/prompt" || stringAt(params, "nativeTurnId") !== current?.id || current === undefined)
        return [opaque(method, params)]
      const turn = current
      current = undefined
      return ended(turn, params)
    },
    request: (id, method, params) => {
      const nativeRequestId = requestKey(id)
      const permission = decodeAsk(sessionId, method, params, `request ${nativeRequestId}`)
      if (permission === undefined || current === undefined) return { nativeRequestId, events: [opaque(method, params)] }
      hasText = true
      const known = tools.has(permission.toolCall.toolCallId)
      const tool = toolOf(current.id, permission.toolCall)
      const { ask, declines, result } = pending(tool.call, permission.options)
      const opened: NativeEvent = { _tag: "RequestOpened", nativeTurnId: tool.turnId, nativeRequestId, ask }
      return {
        nativeRequestId,
        events: [...(known ? [] : close(tool.turnId)), ...start(tool), opened],
        answer: (answer) => {
          if (declines(answer)) declined.add(permission.toolCall.toolCallId)
          return result(answer)
        }
      }
    }
  }
}
