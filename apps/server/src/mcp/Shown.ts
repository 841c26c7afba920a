/** How tools show threads, turns and items: the fields that an agent acts on. */
import { defined } from "@millrace/contracts/Defined"
import type { ItemView, RequestView } from "@millrace/contracts/Item"
import type { ThreadView, TurnView } from "@millrace/contracts/State"
import { shortened } from "./Bounded.ts"

export const thread = (view: ThreadView) => ({
  threadId: view.threadId,
  projectId: view.projectId,
  title: view.title,
  provider: view.provider,
  status: view.status,
  cwd: view.cwd,
  archived: view.archived,
  updatedAt: view.updatedAt,
  queued: view.queuedTurnIds.length,
  ...defined({
    activeTurnId: view.activeTurnId,
    model: view.model,
    permissionMode: view.effective?.permissionMode ?? view.permissionMode,
    forkedFrom: view.forkedFrom,
    parentThreadId: view.parentThreadId,
    labels: view.labels,
    waiting: view.waiting?.message,
    requests: view.openRequestIds.length === 0 ? undefined : view.openRequestIds.slice(0, 20)
  })
})

export const turn = (view: TurnView) => ({
  turnId: view.turnId,
  threadId: view.threadId,
  status: view.status,
  requestedAt: view.requestedAt,
  ...defined({ startedAt: view.startedAt, endedAt: view.endedAt, reason: view.reason, error: view.error, usage: view.usage })
})

export const item = (view: ItemView): unknown => shortened({ ...view, threadId: undefined })

export const request = ({ ask, requestId, status, turnId }: RequestView): unknown => shortened({ requestId, turnId, status, ask })
