/**
 * Maps Codex's messages to native events, without any guarantee (the normaliser adds those).
 * Only the session's native thread is mapped. A message of another thread or of an unknown method becomes `Opaque` with unchanged method and params.
 */
import { defined } from "@millrace/contracts/Defined"
import type { FileChange, PlanStep, Usage } from "@millrace/contracts/Item"
import { BoundedMap, BoundedSet } from "@millrace/contracts/BoundedMap"
import type { NativeEvent } from "../NativeEvent.ts"
import { requestKey, type RpcId } from "../process/Message.ts"
import { pending, type PendingRequest } from "./PendingRequest.ts"
import * as Report from "../Report.ts"
import * as Failures from "./Failures.ts"
import { fileChanges, itemContent, itemFiles, itemKind, itemStatus, startedContent } from "./Items.ts"
import { RateLimits } from "./RateLimits.ts"
import { decodeNotification, decodeRequest, type Breakdown, type Notification, type Turn } from "./Wire.ts"

/** A server request: its events, and how to encode the answer. Without `answer` it must be refused at once with method-not-found (P6). */
export interface MappedRequest {
  readonly nativeRequestId: string
  readonly events: ReadonlyArray<NativeEvent>
  readonly answer?: PendingRequest["result"]
  /** Sent by another thread of the same process: Codex does not withdraw it when our turn ends. */
  readonly foreign?: boolean
}

/** Mapping of one native thread. It keeps state that Codex does not repeat: the changes of open file-change items, and the token count at the start of the turn. */
export interface Mapping {
  /** Total; in order. */
  readonly notification: (method: string, params: unknown) => ReadonlyArray<NativeEvent>
  readonly request: (id: RpcId, method: string, params: unknown) => MappedRequest
  /** The turn id for `turn/interrupt`: for a review, the id of its inner turn. */
  readonly runsAs: (nativeTurnId: string) => string
}

const steps: ReadonlyMap<string, PlanStep["status"]> = new Map([
  ["inProgress", "in-progress"],
  ["completed", "completed"]
])

const usageOf = (now: Breakdown, before: Breakdown, contextWindow: number | null | undefined): Usage => ({
  inputTokens: now.inputTokens - before.inputTokens,
  cachedInputTokens: now.cachedInputTokens - before.cachedInputTokens,
  outputTokens: now.outputTokens - before.outputTokens,
  reasoningTokens: now.reasoningOutputTokens - before.reasoningOutputTokens,
  totalTokens: now.totalTokens - before.totalTokens,
  ...(typeof contextWindow === "number" ? { contextWindow } : {})
})

const minus = (a: Breakdown, b: Breakdown): Breakdown => ({
  totalTokens: a.totalTokens - b.totalTokens,
  inputTokens: a.inputTokens - b.inputTokens,
  cachedInputTokens: a.cachedInputTokens - b.cachedInputTokens,
  outputTokens: a.outputTokens - b.outputTokens,
  reasoningOutputTokens: a.reasoningOutputTokens - b.reasoningOutputTokens
})

/** Only `completed` is a success; an unknown status is a failure (T11). */
const turnEnded = (turn: Turn, limits: RateLimits): NativeEvent => {
  if (turn.status === "completed") return { _tag: "TurnEnded", nativeTurnId: turn.id, outcome: "completed" }
  if (turn.status === "interrupted")
    return { _tag: "TurnEnded", nativeTurnId: turn.id, outcome: "interrupted", reason: "Codex interrupted the turn." }
  const error = turn.error
    ? Failures.fromTurnError(turn.error)
    : { kind: "unknown" as const, message: `Codex ended the turn as "${turn.status ?? "nothing"}" and gave no error.` }
  const until = error.kind === "limit" ? limits.resetAt() : {}
  return { _tag: "TurnEnded", nativeTurnId: turn.id, outcome: "failed", reason: error.message, error: { ...error, ...until } }
}

const opaque = (message: { readonly method: string; readonly turnId?: string; readonly params: unknown }): NativeEvent => ({
  _tag: "Opaque",
  ...defined({ nativeTurnId: message.turnId }),
  method: message.method,
  payload: message.params
})

/** Maximum tracked file-change items in progress; each holds its diffs. */
const maxChanging = 64
/** Maximum turns whose late token usage is recognised. */
const maxSeen = 64

export const make = (nativeThreadId: string): Mapping => {
  const changing = new BoundedMap<string, ReadonlyArray<FileChange>>(maxChanging)
  const limits = new RateLimits()
  /** The running turn of the session's thread. */
  let current: string | undefined
  /** Turns that this session has seen. After a resume Codex reports the token usage of an old turn again: that must not start a turn. */
  const seen = new BoundedSet<string>(maxSeen)
  /**
   * A review is two turns in Codex. Items and terminal carry the id that `review/start` returned. `turn/started` and `turn/interrupt` use the id of an
   * inner turn, whose `rootTurnId` is the first (measured).
   */
  let review: { readonly turnId: string; inner?: string } | undefined
  /** Reassigns an event of the inner turn to the review. */
  const outward = (event: NativeEvent): NativeEvent =>
    review?.inner !== undefined && "nativeTurnId" in event && event.nativeTurnId === review.inner
      ? { ...event, nativeTurnId: review.turnId }
      : event
  let counting: { readonly turnId: string; readonly before: Breakdown } | undefined

  const known = (message: Exclude<Notification, { readonly _tag: "Other" }>, params: unknown): ReadonlyArray<NativeEvent> => {
    if (message._tag === "Delta")
      return message.delta === ""
        ? []
        : [
            {
              _tag: "ItemDelta",
              nativeTurnId: message.turnId,
              nativeItemId: message.itemId,
              kind: message.of,
              text: message.delta
            }
          ]
    if (message._tag === "Item") {
      const { item, phase, turnId: nativeTurnId } = message
      seen.renew(nativeTurnId)
      if (item.type === "enteredReviewMode" && review?.turnId !== nativeTurnId) review = { turnId: nativeTurnId }
      const content = phase === "started" ? startedContent(item) : itemContent(item)
      const of = { nativeTurnId, nativeItemId: item.id, kind: itemKind(item), content }
      if (phase === "completed") {
        changing.delete(item.id)
        const files = itemFiles(item)
        return [{ _tag: "ItemCompleted", ...of, ...itemStatus(item), ...(files.length === 0 ? {} : { files }) }]
      }
      if (content.changes) changing.set(item.id, content.changes)
      return [{ _tag: "ItemStarted", ...of }]
    }
    if ("turnId" in message.params && !seen.has(message.params.turnId)) {
      const { turnId } = message.params
      const unseen = opaque({ method: message.method, turnId, params })
      // A review that cannot begin, for example of a branch without a repository, ends with only this error (measured).
      return message.method === "error" && !message.params.willRetry && current === undefined
        ? [unseen, turnEnded({ id: turnId, status: "failed", error: message.params.error }, limits)]
        : [unseen]
    }
    switch (message.method) {
      case "turn/started":
        seen.renew(message.params.turn.id)
        current = message.params.turn.id
        if (review !== undefined && message.params.turn.rootTurnId === review.turnId && current !== review.turnId) {
          review = { turnId: review.turnId, inner: current }
          current = review.turnId
        }
        return [{ _tag: "TurnStarted", nativeTurnId: current }]
      case "turn/completed":
        changing.clear()
        if (current === message.params.turn.id) current = undefined
        if (review?.turnId === message.params.turn.id) review = undefined
        return [turnEnded(message.params.turn, limits)]
      case "turn/plan/updated": {
        const plan = message.params.plan.map(({ status, step }) => ({ text: step, status: steps.get(status) ?? "pending" }))
        return [{ _tag: "TurnUpdated", nativeTurnId: message.params.turnId, plan }]
      }
      case "turn/diff/updated":
        return [{ _tag: "TurnUpdated", nativeTurnId: message.params.turnId, diff: message.params.diff }]
      case "thread/tokenUsage/updated": {
        const { tokenUsage, turnId } = message.params
        if (counting?.turnId !== turnId) counting = { turnId, before: minus(tokenUsage.total, tokenUsage.last) }
        const usage = usageOf(tokenUsage.total, counting.before, tokenUsage.modelContextWindow)
        const context = defined({
          tokens: tokenUsage.last.totalTokens,
          window: tokenUsage.modelContextWindow ?? undefined
        })
        return [{ _tag: "Signal", nativeTurnId: turnId, kind: "usage", data: usage }, Report.event({ context })]
      }
      case "item/mcpToolCall/progress": {
        const { itemId, message: text, turnId } = message.params
        return [{ _tag: "Signal", nativeTurnId: turnId, nativeItemId: itemId, kind: "progress", data: { text } }]
      }
      case "item/reasoning/summaryPartAdded":
        return message.params.summaryIndex === 0
          ? []
          : [
              {
                _tag: "ItemDelta",
                nativeTurnId: message.params.turnId,
                nativeItemId: message.params.itemId,
                kind: "reasoning",
                text: "\n\n"
              }
            ]
      case "item/fileChange/patchUpdated":
        changing.set(message.params.itemId, fileChanges(message.params.changes))
        return [opaque({ method: message.method, turnId: message.params.turnId, params })]
      case "thread/status/changed": {
        const kept = opaque({ method: message.method, params })
        return message.params.status.type === "idle" ? [kept, { _tag: "AgentIdle" }] : [kept]
      }
      case "serverRequest/resolved":
        return [
          {
            _tag: "RequestResolved",
            nativeRequestId: requestKey(message.params.requestId),
            reason: "Codex settled it: it was answered, or its turn continued without an answer."
          }
        ]
      case "error":
        // With `willRetry` Codex continues by itself; without it `turn/completed` follows with the same error.
        return [opaque({ method: message.method, turnId: message.params.turnId, params })]
    }
  }

  return {
    notification: (method, params) => {
      const reported = method === "account/rateLimits/updated" ? limits.learn(params) : undefined
      if (reported !== undefined) return [reported]
      const message = decodeNotification(nativeThreadId, method, params)
      const events = message._tag === "Other" ? [opaque(message)] : known(message, params)
      return review?.inner === undefined ? events : events.map(outward)
    },
    runsAs: (nativeTurnId) => (review?.turnId === nativeTurnId ? (review.inner ?? nativeTurnId) : nativeTurnId),
    request: (id, method, params) => {
      const nativeRequestId = requestKey(id)
      const message = decodeRequest(nativeThreadId, method, params)
      if (message._tag !== "Known") return { nativeRequestId, events: [opaque(message)] }
      // A request of a sub-agent's thread: that thread is not mapped, but a person must see the request, in the turn that runs.
      const nativeTurnId = message.foreign ? current : message.params.turnId
      if (nativeTurnId === undefined) return { nativeRequestId, events: [opaque({ method, params })] }
      const { ask, result } = pending(message, message.foreign ? undefined : changing.get(message.params.itemId))
      const opened = outward({ _tag: "RequestOpened", nativeTurnId, nativeRequestId, ask })
      return { nativeRequestId, events: [opened], answer: result, foreign: message.foreign }
    }
  }
}
