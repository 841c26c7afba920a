/** decide for facts: an agent's events, or the end of its process → log events. Pure and total; facts are never rejected. */
import { defined } from "@millrace/contracts/Defined"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Failure } from "@millrace/contracts/Item"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import * as Background from "./Background.ts"
import { decideImport } from "./decideImport.ts"
import { decideSilence } from "./decideSilence.ts"
import type { Draft } from "./Draft.ts"
import { appendDelta } from "../state/evolve.ts"
import type { Fact, InsidePaths } from "./Fact.ts"
import * as Held from "../state/Held.ts"
import { answered } from "./decideAnswer.ts"
import * as Continuations from "./decideContinuation.ts"
import * as Goals from "./decideGoal.ts"
import { repeat, settle } from "./decideHeld.ts"
import { byRule, proposedRule } from "./decideRules.ts"
import { afterAuth } from "./decideSignIn.ts"
import { contentSoFar, deathEnding, type Ending, endSession, nameActive, settleTurn, startNext, stopIdle } from "./lifecycle.ts"
import { named, type Blob } from "@millrace/contracts/Blob"
import { fit } from "../state/LargeValues.ts"
import {
  activeTurn,
  epochOf,
  hasLiveSession,
  isLive,
  maxOpenItems,
  type OpenTurn,
  type ThreadState
} from "../state/ThreadState.ts"
import * as RecentIds from "../state/RecentIds.ts"

/** Writes a `provider.event`, which changes no state: for an event that came too late or has no type in the log's vocabulary (T6, T9). */
const keep = (
  draft: Draft,
  threadId: ThreadId,
  epoch: number,
  {
    blobs,
    method,
    payload,
    turnId
  }: Omit<Extract<DurableEvent, { _tag: "Opaque" }>, "_tag" | "turnId"> & { readonly turnId?: TurnId | undefined }
): void => {
  draft.emit(threadId, "provider.event", {
    threadId,
    epoch,
    ...defined({ turnId }),
    method,
    ...fit({ payload, ...defined({ blobs }) }, draft.keep)
  })
}

/** The blobs that an event names, which is kept as the payload of another. */
const namedBy = (event: DurableEvent): ReadonlyArray<Blob> =>
  "content" in event ? named(event.content) : "ask" in event ? named(event.ask) : event._tag === "TurnUpdated" ? named(event) : []

/** Whether an item or request of the turn was closed before; it cannot open again (T9, T13). */
const isClosed = (turn: OpenTurn, id: string): boolean => RecentIds.has(turn.closed, id)

/** Whether the failure means that the agent's process is dead. With `transport` only the connection to the model failed: the agent still runs. */
const isDeath = (error: Failure): boolean => error.kind === "process" || error.kind === "not-installed"

const turnStarted = (
  draft: Draft,
  state: ThreadState,
  epoch: number,
  event: Extract<DurableEvent, { _tag: "TurnStarted" }>
): void => {
  const { threadId } = state
  const { turnId, origin } = event
  const known = state.turns[turnId]
  if (known !== undefined ? known.epoch !== epoch || known.stage === "started" : !isCurrent(state, epoch) || origin === "user")
    return keep(draft, threadId, epoch, { method: "millrace.late.turn-started", payload: event, turnId })
  const written = draft.emit(threadId, "turn.started", {
    threadId,
    turnId,
    origin: known?.origin ?? origin,
    ...defined({ nativeTurnId: event.nativeTurnId, attachments: event.attachments })
  })
  if (!written) return keep(draft, threadId, epoch, { method: "millrace.late.turn-started", payload: event, turnId })
  nameActive(draft, threadId, turnId)
}

/** A turn fails while its agent still runs. After a usage limit or a sign-in the work may be continued later. */
const failTurn = (draft: Draft, state: ThreadState, turn: OpenTurn, ending: Extract<Ending, { _tag: "failed" }>): void => {
  const isActive = state.session?.activeTurnId === turn.turnId
  const later = isActive
    ? (Continuations.afterLimit(draft, state, turn, ending) ?? afterAuth(draft, state, turn, ending))
    : undefined
  settleTurn(draft, state.threadId, turn.epoch, turn.turnId, later?.ending ?? ending, later?.plan)
}

/** A turn that fails because its agent died also stops the session: that agent gets no further turn (P7). */
const turnFailed = (
  draft: Draft,
  state: ThreadState,
  epoch: number,
  event: Extract<DurableEvent, { _tag: "TurnFailed" }>
): void => {
  const { threadId } = state
  const { turnId, error, usage } = event
  const turn = state.turns[turnId]
  if (turn?.epoch !== epoch) return
  if (!isDeath(error)) return failTurn(draft, state, turn, { ...event, _tag: "failed" })
  const ending = deathEnding(state, error)(turn)
  const reason = `the agent ended: ${error.message}`
  draft.emit(threadId, "session.stop.requested", { threadId, epoch, reason, ...(ending._tag === "failed" ? { error } : {}) })
  settleTurn(draft, threadId, epoch, turnId, { ...ending, usage: usage ?? turn.usage })
}

/** The server's reason for the interrupt takes precedence over the agent's; the reason of a requested stop is appended (T8). */
const interruptedBecause = (
  state: ThreadState,
  { interruptReason }: OpenTurn,
  agentReason: string | undefined
): string | undefined => {
  const stop = state.stopping
  return interruptReason === undefined ? agentReason : stop === undefined ? interruptReason : `${interruptReason}; ${stop}`
}

/** Records the start or end of background work; keeps all other opaque events unchanged. */
const opaque = (draft: Draft, threadId: ThreadId, epoch: number, event: Extract<DurableEvent, { _tag: "Opaque" }>): void => {
  const background = Background.read(event)
  const written =
    background !== undefined &&
    (background.kind === "started"
      ? draft.emit(threadId, "background.started", {
          threadId,
          epoch,
          taskId: background.taskId,
          ...defined({ turnId: background.turnId })
        })
      : draft.emit(threadId, "background.ended", { threadId, epoch, taskId: background.taskId }))
  if (!written) keep(draft, threadId, epoch, event)
}

/** Aborts the oldest open items, so that one more can open. A later completion of an aborted item becomes an amendment. */
const abortOldest = (draft: Draft, state: ThreadState): void => {
  const open = Object.values(state.items)
  for (const { itemId, kind, turnId, ...item } of open.slice(0, Math.max(0, open.length - maxOpenItems + 1)))
    draft.emit(state.threadId, "item.completed", {
      ...contentSoFar({ itemId, kind, turnId, ...item }, draft.keep),
      threadId: state.threadId,
      turnId,
      itemId,
      kind,
      status: "aborted",
      reason: `more than ${maxOpenItems} items are open`
    })
}

/** Opens a request, or binds it to the one that it repeats, and answers it if an approval rule does. */
const requestOpened = (
  draft: Draft,
  state: ThreadState,
  { ask, requestId, turnId }: Extract<DurableEvent, { _tag: "RequestOpened" }>,
  inside: ReadonlyArray<string> | undefined
): void => {
  const { threadId } = state
  const fitted = fit(ask, draft.keep)
  const given = byRule(draft, state, fitted, inside)
  if (!repeat(draft, state, turnId, requestId, fitted)) {
    const proposed = given === undefined ? proposedRule(state, fitted, inside) : undefined
    const rules = defined({ rule: given?.rule, proposedRule: proposed })
    draft.emit(threadId, "request.opened", { ...fitted, threadId, turnId, requestId, ...rules })
  }
  const after = draft.thread(threadId)
  const open = after === undefined ? undefined : Held.requestOf(after, requestId)
  if (given !== undefined && open !== undefined) answered(draft, open, `rule ${given.rule}`, given.answer)
}

const agentEvent = (draft: Draft, threadId: ThreadId, epoch: number, event: DurableEvent, inside?: InsidePaths): void => {
  const state = draft.thread(threadId)
  if (state === undefined || state.deleted || epoch > epochOf(state)) return
  if (event._tag === "Opaque") return opaque(draft, threadId, epoch, event)
  const { turnId } = event
  const turn = state.turns[turnId]?.epoch === epoch ? state.turns[turnId] : undefined
  const late = (what: string) => {
    keep(draft, threadId, epoch, { method: `millrace.late.${what}`, payload: event, turnId })
    draft.refer(threadId, namedBy(event))
  }
  switch (event._tag) {
    case "ItemDelta": {
      const { itemId, kind, text } = event
      return turn === undefined || state.items[itemId]?.turnId !== turnId
        ? late("item-delta")
        : draft.delta(appendDelta(state, itemId, text), { threadId, turnId, itemId, kind, text })
    }
    case "TurnStarted":
      return turnStarted(draft, state, epoch, event)
    case "TurnUpdated": {
      if (turn === undefined) return late("turn-updated")
      const { plan, diff, blobs } = event
      draft.emit(threadId, "turn.updated", { threadId, turnId, ...fit(defined({ plan, diff, blobs }), draft.keep) })
      return
    }
    case "TurnCompleted":
      return settleTurn(draft, threadId, epoch, turnId, { ...event, _tag: "completed" })
    case "TurnInterrupted": {
      const reason = turn === undefined ? event.reason : interruptedBecause(state, turn, event.reason)
      return settleTurn(draft, threadId, epoch, turnId, { ...event, _tag: "interrupted", reason })
    }
    case "TurnFailed":
      return turnFailed(draft, state, epoch, event)
    case "ItemStarted": {
      const { itemId, kind } = event
      if (turn === undefined) return late("item-started")
      if (isClosed(turn, itemId)) return late("item-started")
      abortOldest(draft, state)
      if (!draft.emit(threadId, "item.started", { ...fit(event.content, draft.keep), threadId, turnId, itemId, kind }))
        late("item-started")
      return
    }
    case "ItemCompleted":
    case "ItemAmended":
      return itemClosed(draft, state, epoch, event)
    case "RequestOpened": {
      const { requestId } = event
      if (turn === undefined || isClosed(turn, requestId)) return late("request-opened")
      if (Held.requestOf(state, requestId) !== undefined) return late("request-opened")
      return requestOpened(draft, state, event, inside?.get(requestId))
    }
    case "RequestCancelled": {
      const open = Held.requestOf(state, event.requestId)
      if (open?.turnId === turnId) settle(draft, open, "request.cancelled", event.reason)
      return
    }
  }
}

const itemClosed = (
  draft: Draft,
  state: ThreadState,
  epoch: number,
  event: Extract<DurableEvent, { _tag: "ItemCompleted" | "ItemAmended" }>
): void => {
  const { threadId } = state
  const { turnId, itemId, kind, status } = event
  const turn = state.turns[turnId]?.epoch === epoch ? state.turns[turnId] : undefined
  const item = { ...fit(event.content, draft.keep), threadId, turnId, itemId, kind }
  const reason = event._tag === "ItemCompleted" && event.reason !== undefined ? { reason: event.reason } : {}
  if (event._tag === "ItemCompleted" && turn !== undefined && !isClosed(turn, itemId)) {
    if (state.items[itemId] === undefined) draft.emit(threadId, "item.started", item)
    draft.emit(threadId, "item.completed", { ...item, status, ...reason })
  } else if (state.items[itemId] === undefined) draft.emit(threadId, "item.amended", { ...item, status })
}

/** Whether a fact belongs to the live session. */
const isCurrent = (state: ThreadState, epoch: number): boolean => epoch === epochOf(state) && hasLiveSession(state)

const opened = (draft: Draft, state: ThreadState, fact: Extract<Fact, { _tag: "SessionOpened" }>): void => {
  const { threadId, epoch, continuity, lost, fork, resumeKey, capabilities } = fact
  const activeTurnId = state.session?.activeTurnId ?? Object.values(state.turns)[0]?.turnId
  const extra = {
    threadId,
    epoch,
    continuity,
    capabilities,
    ...defined({ lost, fork, resumeKey })
  }
  draft.emit(
    threadId,
    "session.state.changed",
    activeTurnId === undefined ? { ...extra, status: "ready" } : { ...extra, status: "running", activeTurnId }
  )
  startNext(draft, threadId)
}

/** The agent has ended. The reason is that of the requested stop; if no stop was requested, it is the message of `error`. */
const ended = (draft: Draft, state: ThreadState, error: Failure, failed: boolean): void => {
  const { stopping, stopError } = state
  const cause = stopping === undefined ? (failed ? error : undefined) : stopError
  const active = activeTurn(state)
  const ending = deathEnding(state, error)
  const later = active === undefined ? undefined : afterAuth(draft, state, active, ending(active))
  endSession(draft, state.threadId, {
    status: cause === undefined ? "stopped" : "error",
    reason: stopping ?? error.message,
    ...defined({ error: cause }),
    ending: (turn) => (turn === active && later !== undefined ? later.ending : ending(turn)),
    ...defined({ before: later?.plan })
  })
}

const sessionFact = (
  draft: Draft,
  state: ThreadState,
  fact: Exclude<
    Fact,
    {
      _tag:
        | "AgentEvents"
        | "Silent"
        | "ContinuationDue"
        | "GoalDue"
        | "ArchivedExpired"
        | "CheckpointTaken"
        | "CheckpointFailed"
        | "RewindCut"
    }
  >
): void => {
  const { threadId } = state
  switch (fact._tag) {
    case "SessionOpened":
      return opened(draft, state, fact)
    case "ResumeKeyLearned": {
      if (state.session === undefined || state.resumeKey === fact.resumeKey) return
      // The key belongs to the agent before a hand-over: the next agent cannot use it.
      if (state.handedFrom !== undefined && state.stopping !== undefined) return
      draft.emit(threadId, "session.state.changed", { ...state.session, threadId, resumeKey: fact.resumeKey })
      return
    }
    case "SessionFailed":
      return ended(draft, state, fact.failure, true)
    case "SessionEnded":
      return ended(draft, state, { kind: "process", message: fact.reason }, Object.keys(state.turns).length > 0)
    case "TurnRefused": {
      const turn = state.turns[fact.turnId]
      const reason = fact.failure.message
      if (turn?.epoch !== fact.epoch) return
      return turn.interruptRequested && isDeath(fact.failure)
        ? settleTurn(draft, threadId, fact.epoch, fact.turnId, { _tag: "interrupted", reason })
        : failTurn(draft, state, turn, { _tag: "failed", reason, error: fact.failure })
    }
    case "SteerRefused": {
      const turnId = `trn_${draft.context.seed}` as TurnId
      const { attachments, text } = fact
      draft.emit(threadId, "turn.requested", {
        threadId,
        turnId,
        text,
        ...defined({ attachments }),
        strategy: "steer",
        position: "front"
      })
      return startNext(draft, threadId)
    }
    case "SteerDelivered": {
      const { attachments, turnId } = fact
      if (state.turns[turnId] !== undefined) draft.emit(threadId, "turn.updated", { threadId, turnId, attachments })
      return
    }
    case "InterruptWanted": {
      const turnId = state.session?.activeTurnId
      if (turnId !== undefined && state.turns[turnId]?.interruptRequested === false)
        draft.emit(threadId, "turn.interrupt.requested", { threadId, turnId, reason: fact.reason })
      return
    }
    case "RequestsRefused":
      for (const request of Object.values(state.requests))
        // A held request and the question whether to continue belong to the thread, not to the agent: they stay open for the next server.
        if (request.held !== true && state.continuation?.requestId !== request.requestId)
          settle(draft, request, "request.expired", fact.reason)
      return
    case "StopWanted":
      draft.emit(threadId, "session.stop.requested", {
        threadId,
        epoch: fact.epoch,
        reason: fact.reason,
        ...defined({ error: fact.error })
      })
      return
    case "OwnerLost":
      return Continuations.ownerLost(draft, state, fact)
    case "PlaceWanted":
      return stopIdle(draft, threadId, "idle, and a turn of another thread waits for its place")
    case "QueueReleased":
      return startNext(draft, threadId)
  }
}

/** Writes the events that a fact causes into the draft. Returns whether the fact still applied. */
export const decideFact = (draft: Draft, fact: Fact): boolean => {
  if (fact._tag === "AgentEvents") {
    for (const blob of fact.blobs ?? []) draft.blobs.set(blob.hash, blob)
    for (const event of fact.events) agentEvent(draft, fact.threadId, fact.epoch, event, fact.inside)
    return true
  }
  if (fact._tag === "Imported") return decideImport(draft, fact)
  const state = draft.thread(fact.threadId)
  if (state === undefined || state.deleted) return false
  // A refused steer is a person's text: it is kept even if its session has ended.
  if ("epoch" in fact && fact._tag !== "SteerRefused" && !isCurrent(state, fact.epoch)) return false
  if (fact._tag === "ContinuationDue") return Continuations.due(draft, state, fact)
  if (fact._tag === "GoalDue") {
    const concerned = Goals.due(draft, state, fact)
    if (concerned) startNext(draft, fact.threadId)
    return concerned
  }
  if (fact._tag === "CheckpointTaken") {
    const { _tag, ...data } = fact
    return draft.emit(fact.threadId, "checkpoint.taken", data)
  }
  if (fact._tag === "CheckpointFailed") {
    const { _tag, ...data } = fact
    return draft.emit(fact.threadId, "checkpoint.failed", data)
  }
  if (fact._tag === "RewindCut") {
    const { _tag, actor: _actor, ...data } = fact
    return draft.emit(fact.threadId, "thread.rewound", data)
  }
  if (fact._tag === "Silent") return decideSilence(draft, state, fact)
  if (fact._tag === "ArchivedExpired") {
    const { before, threadId } = fact
    return state.archived && !isLive(state) && state.updatedAt < before && draft.emit(threadId, "thread.deleted", { threadId })
  }
  sessionFact(draft, state, fact)
  return true
}
