/**
 * The folded state of a thread as a row. Large values (prompts, asks, item contents) are stored in the rows of turns, requests and items, from which
 * `hydrate` restores them. So the row is small, and a delta never writes it.
 */
import type { LogEvent } from "@millrace/contracts/Event"
import { threadStream, type TurnId } from "@millrace/contracts/Ids"
import type { Failure, RequestView } from "@millrace/contracts/Item"
import type { AfterLimit, Continuation as Plan, RecoveryPolicy, TurnView } from "@millrace/contracts/State"
import type { Row, View } from "@millrace/log/EventLog"
import { given, type Labelled } from "@millrace/contracts/Labels"
import * as Thread from "@millrace/model/Thread"
import * as Turn from "@millrace/model/Turn"
import * as Continuation from "../state/Continuation.ts"
import { openTexts } from "./OpenTexts.ts"
import type { OpenItem, OpenTurn, QueuedTurn, ThreadState } from "../state/ThreadState.ts"
import type { ItemView } from "@millrace/contracts/Item"
import * as OpenText from "../state/OpenText.ts"
import * as RecentIds from "../state/RecentIds.ts"

export interface ThreadRow
  extends
    Labelled,
    Pick<
      ThreadState,
      | "threadId"
      | "projectId"
      | "provider"
      | "title"
      | "cwd"
      | "archived"
      | "deleted"
      | "createdAt"
      | "updatedAt"
      | "capabilities"
      | "failed"
    > {
  readonly recovery?: RecoveryPolicy
  readonly afterLimit?: AfterLimit
  /** Its prompt is derived again from the interrupted turn. */
  readonly continuation?: Plan
  readonly goal?: NonNullable<ThreadState["goal"]>
  readonly handedFrom?: string
  readonly parked?: NonNullable<ThreadState["parked"]>
  readonly model?: string
  readonly session?: ThreadState["session"]
  readonly resumeKey?: string
  readonly forkedFrom?: NonNullable<ThreadState["forkedFrom"]>
  /** The requested stop of the live session. */
  readonly stopRequested?: { readonly reason: string; readonly error?: Failure | undefined }
  readonly turns: ReadonlyArray<
    Pick<OpenTurn, "turnId" | "epoch" | "origin" | "stage" | "interruptRequested"> & {
      readonly interruptReason?: string
      readonly claim?: NonNullable<OpenTurn["claim"]>
    }
  >
  readonly queue: ReadonlyArray<Pick<QueuedTurn, "turnId" | "shown">>
  readonly items: ReadonlyArray<string>
  readonly requests: ReadonlyArray<string>
  readonly background?: ReadonlyArray<string>
  readonly keepSession?: false
}

const turnRow = ({
  turnId,
  epoch,
  origin,
  stage,
  interruptRequested,
  interruptReason,
  claim
}: OpenTurn): ThreadRow["turns"][number] => ({
  turnId,
  epoch,
  origin,
  stage,
  interruptRequested,
  ...(interruptReason === undefined ? {} : { interruptReason }),
  ...(claim === undefined ? {} : { claim })
})

export const toRow = (state: ThreadState): ThreadRow => ({
  threadId: state.threadId,
  projectId: state.projectId,
  provider: state.provider,
  title: state.title,
  cwd: state.cwd,
  archived: state.archived,
  deleted: state.deleted,
  createdAt: state.createdAt,
  updatedAt: state.updatedAt,
  capabilities: state.capabilities,
  failed: state.failed,
  ...(state.model === undefined ? {} : { model: state.model }),
  ...(state.session === undefined ? {} : { session: state.session }),
  ...(state.resumeKey === undefined ? {} : { resumeKey: state.resumeKey }),
  ...(state.forkedFrom === undefined ? {} : { forkedFrom: state.forkedFrom }),
  ...(state.stopping === undefined ? {} : { stopRequested: { reason: state.stopping, error: state.stopError } }),
  ...(state.recovery === undefined ? {} : { recovery: state.recovery }),
  ...(state.afterLimit === undefined ? {} : { afterLimit: state.afterLimit }),
  ...given(state),
  ...(state.continuation === undefined ? {} : { continuation: Thread.continuationOf(state.continuation) }),
  ...(state.goal === undefined ? {} : { goal: state.goal }),
  ...(state.handedFrom === undefined ? {} : { handedFrom: state.handedFrom }),
  ...(state.parked === undefined ? {} : { parked: state.parked }),
  turns: Object.values(state.turns).map(turnRow),
  queue: state.queue.map(({ turnId, shown }) => ({ turnId, shown })),
  items: Object.keys(state.items),
  requests: Object.keys(state.requests),
  ...(state.background.length === 0 ? {} : { background: state.background }),
  ...(state.keepSession ? {} : { keepSession: false as const })
})

const lookup = <A>(view: View, collection: string, key: string): { readonly row: Row; readonly value: A } | undefined => {
  const row = view.row(collection, key)
  return row === undefined ? undefined : { row, value: row.value as A }
}

/** The state of a thread at the view's head; `undefined` if there is no such thread. */
export const load = (view: View, threadId: string): ThreadState | undefined => {
  const found = lookup<ThreadRow>(view, "thread-state", threadId)
  return found === undefined ? undefined : hydrate(view, found.value)
}

/** Restores a continuation's prompt and action from the row of the interrupted turn. */
const planned = (view: View, plan: Plan): ThreadState["continuation"] => {
  const turn = lookup<TurnView>(view, "turn", plan.turnId)?.value
  return { ...plan, text: Continuation.textOf(plan.because, turn ?? { text: "", origin: "user" }), action: turn?.action }
}

/** The sender of the last queued turn, from its event. */
const requestedBy = (view: View, { queue, threadId }: ThreadRow): string | undefined => {
  const last = queue.at(-1)
  const found = last === undefined ? undefined : lookup<TurnView>(view, "turn", last.turnId)
  if (found === undefined) return undefined
  const [event] = view.events({ after: found.row.rank - 1, stream: threadStream(threadId), limit: 1 }).events
  return event === undefined ? undefined : (JSON.parse(event.json) as LogEvent).actor
}

const hydrate = (view: View, row: ThreadRow): ThreadState => {
  const turnOf = (turnId: TurnId): TurnView =>
    lookup<TurnView>(view, "turn", turnId)?.value ?? Turn.unrequested({ threadId: row.threadId, turnId }, row.updatedAt)
  const turns: Record<string, OpenTurn> = {}
  for (const turn of row.turns)
    turns[turn.turnId] = {
      ...turnOf(turn.turnId),
      ...turn,
      interruptReason: turn.interruptReason,
      claim: turn.claim,
      closed: RecentIds.empty
    }
  const queue = row.queue.map(({ turnId, shown }) => ({ ...turnOf(turnId), shown }))
  const requests: Record<string, RequestView> = {}
  for (const id of row.requests) {
    const known = lookup<RequestView>(view, "request", id)?.value
    if (known !== undefined) requests[id] = known
  }
  const opened = row.items.flatMap((id) => lookup<ItemView>(view, "item", id) ?? [])
  const texts = openTexts(
    view,
    row.threadId,
    opened.map(({ row, value }) => ({ itemId: value.itemId, startedAt: row.rank })),
    Number.MAX_SAFE_INTEGER
  )
  const items: Record<string, OpenItem> = {}
  for (const { value } of opened) {
    const { itemId, threadId: _t, turnId, kind, status: _s, reason: _r, ...content } = value
    items[itemId] = { itemId, turnId, kind, content, ...(texts.get(itemId) ?? OpenText.empty) }
  }
  return {
    threadId: row.threadId,
    projectId: row.projectId,
    provider: row.provider,
    model: row.model,
    title: row.title,
    cwd: row.cwd,
    archived: row.archived,
    deleted: row.deleted,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    session: row.session,
    capabilities: row.capabilities,
    resumeKey: row.resumeKey,
    forkedFrom: row.forkedFrom,
    stopping: row.stopRequested?.reason,
    stopError: row.stopRequested?.error,
    recovery: row.recovery,
    afterLimit: row.afterLimit,
    labels: row.labels,
    metadata: row.metadata,
    continuation: row.continuation === undefined ? undefined : planned(view, row.continuation),
    goal: row.goal,
    handedFrom: row.handedFrom,
    parked: row.parked,
    failed: row.failed,
    over: RecentIds.empty,
    turns,
    queue,
    items,
    requests,
    background: row.background ?? [],
    activity: 0,
    requestedBy: requestedBy(view, row),
    keepSession: row.keepSession ?? true,
    keptAt: undefined
  }
}
