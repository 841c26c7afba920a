/**
 * The state that the views of a front end share: projects, threads with their status, requests. It starts as a snapshot of the server
 * (`GET /api/state`), and `apply` adds the events after the snapshot. The fold from any offset equals the snapshot at the head. The state is plain data,
 * cloneable and immutable: an event replaces only the values that it changes.
 *
 * ```ts
 * let state = AppState.fromSnapshot(snapshot)
 * // Follow the log after `state.offset`, and for each event:
 * state = AppState.apply(state, event)
 * ```
 */
import type { DomainEvent, LogEvent } from "@millrace/contracts/Event"
import { domainEvent } from "@millrace/contracts/EventTypes"
import type { ProjectId, RequestId, ThreadId } from "@millrace/contracts/Ids"
import type { RequestView } from "@millrace/contracts/Item"
import type { ProjectView, Snapshot, ThreadView } from "@millrace/contracts/State"
import * as Project from "./Project.ts"
import * as Request from "./Request.ts"
import * as Thread from "./Thread.ts"

/** A settled request and its outcome, for the views that still show it. The first answer wins (T13). */
export interface Settled extends Omit<Request.Settlement, "requestId" | "status"> {
  /** The request as it was while it was open. */
  readonly request: RequestView
}

export interface AppState {
  /** Version of this type. Ignore a saved value of another version (`isAppState`). */
  readonly shape: 1
  readonly logEpoch: string
  readonly offset: number
  /** Whether the server has more threads than these. */
  readonly more: boolean
  readonly projects: Readonly<Record<ProjectId, ProjectView>>
  /** Threads that were not archived when the snapshot was read. */
  readonly threads: Readonly<Record<ThreadId, Thread.Thread>>
  readonly requests: Readonly<Record<RequestId, RequestView>>
  /** The last 50 settled requests, oldest first. */
  readonly settled: ReadonlyArray<Settled>
}

const maxSettled = 50

/** Whether a value that was saved is a state of this version. */
export const isAppState = (value: unknown): value is AppState =>
  typeof value === "object" && value !== null && "shape" in value && value.shape === 1

const by = <K extends string, A>(all: ReadonlyArray<A>, key: (one: A) => K): Record<K, A> =>
  Object.fromEntries(all.map((one) => [key(one), one])) as Record<K, A>

/** The thread of an answer, without the fields that no event carries and that would not change any more: `agent`, `alongside` and `effective`. */
const threadOf = (shown: ThreadView): Thread.Thread => {
  const { agent: _agent, alongside: _alongside, effective: _, ...thread } = shown
  return { ...thread, failed: thread.status === "failed" || thread.lastTurnFailed === true }
}

/** The state of a snapshot. */
export const fromSnapshot = (snapshot: Snapshot): AppState => ({
  shape: 1,
  logEpoch: snapshot.logEpoch,
  offset: snapshot.offset,
  more: snapshot.more,
  projects: by(snapshot.projects, ({ projectId }) => projectId),
  threads: by(snapshot.threads.map(threadOf), ({ threadId }) => threadId),
  requests: by(snapshot.requests, ({ requestId }) => requestId),
  settled: []
})

/** The record with this value, or without the key if the value is `undefined`. Returns the same record if nothing changes. */
const set = <K extends string, A>(record: Readonly<Record<K, A>>, key: K, value: A | undefined): Readonly<Record<K, A>> => {
  if (record[key] === value) return record
  if (value !== undefined) return { ...record, [key]: value }
  const { [key]: _, ...rest } = record
  return rest as Record<K, A>
}

const applyRequest = (state: AppState, event: DomainEvent, at: string): AppState => {
  if (event.type === "request.opened")
    return { ...state, requests: set(state.requests, event.data.requestId, Request.opened(event.data, at)) }
  if (event.type === "request.held" || event.type === "request.repeated") {
    const known = state.requests[event.data.requestId]
    if (known === undefined) return state
    return { ...state, requests: set(state.requests, known.requestId, Request.changed(known, event)) }
  }
  const settlement = Request.settlement(event)
  if (settlement === undefined) return state
  const { requestId, status: _, ...how } = settlement
  const request = state.requests[requestId]
  if (request === undefined) return state
  const settled = [...state.settled, { request, ...how }].slice(-maxSettled)
  return { ...state, requests: set(state.requests, requestId, undefined), settled }
}

/** The state without the open and settled requests of a deleted thread. */
const withoutRequestsOf = (state: AppState, threadId: ThreadId): AppState => ({
  ...state,
  requests: by(
    Object.values(state.requests).filter((request) => request.threadId !== threadId),
    ({ requestId }) => requestId
  ),
  settled: state.settled.filter(({ request }) => request.threadId !== threadId)
})

const applyThread = (state: AppState, event: DomainEvent, at: string): AppState => {
  if (!("threadId" in event.data)) return state
  const { threadId } = event.data
  const known = state.threads[threadId]
  const next =
    event.type === "thread.created"
      ? Thread.make(event.data, at)
      : event.type === "thread.deleted" || known === undefined
        ? undefined
        : Thread.apply(known, event, at)
  const changed = { ...state, threads: set(state.threads, threadId, next) }
  return event.type === "thread.deleted" ? withoutRequestsOf(changed, threadId) : applyRequest(changed, event, at)
}

/** Applies one event. An event at or below the offset changes nothing. An event that the state does not show, such as a delta, only advances the offset. */
export const apply = (state: AppState, event: LogEvent): AppState => {
  if (event.offset <= state.offset) return state
  const here = { ...state, offset: event.offset }
  if (event.type === "item.delta") return here
  const known = domainEvent(event)
  if (known.type !== "project.created" && known.type !== "project.updated" && known.type !== "project.deleted")
    return applyThread(here, known, event.at)
  const { projectId } = known.data
  return { ...here, projects: set(here.projects, projectId, Project.apply(here.projects[projectId], known, event.at)) }
}

export const applyAll = (state: AppState, events: ReadonlyArray<LogEvent>): AppState => events.reduce(apply, state)
