/**
 * The events of one decision, while it is made: each is checked against the legal transitions, folded at once, and projected.
 * Local to a decision; the engine takes what is in it, or throws it away.
 */
import * as Event from "@millrace/contracts/Event"
import type { DataOf, DomainEvent, EventType } from "@millrace/contracts/Event"
import { projectStream, threadStream, type ProjectId, type RequestId, type ThreadId, type TurnId } from "@millrace/contracts/Ids"
import type { Waiting } from "@millrace/contracts/State"
import type { Envelope, NewEvent, RowChange } from "@millrace/log/EventLog"
import type { Change } from "./Changes.ts"
import type { Policy } from "./Continuation.ts"
import { evolve } from "./evolve.ts"
import { projectProject, projectThread } from "./Projection.ts"
import { evolveProject, projectOf, type ProjectState } from "./ProjectState.ts"
import { epochOf, type ThreadState } from "./ThreadState.ts"
import { isLegal } from "./Transitions.ts"

/** The state that decisions are made on. */
export interface World {
  readonly thread: (id: ThreadId) => ThreadState | undefined
  readonly project: (id: ProjectId) => ProjectState | undefined
  readonly projectAt: (cwd: string) => ProjectId | undefined
  /** The thread of any request ever opened. */
  readonly threadOfRequest: (id: RequestId) => ThreadId | undefined
  /** Whether the turn was ever requested or begun in that thread. */
  readonly knowsTurn: (threadId: ThreadId, turnId: TurnId) => boolean
  /** Why the next turn of this thread cannot start now; absent: agents are not bounded. */
  readonly waiting?: (state: ThreadState, now: number) => Waiting | undefined
}

/** What a decision takes from outside, so that the same inputs give the same events to the byte. */
export interface Moment {
  /** ISO 8601 UTC. */
  readonly at: string
  /** Unique; ids that this decision mints are made from it. */
  readonly seed: string
  /** The queue waits: the server goes down. */
  readonly hold: boolean
  /** The providers of this server. */
  readonly providers: ReadonlySet<string>
  /** How far work that was cut off goes on by itself; absent: `Continuation.defaults`. */
  readonly policy?: Policy
  /** Milliseconds between the beginnings of two turns of a goal, at least; absent: `Goal.defaultPace`. */
  readonly goalPace?: number
}

/** The command behind a decision and who gave it (X6); nothing for what agents and the server itself do. */
export type Cause = Pick<NewEvent, "commandId" | "actor">

export class Draft {
  readonly events: Array<NewEvent> = []
  /** In order; the log writes a row that changes many times once. */
  readonly rows: Array<RowChange> = []
  private readonly threads = new Map<ThreadId, ThreadState>()
  private readonly projects = new Map<ProjectId, ProjectState>()
  readonly world: World
  readonly moment: Moment
  private readonly cause: Cause

  constructor(world: World, moment: Moment, cause: Cause = {}) {
    this.world = world
    this.moment = moment
    this.cause = cause
  }

  thread(id: ThreadId): ThreadState | undefined {
    return this.threads.get(id) ?? this.world.thread(id)
  }

  project(id: ProjectId): ProjectState | undefined {
    return this.projects.get(id) ?? this.world.project(id)
  }

  /** Adds an event of a thread's stream. `false`: not legal now, so it is not written (T1). */
  emit<T extends EventType>(threadId: ThreadId, type: T, data: DataOf<T>): boolean {
    const before = this.thread(threadId)
    const event = Event.make(type, data) as DomainEvent
    if (!isLegal(before, event)) return false
    const after = evolve(before, event, this.moment.at, this.cause.actor)
    if (after === undefined) return false
    this.threads.set(threadId, after)
    const place = this.push(threadStream(threadId), type, epochOf(after), data)
    this.change(projectThread(before, event, after, this.moment.at), place)
    const projectId = projectOf(event, after.projectId)
    if (projectId !== undefined) this.count(projectId, event, place)
    return true
  }

  /** A delta of an open item: no legality to look up beyond that, no row. `after` is the folded state. */
  delta(after: ThreadState, data: DataOf<"item.delta">): void {
    this.threads.set(after.threadId, after)
    this.push(threadStream(after.threadId), "item.delta", epochOf(after), data)
  }

  /** Adds an event of a project's stream. */
  emitProject<T extends "project.created" | "project.updated" | "project.deleted">(type: T, data: DataOf<T>): void {
    const place = this.push(projectStream(data.projectId), type, 0, data)
    this.count(data.projectId, Event.make(type, data) as DomainEvent, place)
  }

  private count(projectId: ProjectId, event: DomainEvent, place: number): void {
    const before = this.project(projectId)
    const after = evolveProject(before, event, this.moment.at)
    if (after === undefined) return
    this.projects.set(projectId, after)
    this.change(projectProject(before, after), place)
  }

  private change(changes: ReadonlyArray<Change>, event: number): void {
    for (const change of changes) this.rows.push(change.op === "put" ? { ...change, event } : change)
  }

  private push(stream: string, type: string, epoch: number, data: unknown): number {
    return this.events.push({ stream, type, at: this.moment.at, epoch, ...this.cause, data }) - 1
  }

  get changedThreads(): Iterable<ThreadState> {
    return this.threads.values()
  }

  get changedProjects(): Iterable<ProjectState> {
    return this.projects.values()
  }

  get envelope(): Envelope {
    return { events: this.events, rows: this.rows }
  }
}
