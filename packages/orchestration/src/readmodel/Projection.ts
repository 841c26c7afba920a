/**
 * project(before, event, after) → row changes: the read models as data. Pure; the log applies them inside the append's transaction (L11).
 * `Collections` lists the rows.
 *
 * `item.delta` changes no row: constant work per delta (L10).
 */
import type { DomainEvent } from "@millrace/contracts/Event"
import type { Imported } from "@millrace/contracts/Import"
import type { TurnView } from "@millrace/contracts/State"
import * as Item from "@millrace/model/Item"
import * as Request from "@millrace/model/Request"
import * as Thread from "@millrace/model/Thread"
import * as Turn from "@millrace/model/Turn"
import { type Change, type Put, put, remove, removeChildren } from "./RowChanges.ts"
import { type ProjectState, projectView } from "../state/ProjectState.ts"
import * as Collections from "./Collections.ts"
import { toRow } from "./ThreadRow.ts"
import { isLive, type ThreadState, threadView } from "../state/ThreadState.ts"

const none: ReadonlyArray<Change> = []

/** Row changes of one event of a project. */
export const projectProject = (before: ProjectState | undefined, after: ProjectState | undefined): ReadonlyArray<Change> => {
  if (after === undefined || before === after) return none
  const state = put(Collections.projectState, after.projectId, "", "keep", after)
  if (after.deleted) return [state, remove(Collections.project, after.projectId), remove(Collections.projectByCwd, after.cwd)]
  return before === undefined
    ? [
        state,
        put(Collections.project, after.projectId, "", "keep", projectView(after)),
        put(Collections.projectByCwd, after.cwd, "", "keep", after.projectId)
      ]
    : before.title === after.title && before.env === after.env && before.setup === after.setup
      ? [state]
      : [state, put(Collections.project, after.projectId, "", "keep", projectView(after))]
}

const threadRows = (before: ThreadState | undefined, after: ThreadState): Array<Change> => {
  const { threadId } = after
  const rows: Array<Change> = [put(Collections.threadState, threadId, "", "bump", toRow(after))]
  if (after.deleted)
    rows.push(
      remove(Collections.thread, threadId),
      remove(Collections.threadArchived, threadId),
      ...Collections.ofThread.map((collection) => removeChildren(collection, threadId))
    )
  else {
    if (before !== undefined && before.archived !== after.archived)
      rows.push(remove(before.archived ? Collections.threadArchived : Collections.thread, threadId))
    rows.push(
      put(after.archived ? Collections.threadArchived : Collections.thread, threadId, after.projectId, "bump", threadView(after))
    )
  }
  const { createdAt: at, parentThreadId } = after
  if (parentThreadId !== undefined && before === undefined)
    rows.push(put(Collections.child, threadId, parentThreadId, "keep", { threadId, parentThreadId, at }))
  if (after.deleted && before?.parentThreadId !== undefined) rows.push(remove(Collections.child, threadId))
  const live = isLive(after)
  if (live !== (before !== undefined && isLive(before)))
    rows.push(live ? put(Collections.live, threadId, "", "keep", true) : remove(Collections.live, threadId))
  const { continuation: plan } = after
  if (plan !== before?.continuation)
    rows.push(
      plan === undefined
        ? remove(Collections.timer, threadId)
        : put(Collections.timer, threadId, "", "keep", { threadId, turnId: plan.turnId, at: plan.at })
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
    rows.push(remove(Collections.timer, before.goalId))
  if (goal !== undefined && at !== undefined && !(same && wakesAt(before) === at))
    rows.push(put(Collections.timer, goal.goalId, "", "keep", { threadId, goalId: goal.goalId, at }))
  return rows
}

const turnRow = (view: TurnView): Change => put(Collections.turn, view.turnId, view.threadId, "keep", view)

const openTurnRow = (state: ThreadState, turnId: string): ReadonlyArray<Change> => {
  const turn = state.turns[turnId] ?? state.queue.find((queued) => queued.turnId === turnId)
  return turn === undefined ? none : [turnRow(Turn.view(turn))]
}

const terminalRow = (before: ThreadState, event: Turn.TerminalEvent, at: string): Change => {
  const { turnId } = event.data
  const known = before.turns[turnId] ?? before.queue.find((turn) => turn.turnId === turnId)
  return turnRow(Turn.apply(Turn.view(known ?? Turn.unrequested(event.data, at)), event, at))
}

/** The row of an imported piece. */
export const importedRow = (event: Imported): Put => {
  const { threadId } = event.data
  if (event.type === "item.imported") return put(Collections.item, event.data.itemId, threadId, "keep", event.data)
  if (event.type === "turn.imported") return put(Collections.turn, event.data.turnId, threadId, "keep", Turn.imported(event.data))
  return put(Collections.request, event.data.requestId, threadId, "keep", Request.imported(event.data))
}

const requestRows = (before: ThreadState, after: ThreadState, event: DomainEvent): ReadonlyArray<Change> => {
  if (event.type === "request.opened" || event.type === "request.held" || event.type === "request.repeated") {
    const { requestId, threadId, turnId } = event.data
    const request = after.requests[requestId]
    if (request === undefined) return none
    return [
      put(Collections.request, requestId, threadId, "keep", request),
      put(Collections.requestOpen, requestId, threadId, "keep", request),
      ...openTurnRow(after, turnId)
    ]
  }
  const settlement = Request.settlement(event)
  const request = settlement === undefined ? undefined : before.requests[settlement.requestId]
  if (settlement === undefined || request === undefined) return none
  const { requestId, threadId, turnId } = request
  return [
    put(Collections.request, requestId, threadId, "keep", { ...request, status: settlement.status }),
    remove(Collections.requestOpen, requestId),
    ...openTurnRow(after, turnId)
  ]
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
    case "turn.edited":
    case "turn.requeued":
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
    case "item.completed":
    case "item.amended": {
      const item = Item.apply(undefined, event)
      return item === undefined ? none : [put(Collections.item, item.itemId, item.threadId, "keep", item)]
    }
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
  return Thread.isSummarised(event.type) ? [...threadRows(before, after), ...details] : details
}
