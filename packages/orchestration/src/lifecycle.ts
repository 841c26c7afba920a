/**
 * How turns and sessions of a thread move, whoever asks: commands, agents and Recovery all come through here, so that no turn, item or
 * request stays open behind a session that cannot hold it (T2, T3, T9).
 */
import type { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Failure, Usage } from "@millrace/contracts/Item"
import * as Goals from "./decideGoal.ts"
import type { Draft } from "./Draft.ts"
import { cutText, fitContent, maxValueBytes } from "./Limits.ts"
import {
  activeTurn,
  epochOf,
  hasLiveSession,
  isIdle,
  isWaiting,
  nextTurn,
  type OpenItem,
  type OpenTurn,
  originOf,
  type StopRequest,
  type ThreadState
} from "./ThreadState.ts"
import * as Remembered from "./Remembered.ts"

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

/** The open requests of an ended turn were withdrawn, or their session is gone. */
export type Settling = "request.cancelled" | "request.expired"

/** What is known of an item that nobody completed: as it started, with the sum of its deltas. */
const contentSoFar = (item: OpenItem) => {
  if (item.text === "") return fitContent(item.content)
  const text = cutText(item.text, maxValueBytes / 4)
  const cut = item.cut + item.text.length - text.length
  return fitContent({
    ...item.content,
    ...(item.kind === "command" ? { output: text } : { text }),
    ...(cut > 0 ? { truncatedBytes: cut } : {})
  })
}

/** Ends an open turn: its requests, its items, then its terminal, in one transaction. Leaves the session alone. */
const endTurn = (draft: Draft, threadId: ThreadId, turnId: TurnId, ending: Ending, settling: Settling): void => {
  const state = draft.thread(threadId)
  if (state === undefined) return
  const why =
    ending._tag === "failed"
      ? (ending.reason ?? ending.error.message)
      : (ending.reason ?? `the turn ${ending._tag === "completed" ? "completed" : "was interrupted"}`)
  for (const { requestId, turnId: of } of Object.values(state.requests))
    if (of === turnId) draft.emit(threadId, settling, { threadId, turnId, requestId, reason: why })
  for (const item of Object.values(state.items))
    if (item.turnId === turnId)
      draft.emit(threadId, "item.completed", {
        ...contentSoFar(item),
        threadId,
        turnId,
        itemId: item.itemId,
        kind: item.kind,
        status: "aborted",
        reason: why
      })
  const data = {
    threadId,
    turnId,
    ...(ending.reason === undefined ? {} : { reason: ending.reason }),
    ...(ending.usage === undefined ? {} : { usage: ending.usage })
  }
  if (ending._tag === "failed") draft.emit(threadId, "turn.failed", { ...data, error: ending.error })
  else draft.emit(threadId, ending._tag === "completed" ? "turn.completed" : "turn.interrupted", data)
}

/** The item of a turn's prompt. */
const messageOf = (turnId: TurnId) => `itm_${turnId.slice("trn_".length)}_user` as ItemId

/** The person's own words as an item, so that the transcript is whole whatever the agent echoes. */
export const userMessage = (
  draft: Draft,
  threadId: ThreadId,
  turnId: TurnId,
  itemId: ItemId,
  text: string,
  kind: "user-message" | "notice" = "user-message"
): void => {
  const item = { threadId, turnId, itemId, kind, text }
  if (draft.emit(threadId, "item.started", item)) draft.emit(threadId, "item.completed", { ...item, status: "completed" })
}

/** Names the turn that the session runs. A session that is still starting stays so. */
export const nameActive = (draft: Draft, threadId: ThreadId, turnId: TurnId): void => {
  const session = draft.thread(threadId)?.session
  if (session === undefined || session.activeTurnId !== undefined) return
  const status = session.status === "starting" ? "starting" : "running"
  draft.emit(threadId, "session.state.changed", { threadId, epoch: session.epoch, status, activeTurnId: turnId })
}

/**
 * Gives the next queued turn to the session, or begins a session for it. Nothing when a turn runs, the session is to end, or the queue waits (T12):
 * for the next server, for work before it that goes on later, or for a place (R7). A thread with nothing to do goes on towards its goal.
 */
export const startNext = (draft: Draft, threadId: ThreadId): void => {
  Goals.advance(draft, threadId)
  const state = draft.thread(threadId)
  const next = state === undefined ? undefined : nextTurn(state)
  if (state === undefined || next === undefined || draft.moment.hold) return
  if (draft.world.waiting?.(state, Date.parse(draft.moment.at)) !== undefined) return
  const { turnId } = next
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
  // What the server says to go on, or of an action, is nobody's own words.
  const kind = originOf(next) === "user" && next.action === undefined ? "user-message" : "notice"
  if (!next.shown) userMessage(draft, threadId, turnId, messageOf(turnId), next.text, kind)
}

/** After the active turn: the next one of the queue, else one that the agent runs by itself, else the session is ready. */
const afterTurn = (draft: Draft, threadId: ThreadId): void => {
  startNext(draft, threadId)
  const state = draft.thread(threadId)
  const session = state?.session
  if (state === undefined || session === undefined || session.activeTurnId !== undefined) return
  const other = Object.values(state.turns)[0]
  if (other !== undefined) nameActive(draft, threadId, other.turnId)
  else if (session.status === "running" && state.stopRequested === undefined)
    draft.emit(threadId, "session.state.changed", { threadId, epoch: session.epoch, status: "ready" })
  if (!state.keepSession) stopIdle(draft, threadId, "its thread has nothing more to do")
}

/** Asks an idle session to end. Nothing when it has something to do, or waits for somebody. */
export const stopIdle = (draft: Draft, threadId: ThreadId, reason: string): void => {
  const state = draft.thread(threadId)
  if (state !== undefined && isIdle(state))
    draft.emit(threadId, "session.stop.requested", { threadId, epoch: epochOf(state), reason })
}

/** A turn ends while its session goes on. A turn of another epoch, or one that is over, absorbs it (T1, T6). */
export const settleTurn = (
  draft: Draft,
  threadId: ThreadId,
  epoch: number,
  turnId: TurnId,
  ending: Ending,
  /** Between the end and what comes after it. */
  before?: () => void
): void => {
  const state = draft.thread(threadId)
  if (state?.turns[turnId]?.epoch !== epoch) return
  const wasActive = state.session?.activeTurnId === turnId
  endTurn(draft, threadId, turnId, ending, "request.cancelled")
  before?.()
  if (wasActive) afterTurn(draft, threadId)
}

/** A queued turn ends without having run. */
export const dequeue = (draft: Draft, threadId: ThreadId, turnId: TurnId, reason: string): void => {
  draft.emit(threadId, "turn.interrupted", { threadId, turnId, reason })
}

/** The agent has said anything of the turn. */
const hasBegun = (state: ThreadState, turn: OpenTurn): boolean =>
  turn.stage === "started" ||
  Object.values(state.items).some((item) => item.turnId === turn.turnId) ||
  isWaiting(state, turn.turnId) ||
  Remembered.some(turn.closed, (id) => id !== messageOf(turn.turnId))

/** The session is over: what it left open ends with it, then its own end, then the queue goes on with a new one. */
export const endSession = (
  draft: Draft,
  threadId: ThreadId,
  end: {
    readonly status: "stopped" | "error"
    readonly reason: string
    readonly error?: Failure
    readonly ending: (turn: OpenTurn) => Ending
    /** Between the end and what comes after it. */
    readonly before?: () => void
  }
): void => {
  const state = draft.thread(threadId)
  if (state === undefined || !hasLiveSession(state)) return
  const active = activeTurn(state)
  for (const turn of Object.values(state.turns))
    if (turn !== active) endTurn(draft, threadId, turn.turnId, end.ending(turn), "request.expired")
  const ending = active === undefined ? undefined : end.ending(active)
  // Given to a session that was dying: it did not begin, and it is not why the session ended. One session ends at least one turn, so this ends.
  if (active !== undefined && !hasBegun(state, active) && ending?._tag === "failed" && Remembered.size(state.over) > 0)
    draft.emit(threadId, "turn.requeued", { threadId, turnId: active.turnId, reason: end.reason })
  else if (active !== undefined && ending !== undefined) endTurn(draft, threadId, active.turnId, ending, "request.expired")
  for (const taskId of state.background)
    draft.emit(threadId, "background.ended", { threadId, epoch: epochOf(state), taskId, reason: end.reason })
  draft.emit(threadId, "session.stopped", {
    threadId,
    epoch: epochOf(state),
    status: end.status,
    reason: end.reason,
    ...(end.error === undefined ? {} : { error: end.error })
  })
  end.before?.()
  startNext(draft, threadId)
}

/** The session dies: a turn that somebody wanted to end was interrupted, any other one failed (T11). */
export const deathEnding =
  (stop: StopRequest | undefined, error: Failure) =>
  (turn: OpenTurn): Ending => {
    const wanted = stop !== undefined && stop.error === undefined ? stop.reason : undefined
    const { interruptReason: clock, usage } = turn
    if (wanted !== undefined) return { _tag: "interrupted", reason: clock === undefined ? wanted : `${clock}; ${wanted}`, usage }
    const reason = error.message
    return turn.interruptRequested
      ? { _tag: "interrupted", reason: `${clock ?? "interrupted"}; the agent had to be stopped: ${reason}`, usage }
      : { _tag: "failed", reason, error: stop?.error ?? error, usage }
  }
