/**
 * The folded state of a thread as a row. The row is small: large values (prompts, asks, item contents) are stored only in the rows of turns, requests
 * and items, from which `load` restores them. A delta does not write the row.
 */
import type { ApprovalRules } from "@millrace/contracts/ApprovalRule"
import { bare } from "@millrace/contracts/Attachment"
import { defined } from "@millrace/contracts/Defined"
import type { LogEvent } from "@millrace/contracts/Event"
import { threadStream, type TurnId } from "@millrace/contracts/Ids"
import type { Failure, RequestView } from "@millrace/contracts/Item"
import type { AfterLimit, Continuation as Plan, RecoveryPolicy, TurnView } from "@millrace/contracts/State"
import type { LogUnavailable, Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import type { Row } from "@millrace/log/Query"
import { Effect } from "effect"
import { given, type Labelled } from "@millrace/contracts/Labels"
import { differing, type Settings, settingsOf } from "@millrace/contracts/Settings"
import * as Thread from "@millrace/model/Thread"
import * as Turn from "@millrace/model/Turn"
import * as Continuation from "../state/Continuation.ts"
import * as Collections from "./Collections.ts"
import { openTexts } from "./OpenTexts.ts"
import type { OpenItem, OpenTurn, QueuedTurn, ThreadState } from "../state/ThreadState.ts"
import type { ItemView } from "@millrace/contracts/Item"
import * as OpenText from "../state/OpenText.ts"
import * as RecentIds from "../state/RecentIds.ts"

export interface ThreadRow
  extends
    Labelled,
    Settings,
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
  readonly approve?: ApprovalRules
  /** The continuation without its prompt, which `load` derives from the interrupted turn. */
  readonly continuation?: Plan
  readonly goal?: NonNullable<ThreadState["goal"]>
  readonly handedFrom?: string
  readonly parked?: NonNullable<ThreadState["parked"]>
  /** The settings of the live session, if the thread's have changed since. */
  readonly given?: Settings
  readonly session?: ThreadState["session"]
  readonly resumeKey?: string
  readonly forkedFrom?: NonNullable<ThreadState["forkedFrom"]>
  readonly parentThreadId?: NonNullable<ThreadState["parentThreadId"]>
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
  readonly kept?: ThreadState["kept"]
  readonly background?: ReadonlyArray<string>
  readonly keepSession?: false
  readonly exclusive?: true
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
  ...defined({ interruptReason, claim })
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
  ...settingsOf(state),
  ...(differing(state.given, state).length === 0 ? {} : { given: state.given }),
  ...defined({
    session: state.session,
    resumeKey: state.resumeKey,
    forkedFrom: state.forkedFrom,
    parentThreadId: state.parentThreadId
  }),
  ...(state.stopping === undefined ? {} : { stopRequested: { reason: state.stopping, error: state.stopError } }),
  ...defined({ recovery: state.recovery, afterLimit: state.afterLimit, approve: state.approve }),
  ...given(state),
  ...(state.continuation === undefined ? {} : { continuation: Thread.continuationOf(state.continuation) }),
  ...defined({ goal: state.goal, handedFrom: state.handedFrom, parked: state.parked }),
  turns: Object.values(state.turns).map(turnRow),
  queue: state.queue.map(({ turnId, shown }) => ({ turnId, shown })),
  items: Object.keys(state.items),
  requests: Object.keys(state.requests),
  ...(state.kept.length === 0 ? {} : { kept: state.kept }),
  ...(state.background.length === 0 ? {} : { background: state.background }),
  ...(state.keepSession ? {} : { keepSession: false as const }),
  ...defined({ exclusive: state.exclusive })
})

type Turns = ReadonlyMap<string, Row<TurnView>>

/** Restores a continuation's prompt, action and attachments from the row of the interrupted turn. */
const restorePlan = (turns: Turns, plan: Plan): ThreadState["continuation"] => {
  const turn = turns.get(plan.turnId)?.value
  return {
    ...plan,
    text: Continuation.textOf(plan.because, turn ?? { text: "", origin: "user" }),
    action: turn?.action,
    ...defined({ attachments: turn?.attachments?.map(bare) })
  }
}

/** The sender of the last queued turn of each thread, from its event. */
const senders = (log: Queryable, turns: Turns, rows: ReadonlyArray<ThreadRow>) => {
  const requests = rows.flatMap(({ queue, threadId }) => {
    const last = turns.get(queue.at(-1)?.turnId ?? "")
    if (last === undefined) return []
    return [[threadId, Query.events({ after: last.rank - 1, stream: threadStream(threadId), limit: 1 })] as const]
  })
  if (requests.length === 0) return Effect.succeed(new Map<string, string | undefined>())
  return Effect.map(log.query(Object.fromEntries(requests)), (pages) => {
    const senderOf = (threadId: string) => {
      const json = pages[threadId]?.events[0]?.json
      return json === undefined ? undefined : (JSON.parse(json) as LogEvent).actor
    }
    return new Map(requests.map(([threadId]) => [threadId as string, senderOf(threadId)]))
  })
}

const noRows: Stored = { head: 0, turns: new Map(), requests: new Map(), items: new Map() }

/**
 * The states of threads from their rows. The number of queries does not depend on the number of threads, except for threads with open items. The queries
 * are consistent only while nothing else writes the threads: call it from the engine, which is the only writer.
 */
export const load = (log: Queryable, rows: ReadonlyArray<ThreadRow>): Effect.Effect<ReadonlyArray<ThreadState>, LogUnavailable> =>
  Effect.gen(function* () {
    const turnIds = rows.flatMap((row) =>
      [...row.turns, ...row.queue, ...(row.continuation === undefined ? [] : [row.continuation])].map(({ turnId }) => turnId)
    )
    const requestIds = rows.flatMap(({ requests }) => requests)
    const itemIds = rows.flatMap(({ items }) => items)
    const stored: Stored =
      turnIds.length + requestIds.length + itemIds.length === 0
        ? noRows
        : yield* log.query({
            turns: Query.rowsByKey(Collections.turn, turnIds),
            requests: Query.rowsByKey(Collections.request, requestIds),
            items: Query.rowsByKey(Collections.item, itemIds)
          })
    const actors = yield* senders(log, stored.turns, rows)
    const states: Array<ThreadState> = []
    for (const row of rows) {
      const opened = row.items.flatMap((id) => stored.items.get(id) ?? [])
      const texts =
        opened.length === 0
          ? new Map<string, OpenText.OpenText>()
          : yield* openTexts(log, stored.head, row.threadId, opened, Number.MAX_SAFE_INTEGER)
      states.push(stateOf(row, stored, texts, actors.get(row.threadId)))
    }
    return states
  })

interface Stored {
  readonly head: number
  readonly turns: Turns
  readonly requests: ReadonlyMap<string, Row<RequestView>>
  readonly items: ReadonlyMap<string, Row<ItemView>>
}

const stateOf = (
  row: ThreadRow,
  stored: Stored,
  texts: ReadonlyMap<string, OpenText.OpenText>,
  requestedBy: string | undefined
): ThreadState => {
  const turnOf = (turnId: TurnId): TurnView =>
    stored.turns.get(turnId)?.value ?? Turn.unrequested({ threadId: row.threadId, turnId }, row.updatedAt)
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
    const known = stored.requests.get(id)?.value
    if (known !== undefined) requests[id] = known
  }
  const items: Record<string, OpenItem> = {}
  for (const id of row.items) {
    const known = stored.items.get(id)?.value
    if (known === undefined) continue
    const { itemId, threadId: _t, turnId, kind, status: _s, reason: _r, ...content } = known
    items[itemId] = { itemId, turnId, kind, content, ...(texts.get(itemId) ?? OpenText.empty) }
  }
  return {
    threadId: row.threadId,
    projectId: row.projectId,
    provider: row.provider,
    ...Thread.allSettings(row),
    title: row.title,
    cwd: row.cwd,
    archived: row.archived,
    deleted: row.deleted,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    session: row.session,
    capabilities: row.capabilities,
    given: row.given ?? settingsOf(row),
    resumeKey: row.resumeKey,
    forkedFrom: row.forkedFrom,
    parentThreadId: row.parentThreadId,
    stopping: row.stopRequested?.reason,
    stopError: row.stopRequested?.error,
    recovery: row.recovery,
    afterLimit: row.afterLimit,
    approve: row.approve,
    labels: row.labels,
    metadata: row.metadata,
    continuation: row.continuation === undefined ? undefined : restorePlan(stored.turns, row.continuation),
    goal: row.goal,
    handedFrom: row.handedFrom,
    parked: row.parked,
    failed: row.failed,
    endedTurns: RecentIds.empty,
    turns,
    queue,
    items,
    requests,
    kept: row.kept ?? [],
    background: row.background ?? [],
    activity: 0,
    requestedBy,
    keepSession: row.keepSession ?? true,
    exclusive: row.exclusive,
    keptAt: undefined
  }
}
