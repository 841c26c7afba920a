/**
 * project(before, event, after) → row changes: the read models as data. Pure; the log applies them inside the append's transaction (L11).
 *
 * | collection        | key       | parent    | rank | value                                             |
 * |-------------------|-----------|-----------|------|---------------------------------------------------|
 * | `project`         | projectId |           | keep | ProjectView; removed when deleted                  |
 * | `project-state`   | projectId |           | keep | ProjectState                                       |
 * | `project-by-cwd`  | cwd       |           | keep | projectId; removed when deleted                    |
 * | `thread`          | threadId  | projectId | bump | ThreadView; neither archived nor deleted           |
 * | `thread-archived` | threadId  | projectId | bump | ThreadView                                         |
 * | `thread-state`    | threadId  |           | bump | ThreadRow; stays as a tombstone                    |
 * | `live`            | threadId  |           | keep | true, while the thread `isLive`                     |
 * | `timer`           | threadId  |           | keep | Timer, while a continuation is scheduled            |
 * | `timer`           | goalId    |           | keep | Timer, while a goal has a due time                  |
 * | `turn`            | turnId    | threadId  | keep | TurnView                                           |
 * | `item`            | itemId    | threadId  | keep | ItemView; text of an open one: see OpenTexts        |
 * | `request`         | requestId | threadId  | keep | RequestView                                        |
 * | `request-open`    | requestId | threadId  | keep | RequestView                                        |
 *
 * `item.delta` changes no row: constant work per delta (L10).
 */
import type { DomainEvent } from "@millrace/contracts/Event"
import type { GoalId, ItemId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Imported } from "@millrace/contracts/Import"
import type { ItemContent, ItemView, RequestView } from "@millrace/contracts/Item"
import type { TurnStatus, TurnView } from "@millrace/contracts/State"
import { type Change, type Put, put, remove } from "./RowChanges.ts"
import { touchesThread } from "../state/evolve.ts"
import { type ProjectState, projectView } from "../state/ProjectState.ts"
import { toRow } from "./ThreadRow.ts"
import {
  assignmentOf,
  isLive,
  type OpenRequest,
  type OpenTurn,
  queuedView,
  type ThreadState,
  threadView,
  turnView
} from "../state/ThreadState.ts"

const none: ReadonlyArray<Change> = []

/** Row changes of one event of a project. */
export const projectProject = (before: ProjectState | undefined, after: ProjectState | undefined): ReadonlyArray<Change> => {
  if (after === undefined || before === after) return none
  const state = put("project-state", after.projectId, "", "keep", after)
  if (after.deleted) return [state, remove("project", after.projectId), remove("project-by-cwd", after.cwd)]
  return before === undefined
    ? [
        state,
        put("project", after.projectId, "", "keep", projectView(after)),
        put("project-by-cwd", after.cwd, "", "keep", after.projectId)
      ]
    : before.title === after.title
      ? [state]
      : [state, put("project", after.projectId, "", "keep", projectView(after))]
}

const threadRows = (before: ThreadState | undefined, after: ThreadState): Array<Change> => {
  const { threadId } = after
  const rows: Array<Change> = [put("thread-state", threadId, "", "bump", toRow(after))]
  if (after.deleted) rows.push(remove("thread", threadId), remove("thread-archived", threadId))
  else {
    if (before !== undefined && before.archived !== after.archived)
      rows.push(remove(before.archived ? "thread-archived" : "thread", threadId))
    rows.push(put(after.archived ? "thread-archived" : "thread", threadId, after.projectId, "bump", threadView(after)))
  }
  const live = isLive(after)
  if (live !== (before !== undefined && isLive(before)))
    rows.push(live ? put("live", threadId, "", "keep", true) : remove("live", threadId))
  const { continuation: plan } = after
  if (plan !== before?.continuation)
    rows.push(
      plan === undefined
        ? remove("timer", threadId)
        : put("timer", threadId, "", "keep", { threadId, turnId: plan.turnId, at: plan.at } satisfies Timer)
    )
  return rows.concat(goalRows(before?.goal, after))
}

/** The next due time of a goal: its next turn, or the end of its minutes. */
const wakesAt = (goal: ThreadState["goal"]): string | undefined =>
  goal === undefined || (goal.nextAt !== undefined && (goal.until === undefined || goal.nextAt < goal.until))
    ? goal?.nextAt
    : goal.until

const goalRows = (before: ThreadState["goal"], { goal, threadId }: ThreadState): ReadonlyArray<Change> => {
  if (goal === before) return none
  const rows: Array<Change> = []
  const at = wakesAt(goal)
  const same = before?.goalId === goal?.goalId
  if (before !== undefined && wakesAt(before) !== undefined && (!same || at === undefined))
    rows.push(remove("timer", before.goalId))
  if (goal !== undefined && at !== undefined && !(same && wakesAt(before) === at))
    rows.push(put("timer", goal.goalId, "", "keep", { threadId, goalId: goal.goalId, at } satisfies Timer))
  return rows
}

/** When a continuation or a goal of a thread is due. */
export interface Timer {
  readonly threadId: ThreadId
  /** Of a continuation: the interrupted turn. */
  readonly turnId?: TurnId
  /** Of a goal. */
  readonly goalId?: GoalId
  /** ISO 8601 UTC. */
  readonly at: string
}

const turnRow = (view: TurnView): Change => put("turn", view.turnId, view.threadId, "keep", view)

const openTurnRow = (state: ThreadState, turnId: string): ReadonlyArray<Change> => {
  const turn = state.turns[turnId]
  return turn === undefined ? none : [turnRow(turnView(state, turn))]
}

const terminalRow = (
  before: ThreadState,
  event: Extract<DomainEvent, { type: "turn.completed" | "turn.interrupted" | "turn.failed" }>,
  at: string
): Change => {
  const { data } = event
  const open: OpenTurn | undefined = before.turns[data.turnId]
  const queued = before.queue.find((turn) => turn.turnId === data.turnId)
  const { turnId, threadId } = data
  const view: TurnView =
    open === undefined
      ? queuedView(threadId, turnId, assignmentOf(queued ?? { text: "", requestedAt: at }))
      : turnView(before, open)
  const status = event.type.slice("turn.".length) as TurnStatus
  return turnRow({
    ...view,
    status,
    endedAt: at,
    ...(data.reason === undefined ? {} : { reason: data.reason }),
    ...(data.usage === undefined ? {} : { usage: data.usage }),
    ...(event.type === "turn.failed" ? { error: event.data.error } : {})
  })
}

interface ItemData {
  readonly itemId: ItemId
  readonly threadId: ThreadId
  readonly turnId: TurnId
  readonly kind: string
}
const itemRow = (data: ItemData & ItemContent, status: ItemView["status"]): Change =>
  put("item", data.itemId, data.threadId, "keep", { ...data, status })

const requestView = (
  threadId: ThreadId,
  requestId: RequestId,
  request: OpenRequest,
  status: RequestView["status"]
): RequestView => ({
  requestId,
  threadId,
  turnId: request.turnId,
  status,
  ask: request.ask,
  ...(request.reasks === undefined ? {} : { reasks: request.reasks }),
  openedAt: request.openedAt
})

/** The row of an imported piece. */
export const importedRow = ({ data, type }: Imported): Put => {
  if (type === "item.imported") return put("item", data.itemId, data.threadId, "keep", data)
  if (type === "turn.imported") {
    const { nativeTurnId: _, ...view } = data
    return put("turn", data.turnId, data.threadId, "keep", view satisfies TurnView)
  }
  const { answer: _a, by: _b, reason: _r, ...view } = data
  return put("request", data.requestId, data.threadId, "keep", view satisfies RequestView)
}

const requestRows = (before: ThreadState, after: ThreadState, event: DomainEvent): ReadonlyArray<Change> => {
  switch (event.type) {
    case "request.opened": {
      const { requestId, threadId, turnId } = event.data
      const request = after.requests[requestId]
      if (request === undefined) return none
      const view = requestView(threadId, requestId, request, "open")
      return [
        put("request", requestId, threadId, "keep", view),
        put("request-open", requestId, threadId, "keep", view),
        ...openTurnRow(after, turnId)
      ]
    }
    case "request.answered":
    case "request.expired":
    case "request.cancelled": {
      const { requestId, threadId, turnId } = event.data
      const request = before.requests[requestId]
      if (request === undefined) return none
      const status = event.type.slice("request.".length) as RequestView["status"]
      return [
        put("request", requestId, threadId, "keep", requestView(threadId, requestId, request, status)),
        remove("request-open", requestId),
        ...openTurnRow(after, turnId)
      ]
    }
    default:
      return none
  }
}

const detailRows = (
  before: ThreadState | undefined,
  event: DomainEvent,
  after: ThreadState,
  at: string
): ReadonlyArray<Change> => {
  if (before === undefined) return none
  switch (event.type) {
    case "turn.requested":
    case "turn.edited": {
      const queued = after.queue.find((turn) => turn.turnId === event.data.turnId)
      return queued === undefined ? none : [turnRow(queuedView(after.threadId, queued.turnId, queued))]
    }
    case "turn.requeued": {
      const turn = before.turns[event.data.turnId]
      return turn === undefined ? none : [turnRow({ ...turnView(before, turn), status: "queued" })]
    }
    case "turn.dispatched":
    case "turn.started":
    case "turn.updated":
      return openTurnRow(after, event.data.turnId)
    case "turn.completed":
    case "turn.interrupted":
    case "turn.failed":
      return [terminalRow(before, event, at)]
    case "turn.imported":
    case "item.imported":
    case "request.imported":
      return [importedRow(event)]
    case "item.started":
      return [itemRow(event.data, "open")]
    case "item.completed":
    case "item.amended":
      return [itemRow(event.data, event.data.status)]
    default:
      return requestRows(before, after, event)
  }
}

/** Row changes of one event of a thread's stream. */
export const projectThread = (
  before: ThreadState | undefined,
  event: DomainEvent,
  after: ThreadState | undefined,
  at: string
): ReadonlyArray<Change> => {
  if (after === undefined || event.type === "item.delta" || event.type === "provider.event") return none
  const details = detailRows(before, event, after, at)
  return touchesThread(event.type) ? [...threadRows(before, after), ...details] : details
}
