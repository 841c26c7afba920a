/**
 * The folded states that the engine decides on. Threads and projects are loaded on demand. Threads that are not live are evicted when there are more than
 * `idle` threads, so the size does not grow with the number of threads ever made. Until `commit`, `rollback` undoes the changes of a batch.
 */
import type { Command } from "@millrace/contracts/Command"
import { defined } from "@millrace/contracts/Defined"
import type { ProjectId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { TurnView } from "@millrace/contracts/State"
import type { Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { Effect } from "effect"
import type { DataOf } from "@millrace/contracts/Event"
import type { Draft, StateReader } from "../decide/Draft.ts"
import { type Bounds, Places, unbounded } from "./Places.ts"
import type { ProjectState } from "../state/ProjectState.ts"
import * as ForkPoint from "../readmodel/ForkPoint.ts"
import * as Family from "../readmodel/Family.ts"
import * as History from "../readmodel/History.ts"
import * as Collections from "../readmodel/Collections.ts"
import * as ThreadRow from "../readmodel/ThreadRow.ts"
import { isLive, type ThreadState } from "../state/ThreadState.ts"

/** Names the rows that must be loaded to decide a command or a fact. */
export type Needed =
  | { readonly command: Command; readonly directory: string | undefined; readonly parent?: ThreadId | undefined }
  | { readonly threadId: ThreadId; readonly projectId?: ProjectId; readonly deletes?: boolean }

/** The ids of the rows that commands and facts name. */
const idsOf = (needs: ReadonlyArray<Needed>) => {
  const ids = {
    cwds: new Set<string>(),
    projects: new Set<ProjectId>(),
    threads: new Set<ThreadId>(),
    deleted: new Set<ThreadId>(),
    purged: new Set<ProjectId>(),
    turns: new Set<TurnId>(),
    requests: new Set<RequestId>(),
    forked: new Set<ThreadId>(),
    families: new Set<ThreadId>(),
    parents: new Set<ThreadId>(),
    sources: [] as Array<ForkPoint.Source>
  }
  for (const needed of needs) {
    if ("directory" in needed && needed.directory !== undefined) ids.cwds.add(needed.directory)
    const names = "command" in needed ? needed.command : needed
    if ("command" in needed && needed.parent !== undefined) ids.parents.add(needed.parent)
    if ("type" in names && names.type === "session.stop" && names.children === true) ids.families.add(names.threadId)
    if ("projectId" in names && names.projectId !== undefined) ids.projects.add(names.projectId)
    if ("threadId" in names) ids.threads.add(names.threadId)
    if ("turnIds" in names) for (const turnId of names.turnIds) ids.turns.add(turnId)
    if ("turnId" in names && names.turnId !== undefined) ids.turns.add(names.turnId)
    if ("requestId" in names) ids.requests.add(names.requestId)
    if ("type" in names && names.type === "thread.delete") ids.deleted.add(names.threadId)
    if ("type" in names && names.type === "thread.fork") {
      ids.forked.add(names.threadId)
      ids.sources.push({ threadId: names.threadId, ...defined({ turnId: names.turnId }) })
    }
    if ("type" in names && names.type === "turn.retry") ids.sources.push({ threadId: names.threadId, before: names.turnId })
    if ("deletes" in needed) ids.deleted.add(needed.threadId)
    if ("type" in names && names.type === "project.delete" && names.purge === true) ids.purged.add(names.projectId)
  }
  return ids
}

const keyOf = ({ before, threadId, turnId }: ForkPoint.Source): string => JSON.stringify([threadId, turnId, before])

/** The threads of a project that are not deleted. */
const threadsIn = (log: Queryable, projectId: ProjectId) =>
  Effect.map(
    log.query({
      open: Query.rows(Collections.thread, { parent: projectId, limit: Number.MAX_SAFE_INTEGER }),
      archived: Query.rows(Collections.threadArchived, { parent: projectId, limit: Number.MAX_SAFE_INTEGER })
    }),
    ({ archived, open }) => [...open.rows, ...archived.rows].map(({ value }) => value.threadId)
  )

const missing = <K>(keys: Iterable<K>, known: ReadonlyMap<K, unknown>): ReadonlyArray<K> =>
  Array.from(keys).filter((key) => !known.has(key))

export class StateCache implements StateReader {
  private readonly threads = new Map<ThreadId, ThreadState>()
  private readonly projects = new Map<ProjectId, ProjectState>()
  private readonly cwds = new Map<string, ProjectId>()
  private readonly requests = new Map<RequestId, ThreadId>()
  private readonly turns = new Map<TurnId, TurnView>()
  /** The last turn that began, of each thread that a command forks. */
  private readonly lastTurns = new Map<ThreadId, TurnId>()
  private readonly forkPoints = new Map<string, string>()
  /** Of the threads whose children a command creates or stops. */
  private readonly families = new Map<ThreadId, Family.Family>()
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
  /** Complete only while a command is decided that deletes the project's threads: `load` has then read them all. */
  readonly threadsOf = (id: ProjectId) =>
    Array.from(this.threads.values()).flatMap(({ deleted, projectId, threadId }) =>
      projectId === id && !deleted ? [threadId] : []
    )
  readonly knowsTurn = (threadId: ThreadId, turnId: TurnId) => this.turns.get(turnId)?.threadId === threadId
  readonly turn = (threadId: ThreadId, turnId: TurnId) => {
    const turn = this.turns.get(turnId)
    return turn?.threadId === threadId ? turn : undefined
  }
  readonly forkPoint = (source: ForkPoint.Source) => this.forkPoints.get(keyOf(source))
  readonly family = (threadId: ThreadId) => this.families.get(threadId)
  readonly lastTurn = (threadId: ThreadId) => this.lastTurns.get(threadId)

  /** Whether rows must be read from the log before the command or fact can be decided. */
  isMissing(needed: Needed): boolean {
    if ("threadId" in needed)
      return (
        needed.deletes === true ||
        !this.threads.has(needed.threadId) ||
        (needed.projectId !== undefined && !this.projects.has(needed.projectId))
      )
    const { command } = needed
    switch (command.type) {
      case "turn.start":
      case "thread.rename":
      case "thread.archive":
      case "thread.unarchive":
      case "session.stop":
        if (command.type === "session.stop" && command.children === true) return true
        return !this.threads.has(command.threadId)
      default:
        return true
    }
  }

  /**
   * Loads the rows that the commands and facts need. The result of one query may name rows that the next query loads; all results belong to one head,
   * because only the engine appends.
   */
  readonly load = Effect.fnUntraced(function* (this: StateCache, log: Queryable, needs: ReadonlyArray<Needed>) {
    const ids = idsOf(needs)
    const { cwds, projects, requests, threads, turns } = ids
    if (cwds.size + turns.size + requests.size > 0) {
      const found = yield* log.query({
        cwds: Query.rowsByKey(Collections.projectByCwd, missing(cwds, this.cwds)),
        turns: Query.rowsByKey(Collections.turn, turns),
        requests: Query.rowsByKey(Collections.request, requests)
      })
      for (const { value } of found.turns.values()) this.turns.set(value.turnId, value)
      for (const { value } of found.requests.values()) {
        this.requests.set(value.requestId, value.threadId)
        threads.add(value.threadId)
      }
      for (const { key, value } of found.cwds.values()) this.cwds.set(key, value)
      for (const cwd of cwds) {
        const projectId = this.cwds.get(cwd)
        if (projectId !== undefined) projects.add(projectId)
      }
    }
    for (const threadId of ids.forked) {
      const last = yield* History.lastTurnOf(log, threadId)
      if (last !== undefined) this.lastTurns.set(threadId, last.turnId)
    }
    for (const threadId of [...ids.parents, ...ids.families]) {
      const family = yield* Family.load(log, threadId)
      this.families.set(threadId, family)
      threads.add(threadId)
      if (ids.families.has(threadId)) for (const id of family.descendants) threads.add(id)
    }
    for (const projectId of ids.purged) for (const threadId of yield* threadsIn(log, projectId)) threads.add(threadId)
    yield* this.loadStates(log, threads, projects)
    for (const source of ids.sources) {
      if (this.threads.get(source.threadId)?.capabilities.includes("fork-at") !== true) continue
      const found = yield* ForkPoint.find(log, source)
      if (found !== undefined) this.forkPoints.set(keyOf(source), found)
    }
    // Deleting a thread changes its project.
    const owners = Array.from(ids.deleted, (threadId) => this.threads.get(threadId)?.projectId ?? [])
    yield* this.loadStates(log, [], owners.flat())
  })

  private readonly loadStates = Effect.fnUntraced(function* (
    this: StateCache,
    log: Queryable,
    threads: Iterable<ThreadId>,
    projects: Iterable<ProjectId>
  ) {
    const keys = { threads: missing(threads, this.threads), projects: missing(projects, this.projects) }
    if (keys.threads.length + keys.projects.length === 0) return
    const found = yield* log.query({
      threads: Query.rowsByKey(Collections.threadState, keys.threads),
      projects: Query.rowsByKey(Collections.projectState, keys.projects)
    })
    for (const { value } of found.projects.values()) this.projects.set(value.projectId, value)
    const rows = Array.from(found.threads.values(), ({ value }) => value)
    for (const state of yield* ThreadRow.load(log, rows)) {
      this.threads.set(state.threadId, state)
      this.places.note(state.threadId, state)
    }
  })

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
    for (const { data, type } of draft.events) this.recordChild(type, data)
    for (const { data, type } of draft.events) this.recordLimit(draft, type, data)
    for (const state of draft.changedProjects) {
      this.put(this.projects, state.projectId, state)
      this.put(this.cwds, state.cwd, state.deleted ? undefined : state.projectId)
    }
  }

  /** Adds a child to the families that a later command of the batch reads. */
  private recordChild(type: string, data: unknown): void {
    if (type !== "thread.created" || this.families.size === 0) return
    const { parentThreadId, threadId } = data as DataOf<"thread.created">
    const at = this.threads.get(threadId)?.createdAt
    if (parentThreadId === undefined || at === undefined) return
    // A copy: each change moves its entry to the end of the map.
    for (const [id, family] of Array.from(this.families)) {
      const isOfTree =
        id === parentThreadId ||
        family.members.some((one) => one.threadId === parentThreadId || one.parentThreadId === parentThreadId)
      if (!isOfTree) continue
      const members = [...family.members, { threadId, parentThreadId, at }]
      this.put(this.families, id, { ...family, members, descendants: Family.within(members, id) })
    }
  }

  /** Records a provider's usage limit. A turn that completes after it does not lift the limit: that turn may have begun before. */
  private recordLimit(draft: Draft, type: string, data: unknown): void {
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
    this.lastTurns.clear()
    this.forkPoints.clear()
    this.families.clear()
    this.evict()
  }

  rollback(): void {
    for (const step of this.undo.toReversed()) step()
    this.undo = []
  }

  /** Evicts idle threads, the least recently changed first. */
  private evict(): void {
    let excess = this.threads.size - this.idle
    if (excess > this.idle >> 2)
      for (const [id, state] of this.threads) {
        if (excess <= 0) break
        if (isLive(state)) continue
        this.threads.delete(id)
        excess--
      }
    if (this.projects.size > this.idle * 2) {
      this.projects.clear()
      this.cwds.clear()
    }
  }
}
