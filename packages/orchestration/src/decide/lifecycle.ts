/**
 * State changes of a thread's turns and sessions. Commands, agents and Recovery all use these functions, so that no turn, item or request stays open
 * after its session has ended (T2, T3, T9).
 */
import { bare } from "@millrace/contracts/Attachment"
import { defined } from "@millrace/contracts/Defined"
import type { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Failure, ItemContent, Usage } from "@millrace/contracts/Item"
import { textField } from "@millrace/contracts/TextField"
import * as Goals from "./decideGoal.ts"
import type { Prompt } from "./decideAttachments.ts"
import { endRequests } from "./decideHeld.ts"
import type { Draft } from "./Draft.ts"
import { fit, type Keep } from "../state/LargeValues.ts"
import {
  activeTurn,
  epochOf,
  hasLiveSession,
  isIdle,
  isWaiting,
  needsNewSession,
  nextTurn,
  type OpenItem,
  type OpenTurn,
  type ThreadState
} from "../state/ThreadState.ts"
import * as RecentIds from "../state/RecentIds.ts"

/** How a turn ends. */
export type Ending =
  | { readonly _tag: "completed"; readonly reason?: string | undefined; readonly usage?: Usage | undefined }
  | { readonly _tag: "interrupted"; readonly reason?: string | undefined; readonly usage?: Usage | undefined }
  | {
      readonly _tag: "failed"
      readonly reason?: string | undefined
      readonly usage?: Usage | undefined
      readonly error: Failure
    }

/** How the open requests of an ended turn settle: cancelled with the turn, or expired with their session. */
export type Settling = "request.cancelled" | "request.expired"

/** The content of an item that was not completed: its content at the start and the sum of its deltas. */
export const contentSoFar = ({ content, kind, omittedBytes, text }: OpenItem, keep: Keep): ItemContent => {
  if (text === "") return content
  const field = textField(kind)
  const blobs = Object.entries(content.blobs ?? {}).filter(([name]) => name !== field)
  return fit(
    {
      ...content,
      ...(content.blobs === undefined ? {} : { blobs: Object.fromEntries(blobs) }),
      [field]: text,
      ...(omittedBytes === 0 ? {} : { omittedBytes })
    },
    keep
  )
}

/** Ends an open turn: settles its requests, completes its items, then writes the turn's terminal event. Does not change the session. */
const endTurn = (draft: Draft, threadId: ThreadId, turnId: TurnId, ending: Ending, settling: Settling): void => {
  const state = draft.thread(threadId)
  if (state === undefined) return
  const why =
    ending._tag === "failed"
      ? (ending.reason ?? ending.error.message)
      : (ending.reason ?? `the turn ${ending._tag === "completed" ? "completed" : "was interrupted"}`)
  endRequests(draft, threadId, turnId, settling, why)
  for (const item of Object.values(state.items))
    if (item.turnId === turnId)
      draft.emit(threadId, "item.completed", {
        ...contentSoFar(item, draft.keep),
        threadId,
        turnId,
        itemId: item.itemId,
        kind: item.kind,
        status: "aborted",
        reason: why
      })
  const goalId = state.turns[turnId]?.goalId
  const data = {
    threadId,
    turnId,
    ...defined({ reason: ending.reason, usage: ending.usage, goalId })
  }
  if (ending._tag === "failed") draft.emit(threadId, "turn.failed", { ...data, error: ending.error })
  else draft.emit(threadId, ending._tag === "completed" ? "turn.completed" : "turn.interrupted", data)
}

/** Id of the item that holds a turn's prompt. */
const messageOf = (turnId: TurnId) => `itm_${turnId.slice("trn_".length)}_user` as ItemId

/** Writes the prompt as an item, so that the transcript is complete whether or not the agent echoes the prompt. */
export const userMessage = (
  draft: Draft,
  threadId: ThreadId,
  turnId: TurnId,
  itemId: ItemId,
  { attachments, text }: Prompt,
  kind: "user-message" | "notice" = "user-message"
): void => {
  const item = {
    threadId,
    turnId,
    itemId,
    kind,
    role: "user" as const,
    ...fit({ text }, draft.keep),
    ...defined({ attachments: attachments?.map(bare) })
  }
  if (draft.emit(threadId, "item.started", item)) draft.emit(threadId, "item.completed", { ...item, status: "completed" })
}

/** Records which turn the session runs, if it runs none. A starting session stays `starting`. */
export const nameActive = (draft: Draft, threadId: ThreadId, turnId: TurnId): void => {
  const session = draft.thread(threadId)?.session
  if (session === undefined || session.activeTurnId !== undefined) return
  const status = session.status === "starting" ? "starting" : "running"
  draft.emit(threadId, "session.state.changed", { threadId, epoch: session.epoch, status, activeTurnId: turnId })
}

/**
 * Dispatches the next queued turn to the session, or starts a session for it. Does nothing while a turn runs, the session is stopping, or the queue
 * waits (T12): for the next server, a scheduled continuation, or a place (R7). An idle thread with an active goal first gets the goal's next turn.
 */
export const startNext = (draft: Draft, threadId: ThreadId): void => {
  Goals.advance(draft, threadId)
  const state = draft.thread(threadId)
  const next = state === undefined ? undefined : nextTurn(state)
  if (state === undefined || next === undefined || draft.context.paused) return
  if (draft.state.waiting?.(state, Date.parse(draft.context.at)) !== undefined) return
  const { turnId } = next
  if (hasLiveSession(state) && needsNewSession(state)) return stopFor(draft, threadId, "its settings changed")
  if (!hasLiveSession(state))
    draft.emit(threadId, "session.started", {
      threadId,
      provider: state.provider,
      epoch: epochOf(state) + 1,
      status: "starting",
      activeTurnId: turnId
    })
  else nameActive(draft, threadId, turnId)
  draft.emit(threadId, "turn.dispatched", { threadId, turnId })
  // The text of a continuation, a goal turn or an action comes from the server, not from a person.
  const kind = next.origin === "user" && next.action === undefined ? "user-message" : "notice"
  if (!next.shown) userMessage(draft, threadId, turnId, messageOf(turnId), next, kind)
}

/** Stops the session, so that the next turn gets a new session. Waits for the end of a turn that the agent began itself. */
export const stopFor = (draft: Draft, threadId: ThreadId, reason: string): void => {
  const state = draft.thread(threadId)
  if (state === undefined || !hasLiveSession(state) || Object.keys(state.turns).length > 0) return
  draft.emit(threadId, "session.stop.requested", { threadId, epoch: epochOf(state), reason })
}

/** After the end of the active turn: dispatches the next queued turn, or records a turn that the agent began itself as active, or sets the session `ready`. */
const afterTurn = (draft: Draft, threadId: ThreadId): void => {
  startNext(draft, threadId)
  const state = draft.thread(threadId)
  const session = state?.session
  if (state === undefined || session === undefined || session.activeTurnId !== undefined) return
  const other = Object.values(state.turns)[0]
  if (other !== undefined) nameActive(draft, threadId, other.turnId)
  else if (session.status === "running" && state.stopping === undefined)
    draft.emit(threadId, "session.state.changed", { threadId, epoch: session.epoch, status: "ready" })
  if (!state.keepSession) stopIdle(draft, threadId, "its thread has nothing more to do")
}

/** Requests the stop of an idle session. Does nothing if the session is not idle. */
export const stopIdle = (draft: Draft, threadId: ThreadId, reason: string): void => {
  const state = draft.thread(threadId)
  if (state !== undefined && isIdle(state))
    draft.emit(threadId, "session.stop.requested", { threadId, epoch: epochOf(state), reason })
}

/** Ends a turn while its session continues. No effect on a turn of another epoch or one that has ended (T1, T6). */
export const settleTurn = (
  draft: Draft,
  threadId: ThreadId,
  epoch: number,
  turnId: TurnId,
  ending: Ending,
  /** Runs after the turn's end is written and before the next turn starts. */
  before?: () => void
): void => {
  const state = draft.thread(threadId)
  if (state?.turns[turnId]?.epoch !== epoch) return
  const wasActive = state.session?.activeTurnId === turnId
  endTurn(draft, threadId, turnId, ending, "request.cancelled")
  before?.()
  if (wasActive) afterTurn(draft, threadId)
}

/** Ends a queued turn that has not run. */
export const dequeue = (draft: Draft, threadId: ThreadId, turnId: TurnId, reason: string): void => {
  endRequests(draft, threadId, turnId, "request.expired", reason)
  draft.emit(threadId, "turn.interrupted", { threadId, turnId, reason })
}

/** Whether the agent has reported anything of the turn. */
const hasBegun = (state: ThreadState, turn: OpenTurn): boolean =>
  turn.stage === "started" ||
  Object.values(state.items).some((item) => item.turnId === turn.turnId) ||
  isWaiting(state, turn.turnId) ||
  RecentIds.some(turn.closed, (id) => id !== messageOf(turn.turnId))

/** Ends the session: first its open turns, requests, items and background work, then the session itself; then the next queued turn starts a new session. */
export const endSession = (
  draft: Draft,
  threadId: ThreadId,
  end: {
    readonly status: "stopped" | "error"
    readonly reason: string
    readonly error?: Failure
    readonly ending: (turn: OpenTurn) => Ending
    /** Runs after the session's end is written and before the next turn starts. */
    readonly before?: () => void
  }
): void => {
  const state = draft.thread(threadId)
  if (state === undefined || !hasLiveSession(state)) return
  const active = activeTurn(state)
  for (const turn of Object.values(state.turns))
    if (turn !== active) endTurn(draft, threadId, turn.turnId, end.ending(turn), "request.expired")
  const ending = active === undefined ? undefined : end.ending(active)
  // Requeue a turn that was dispatched to a session already dying. This cannot loop: only a session that has ended another turn requeues.
  if (active !== undefined && !hasBegun(state, active) && ending?._tag === "failed" && RecentIds.size(state.endedTurns) > 0)
    draft.emit(threadId, "turn.requeued", { threadId, turnId: active.turnId, reason: end.reason })
  else if (active !== undefined && ending !== undefined) endTurn(draft, threadId, active.turnId, ending, "request.expired")
  for (const taskId of state.background)
    draft.emit(threadId, "background.ended", { threadId, epoch: epochOf(state), taskId, reason: end.reason })
  draft.emit(threadId, "session.stopped", {
    threadId,
    epoch: epochOf(state),
    status: end.status,
    reason: end.reason,
    ...defined({ error: end.error })
  })
  end.before?.()
  startNext(draft, threadId)
}

/** How a turn ends when its agent dies: interrupted if the session's stop or the turn's interrupt was requested, else failed (T11). */
export const deathEnding =
  ({ stopping, stopError }: ThreadState, error: Failure) =>
  (turn: OpenTurn): Ending => {
    const wanted = stopError === undefined ? stopping : undefined
    const { interruptReason, usage } = turn
    if (wanted !== undefined)
      return { _tag: "interrupted", reason: interruptReason === undefined ? wanted : `${interruptReason}; ${wanted}`, usage }
    const reason = error.message
    return turn.interruptRequested
      ? { _tag: "interrupted", reason: `${interruptReason ?? "interrupted"}; the agent had to be stopped: ${reason}`, usage }
      : { _tag: "failed", reason, error: stopError ?? error, usage }
  }
