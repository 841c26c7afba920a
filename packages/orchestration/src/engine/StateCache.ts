/**
 * The engine's folded state: live threads always, others on demand and evicted beyond `idle`. Its size does not grow with the number of threads ever made.
 * `rollback` undoes the changes of a batch until `commit`.
 */
import type { Command } from "@millrace/contracts/Command"
import type { ProjectId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { RequestView } from "@millrace/contracts/Item"
import type { TurnView } from "@millrace/contracts/State"
import type { View } from "@millrace/log/EventLog"
import type { DataOf } from "@millrace/contracts/Event"
import type { Draft, StateReader } from "../decide/Draft.ts"
import { type Bounds, Places, unbounded } from "./Places.ts"
import type { ProjectState } from "../state/ProjectState.ts"
import * as ThreadRow from "../readmodel/ThreadRow.ts"
import { isLive, type ThreadState } from "../state/ThreadState.ts"

/** Names the rows that must be loaded to decide a command or a fact. */
export type Needed =
  | { readonly command: Command; readonly directory: string | undefined }
  | { readonly threadId: ThreadId; readonly projectId?: ProjectId }

export class StateCache implements StateReader {
  private readonly threads = new Map<ThreadId, ThreadState>()
  private readonly projects = new Map<ProjectId, ProjectState>()
  private readonly cwds = new Map<string, ProjectId>()
  private readonly requests = new Map<RequestId, ThreadId>()
  private readonly turns = new Map<TurnId, ThreadId>()
  private undo: Array<() => void> = []
  private readonly idle: number
  readonly places: Places

  constructor(idle: number, bounds: Bounds = unbounded) {
    this.idle = idle
    this.places = new Places(bounds)
  }

  readonly waiting = (state: ThreadState, now: number) => this.places.waiting(state, now)

  /** Why the next turn of a thread does not start; `undefined`: it waits neither for a place nor for a usage limit to end. */
  waitingOf(threadId: ThreadId, now: number) {
    return this.places.waitingOf(threadId, this.threads.get(threadId), now)
  }

  readonly thread = (id: ThreadId) => this.threads.get(id)
  readonly project = (id: ProjectId) => this.projects.get(id)
  readonly projectAt = (cwd: string) => this.cwds.get(cwd)
  readonly threadOfRequest = (id: RequestId) => this.requests.get(id)
  readonly knowsTurn = (threadId: ThreadId, turnId: TurnId) => this.turns.get(turnId) === threadId

  /** Whether rows must be read from the log before this is decided. */
  isMissing(needed: Needed): boolean {
    if ("threadId" in needed)
      return !this.threads.has(needed.threadId) || (needed.projectId !== undefined && !this.projects.has(needed.projectId))
    const { command } = needed
    switch (command.type) {
      case "turn.start":
      case "thread.rename":
      case "thread.archive":
      case "thread.unarchive":
      case "session.stop":
        return !this.threads.has(command.threadId)
      default:
        return true
    }
  }

  private loadThread(view: View, id: ThreadId): void {
    if (this.threads.has(id)) return
    const state = ThreadRow.load(view, id)
    if (state === undefined) return
    this.threads.set(id, state)
    this.places.note(id, state)
  }

  private loadProject(view: View, id: ProjectId): void {
    if (this.projects.has(id)) return
    const row = view.row("project-state", id)
    if (row !== undefined) this.projects.set(id, row.value as ProjectState)
  }

  private loadCwd(view: View, cwd: string): void {
    const known = this.cwds.get(cwd)
    const id = known ?? (view.row("project-by-cwd", cwd)?.value as ProjectId | undefined)
    if (id === undefined) return
    this.cwds.set(cwd, id)
    this.loadProject(view, id)
  }

  /** Loads the rows that deciding this needs. */
  load(view: View, needed: Needed): void {
    if ("threadId" in needed) {
      if (needed.projectId !== undefined) this.loadProject(view, needed.projectId)
      return this.loadThread(view, needed.threadId)
    }
    const { command, directory } = needed
    if (directory !== undefined) this.loadCwd(view, directory)
    if ("projectId" in command && command.projectId !== undefined) this.loadProject(view, command.projectId)
    if ("threadId" in command) {
      this.loadThread(view, command.threadId)
      const state = this.threads.get(command.threadId)
      if (command.type === "thread.delete" && state !== undefined) this.loadProject(view, state.projectId)
    }
    const turnIds =
      "turnIds" in command ? command.turnIds : "turnId" in command && command.turnId !== undefined ? [command.turnId] : []
    for (const turnId of turnIds) {
      const turn = view.row("turn", turnId)?.value as TurnView | undefined
      if (turn !== undefined) this.turns.set(turn.turnId, turn.threadId)
    }
    if (command.type === "request.answer") {
      const request = view.row("request", command.requestId)?.value as RequestView | undefined
      if (request === undefined) return
      this.requests.set(request.requestId, request.threadId)
      this.loadThread(view, request.threadId)
    }
  }

  private put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const before = map.get(key)
    if (before === value) return
    this.undo.push(() => {
      if (before === undefined) map.delete(key)
      else map.set(key, before)
    })
    map.delete(key)
    if (value !== undefined) map.set(key, value)
  }

  /** Applies the changes of a decision; `rollback` undoes them until `commit`. */
  apply(draft: Draft): void {
    for (const state of draft.changedThreads) {
      const { threadId } = state
      const before = this.threads.get(threadId)
      this.undo.push(() => this.places.note(threadId, before))
      this.put(this.threads, threadId, state)
      this.places.note(threadId, state)
    }
    for (const { data, type } of draft.events) this.learn(draft, type, data)
    for (const state of draft.changedProjects) {
      this.put(this.projects, state.projectId, state)
      this.put(this.cwds, state.cwd, state.deleted ? undefined : state.projectId)
    }
  }

  /** Records a provider's usage limit. A turn that completes later began before the limit: it does not lift it. */
  private learn(draft: Draft, type: string, data: unknown): void {
    if (type !== "turn.failed") return
    const { error, threadId } = data as DataOf<"turn.failed">
    const provider = draft.thread(threadId)?.provider
    const until = error.kind === "limit" ? Date.parse(error.resetAt ?? "") : Number.NaN
    if (provider !== undefined && until > Date.parse(draft.context.at)) this.undo.push(this.places.limit(provider, until))
  }

  commit(): void {
    this.undo = []
    this.requests.clear()
    this.turns.clear()
    this.evict()
  }

  rollback(): void {
    for (const step of this.undo.toReversed()) step()
    this.undo = []
  }

  /** Evicts idle threads, the least recently changed first. */
  private evict(): void {
    let over = this.threads.size - this.idle
    if (over > this.idle >> 2)
      for (const [id, state] of this.threads) {
        if (over <= 0) break
        if (isLive(state)) continue
        this.threads.delete(id)
        over--
      }
    if (this.projects.size > this.idle * 2) {
      this.projects.clear()
      this.cwds.clear()
    }
  }
}
