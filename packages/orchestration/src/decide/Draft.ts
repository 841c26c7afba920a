/**
 * The events and row changes of one decision in progress. Each event is checked against the legal transitions, folded into the state, and projected
 * to rows at once. The engine commits the draft or drops it.
 */
import type { ApprovalRules } from "@millrace/contracts/ApprovalRule"
import * as Event from "@millrace/contracts/Event"
import type { DataOf, DomainEvent, EventType } from "@millrace/contracts/Event"
import { projectStream, threadStream, type ProjectId, type RequestId, type ThreadId, type TurnId } from "@millrace/contracts/Ids"
import type { Settable } from "@millrace/contracts/Settable"
import type { TurnView, Waiting } from "@millrace/contracts/State"
import { type Blob as Named, named } from "@millrace/contracts/Blob"
import type { Blob, BlobReference } from "@millrace/log/Blob"
import type { Envelope, NewEvent, RowChange } from "@millrace/log/EventLog"
import type * as ForkPoint from "../readmodel/ForkPoint.ts"
import type { Family } from "../readmodel/Family.ts"
import type { Change } from "../readmodel/RowChanges.ts"
import type { Policy } from "../state/Continuation.ts"
import { evolve } from "../state/evolve.ts"
import { keepInto } from "../state/KeptWhole.ts"
import type { Keep } from "../state/LargeValues.ts"
import { projectProject, projectThread } from "../readmodel/Projection.ts"
import { evolveProject, projectOf, type ProjectState } from "../state/ProjectState.ts"
import { epochOf, type ThreadState } from "../state/ThreadState.ts"
import { isLegal } from "../state/Transitions.ts"

/** The state that decisions read. */
export interface StateReader {
  readonly thread: (id: ThreadId) => ThreadState | undefined
  readonly project: (id: ProjectId) => ProjectState | undefined
  readonly projectAt: (cwd: string) => ProjectId | undefined
  /** The thread of a request, open or settled. */
  readonly threadOfRequest: (id: RequestId) => ThreadId | undefined
  /** Whether the turn, in any status, belongs to that thread. */
  readonly knowsTurn: (threadId: ThreadId, turnId: TurnId) => boolean
  /** The row of a turn that the command names, as of the last commit. */
  readonly turn?: (threadId: ThreadId, turnId: TurnId) => TurnView | undefined
  /** The turn of the thread that began last, as of the last commit. Known only for the source of a `thread.fork`. */
  readonly lastTurn?: (threadId: ThreadId) => TurnId | undefined
  /** The agent's id of the last turn of this source that a fork has. Known only for the source of a `thread.fork` or `turn.retry`. */
  readonly forkPoint?: (source: ForkPoint.Source) => string | undefined
  /** The threads of a project that are not deleted, also archived ones, if the command deletes them with it. */
  readonly threadsOf: (id: ProjectId) => Iterable<ThreadId>
  /** The family of a thread, as of the command: known only for a command that creates a child of it or that stops its children. */
  readonly family?: (id: ThreadId) => Family | undefined
  /** Why the next turn of this thread cannot start now. Absent: the number of agents is not limited. */
  readonly waiting?: (state: ThreadState, now: number) => Waiting | undefined
}

/** The inputs of a decision from outside, so that the same inputs give the same events to the byte. */
export interface DecisionContext {
  /** ISO 8601 UTC. */
  readonly at: string
  /** Unique; the ids that this decision creates derive from it. */
  readonly seed: string
  /** Queued turns do not start: the server is starting or shutting down. */
  readonly paused: boolean
  /** The providers of this server, and what can be set for each. */
  readonly providers: ReadonlyMap<string, Settable>
  /** What can be set for a thread of this directory, if its agent has reported it. */
  readonly settableIn?: (provider: string, cwd: string) => Settable | undefined
  /** When and how often interrupted work is continued automatically; absent: `Continuation.defaults`. */
  readonly policy?: Policy
  /** By provider: the command line with which a person signs its agent in. */
  readonly signIn?: ReadonlyMap<string, string>
  /** The server's approval rules. */
  readonly approve?: ApprovalRules
  /** Minimum milliseconds between the starts of two turns of a goal; absent: `Goal.defaultPace`. */
  readonly goalPace?: number
}

/** The command that caused a decision and its sender (X6); empty for facts. */
export type Cause = Pick<NewEvent, "commandId" | "actor">

export class Draft {
  readonly events: Array<NewEvent> = []
  /** In order. A row that changes several times is written once. */
  readonly rows: Array<RowChange> = []
  /** The streams of deleted threads. */
  private readonly forgotten: Array<string> = []
  /** The contents that the events may name, by hash. */
  readonly blobs = new Map<string, Blob>()
  /** Takes a large value out of an event that this decision writes. */
  readonly keep: Keep = keepInto(this.blobs)
  private readonly references: Array<BlobReference> = []
  private readonly threads = new Map<ThreadId, ThreadState>()
  private readonly projects = new Map<ProjectId, ProjectState>()
  readonly state: StateReader
  readonly context: DecisionContext
  private readonly cause: Cause

  constructor(state: StateReader, context: DecisionContext, cause: Cause = {}) {
    this.state = state
    this.context = context
    this.cause = cause
  }

  thread(id: ThreadId): ThreadState | undefined {
    return this.threads.get(id) ?? this.state.thread(id)
  }

  project(id: ProjectId): ProjectState | undefined {
    return this.projects.get(id) ?? this.state.project(id)
  }

  /** Adds an event to a thread's stream. `false`: the transition is not legal now, so the event is not written (T1). */
  emit<T extends EventType>(threadId: ThreadId, type: T, data: DataOf<T>): boolean {
    const before = this.thread(threadId)
    const event = Event.make(type, data) as DomainEvent
    if (!isLegal(before, event)) return false
    const after = evolve(before, event, this.context.at, this.cause.actor)
    if (after === undefined) return false
    this.threads.set(threadId, after)
    this.refer(threadId, named(data))
    const index = this.push(threadStream(threadId), type, epochOf(after), data)
    this.addRows(projectThread(before, event, after, this.context.at), index)
    if (type === "thread.deleted") this.forgotten.push(threadStream(threadId))
    const projectId = projectOf(event, before?.projectId)
    if (projectId !== undefined) this.foldProject(projectId, event, index)
    return true
  }

  /** Keeps these blobs as long as the thread. */
  refer(threadId: ThreadId, blobs: ReadonlyArray<Named>): void {
    for (const { hash } of blobs) this.references.push({ stream: threadStream(threadId), hash })
  }

  /** Adds a delta of an open item without a transition check; changes no row. `after` is the folded state. */
  delta(after: ThreadState, data: DataOf<"item.delta">): void {
    this.threads.set(after.threadId, after)
    this.push(threadStream(after.threadId), "item.delta", epochOf(after), data)
  }

  /** Adds an event to a project's stream. */
  emitProject<T extends "project.created" | "project.updated" | "project.deleted">(type: T, data: DataOf<T>): void {
    const index = this.push(projectStream(data.projectId), type, 0, data)
    this.foldProject(data.projectId, Event.make(type, data) as DomainEvent, index)
  }

  private foldProject(projectId: ProjectId, event: DomainEvent, index: number): void {
    const before = this.project(projectId)
    const after = evolveProject(before, event, this.context.at)
    if (after === undefined) return
    this.projects.set(projectId, after)
    this.addRows(projectProject(before, after), index)
  }

  private addRows(changes: ReadonlyArray<Change>, event: number): void {
    for (const change of changes) this.rows.push(change.op === "put" ? { ...change, event } : change)
  }

  /** Returns the index of the event in `events`. */
  private push(stream: string, type: string, epoch: number, data: unknown): number {
    return this.events.push({ stream, type, at: this.context.at, epoch, ...this.cause, data }) - 1
  }

  get changedThreads(): Iterable<ThreadState> {
    return this.threads.values()
  }

  get changedProjects(): Iterable<ProjectState> {
    return this.projects.values()
  }

  get envelope(): Envelope {
    const { events, forgotten: forget, references, rows } = this
    if (references.length === 0) return { events, rows, forget }
    const blobs = references.flatMap(({ hash }) => this.blobs.get(hash) ?? [])
    return { events, rows, forget, references, blobs: [...new Set(blobs)] }
  }
}
