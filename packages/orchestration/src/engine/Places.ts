/**
 * Limits how many agents run at once (R7). Each live session holds a place; without a free place, a thread's next turn waits. Both are derived from the
 * folded threads, so they survive a restart; only the usage limits of accounts are lost by a restart. The turn that has waited longest starts first.
 * A turn that only its own bound blocks, such as the limit of its token, does not delay the turns after it.
 * While a turn of an exclusive thread runs, no other thread's turn starts in its directory, and the other way round.
 */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Waiting } from "@millrace/contracts/State"
import { isWithin, overlap } from "@millrace/model/Directory"
import { Either } from "effect"
import { epochOf, hasLiveSession, isIdle, nextTurn, type ThreadState } from "../state/ThreadState.ts"

/** Limits on concurrent sessions; 0 = no limit. */
export interface Bounds {
  readonly agents: number
  /** Limit per token, over all threads whose last turn that token requested. */
  readonly agentsPerToken: number
  readonly agentsPerProvider: number
}

export const unbounded: Bounds = { agents: 0, agentsPerToken: 0, agentsPerProvider: 0 }

/** Key: a bound. Value: whether two threads count against the same limit of this bound. */
const shared = {
  agents: () => true,
  agentsPerToken: (a: Seat, b: Seat) => a.token === b.token,
  agentsPerProvider: (a: Seat, b: Seat) => a.provider === b.provider
} as const satisfies Record<keyof Bounds, (a: Seat, b: Seat) => boolean>
const names = ["agents", "agentsPerToken", "agentsPerProvider"] as const

/** The unit that the bounds count: a thread with its provider and the token that requested its last turn. */
interface Seat {
  readonly threadId: ThreadId
  readonly provider: string
  readonly token: string | undefined
}
/** A thread with a live session. */
interface Holder extends Seat {
  readonly epoch: number
  /** `idle`: it may be stopped to free its place. `leaving`: its stop was requested. */
  readonly status: "working" | "idle" | "leaving"
  /** ISO 8601: the last change of an idle session's thread; empty for the others. */
  readonly since: string
}
/** A thread and its directory. */
interface Worker {
  readonly threadId: ThreadId
  readonly cwd: string
  /** No turn of another thread runs in the directory at the same time. */
  readonly exclusive: boolean
}
/** A thread whose next turn has not started. */
interface Waiter extends Seat, Worker {
  /** ISO 8601: when the turn was requested. */
  readonly since: string
  /** The thread has a live session, so the turn needs no further place. */
  readonly hasPlace: boolean
}

const seatOf = ({ provider, requestedBy: token, threadId }: ThreadState): Seat => ({ threadId, provider, token })

const workerOf = ({ cwd, exclusive, threadId }: ThreadState): Worker => ({ threadId, cwd, exclusive: exclusive === true })

const holderOf = (state: ThreadState | undefined): Holder | undefined => {
  if (state === undefined || !hasLiveSession(state)) return undefined
  const status = state.stopping !== undefined ? "leaving" : isIdle(state) ? "idle" : "working"
  return { ...seatOf(state), epoch: epochOf(state), status, since: status === "idle" ? state.updatedAt : "" }
}
const waiterOf = (state: ThreadState | undefined): Waiter | undefined => {
  const next = state === undefined ? undefined : nextTurn(state)
  return state === undefined || next === undefined
    ? undefined
    : { ...seatOf(state), ...workerOf(state), since: next.requestedAt, hasPlace: hasLiveSession(state) }
}

/** Whether the turns of the two threads may not run at the same time. */
const excludes = (a: Worker, b: Worker) => (a.exclusive || b.exclusive) && a.threadId !== b.threadId && overlap(a.cwd, b.cwd)

/** Turns to start and sessions to stop. */
export interface Release {
  /** Threads whose next turn may start. */
  readonly start: ReadonlyArray<ThreadId>
  /** Idle sessions whose place another turn needs. */
  readonly stop: ReadonlyArray<{ readonly threadId: ThreadId; readonly epoch: number }>
}

/** Maximum number of threads that `alongside` returns. */
const maxAlongside = 10

/** Maximum number of turns that one release starts. The next release starts more. */
const maxStarts = 64

export class Places {
  private readonly holders = new Map<ThreadId, Holder>()
  private readonly waiters = new Map<ThreadId, Waiter>()
  /** Milliseconds since 1970 at which the usage limit of a provider's account ends. */
  private readonly limited = new Map<string, number>()
  /** Directories in which no turn starts, each with the number of its holds. */
  private readonly held = new Map<string, number>()
  /** The threads whose turn runs. */
  private readonly busy = new Map<ThreadId, Worker>()
  /** The exclusive threads whose turn runs or waits. */
  private readonly exclusive = new Set<ThreadId>()
  private readonly bounds: Bounds
  /** Whether a holder, a waiter or a limit changed since the last release. */
  private changed = false

  constructor(bounds: Bounds) {
    this.bounds = bounds
  }

  /** Records the current state of a thread; `undefined` removes the thread. */
  note(threadId: ThreadId, state: ThreadState | undefined): void {
    this.noteWork(threadId, state)
    const before = this.holders.get(threadId)
    const holder = holderOf(state)
    if (before?.status !== holder?.status || before?.epoch !== holder?.epoch || before?.token !== holder?.token) {
      this.changed = true
      if (holder === undefined) this.holders.delete(threadId)
      else this.holders.set(threadId, holder)
    }
    const waited = this.waiters.get(threadId)
    const waiter = waiterOf(state)
    if (waited?.since === waiter?.since && waited?.hasPlace === waiter?.hasPlace && waited?.provider === waiter?.provider) return
    this.changed = true
    if (waiter === undefined) this.waiters.delete(threadId)
    else this.waiters.set(threadId, waiter)
  }

  /** Records whether a turn of the thread runs. */
  private noteWork(threadId: ThreadId, state: ThreadState | undefined): void {
    const isBusy = state !== undefined && Object.keys(state.turns).length > 0
    if (isBusy !== this.busy.has(threadId)) {
      if (isBusy) this.busy.set(threadId, workerOf(state))
      else this.busy.delete(threadId)
      // The end of a turn may let another one start.
      if (this.exclusive.size > 0) this.changed = true
    }
    if (state?.exclusive === true && (isBusy || nextTurn(state) !== undefined)) this.exclusive.add(threadId)
    else this.exclusive.delete(threadId)
  }

  /** Other threads whose turn runs in the directory of the thread, above it or below it. */
  alongside({ cwd, threadId }: Pick<Worker, "cwd" | "threadId">): ReadonlyArray<ThreadId> {
    const found: Array<ThreadId> = []
    for (const worker of this.busy.values())
      if (worker.threadId !== threadId && overlap(cwd, worker.cwd) && found.push(worker.threadId) === maxAlongside) break
    return found
  }

  /**
   * The thread for which the turn waits, because they may not work in the directory at the same time: its turn runs, or has waited longer. The latter keeps
   * turns that alternate from delaying an exclusive one without end. `waiters`: those that nothing else blocks.
   */
  private excluding(worker: Worker & Pick<Waiter, "since">, waiters: ReadonlyArray<Waiter>): ThreadId | undefined {
    if (this.exclusive.size === 0 && !worker.exclusive) return undefined
    for (const other of this.busy.values()) if (excludes(other, worker)) return other.threadId
    return waiters.find((other) => excludes(other, worker) && other.since < worker.since)?.threadId
  }

  /** From now on no turn starts in the directory or below it, until the returned function is called. Fails (`Left`) with a thread whose turn runs there. */
  hold(directory: string): Either.Either<() => void, ThreadId> {
    for (const { cwd, threadId } of this.busy.values()) if (isWithin(directory, cwd)) return Either.left(threadId)
    this.held.set(directory, (this.held.get(directory) ?? 0) + 1)
    return Either.right(() => {
      const left = (this.held.get(directory) ?? 1) - 1
      if (left === 0) this.held.delete(directory)
      else this.held.set(directory, left)
      this.changed = true
    })
  }

  private isHeld(cwd: string): boolean {
    for (const directory of this.held.keys()) if (isWithin(directory, cwd)) return true
    return false
  }

  /** Records when the usage limit of the provider's account ends, in milliseconds since 1970. Returns a function that undoes the record. */
  limit(provider: string, until: number): () => void {
    const before = this.limited.get(provider)
    this.limited.set(provider, Math.max(until, before ?? 0))
    return () => {
      if (before === undefined) this.limited.delete(provider)
      else this.limited.set(provider, before)
      this.changed = true
    }
  }

  /** When the next limit ends, in milliseconds since 1970. */
  get nextLimit(): number | undefined {
    return this.limited.size === 0 ? undefined : Math.min(...this.limited.values())
  }

  private limitOf(provider: string, now: number): number | undefined {
    const until = this.limited.get(provider)
    if (until === undefined || until > now) return until
    this.limited.delete(provider)
    this.changed = true
    return undefined
  }

  private free(bound: keyof Bounds, seat: Seat): number {
    const most = this.bounds[bound]
    if (most === 0) return Number.POSITIVE_INFINITY
    if (bound === "agents") return most - this.holders.size
    let left = most
    for (const holder of this.holders.values()) if (shared[bound](seat, holder)) left--
    return left
  }

  /** The bounds whose limit is reached for this seat. */
  private full(seat: Seat): ReadonlyArray<keyof Bounds> {
    return names.filter((bound) => (bound !== "agentsPerToken" || seat.token !== undefined) && this.free(bound, seat) <= 0)
  }

  private refusal(bound: keyof Bounds, seat: Seat): Waiting {
    const whose =
      bound === "agents" ? "" : bound === "agentsPerToken" ? ` of ${seat.token ?? "this token"}` : ` of ${seat.provider}`
    return {
      reason: "agents",
      message: `The limit of ${this.bounds[bound]} running agents${whose} is reached (limits.${bound}). The turn starts when one of them has ended.`
    }
  }

  /** Why the next turn of this thread cannot start now; `undefined`: it can. */
  waiting(state: ThreadState, now: number): Waiting | undefined {
    const { cwd, provider } = state
    if (this.isHeld(cwd))
      return {
        reason: "command",
        message:
          "A command takes files of the directory back, commits or merges them, or removes its worktree. The turn starts when the command has ended."
      }
    const until = this.limitOf(provider, now)
    if (until !== undefined)
      return {
        reason: "limit",
        message: `The account of ${provider} has reached its usage limit. The turn starts when the limit ends: ${new Date(until).toISOString()}.`
      }
    const since = nextTurn(state)?.requestedAt ?? ""
    const others = this.exclusive.size === 0 && state.exclusive !== true ? [] : this.unblocked(now)
    const excluding = this.excluding({ ...workerOf(state), since }, others)
    if (excluding !== undefined)
      return {
        reason: "workspace",
        message: `The thread ${excluding} works in this directory, and one of the two threads is exclusive. The turn starts when that thread's turn has ended.`
      }
    if (hasLiveSession(state)) return undefined
    const seat = seatOf(state)
    const [full] = this.full(seat)
    if (full !== undefined) return this.refusal(full, seat)
    // Turns that have waited longer get the free places first.
    const older = this.startable(now).filter((waiter) => waiter.threadId !== state.threadId && waiter.since < since)
    const taken = names.find((bound) => older.filter((waiter) => shared[bound](waiter, seat)).length >= this.free(bound, seat))
    return taken === undefined ? undefined : this.refusal(taken, seat)
  }

  /** Waiting turns that neither a usage limit, a full bound nor a thread in their directory blocks. */
  private startable(now: number): ReadonlyArray<Waiter> {
    const waiters = this.unblocked(now)
    return waiters.filter((waiter) => this.excluding(waiter, waiters) === undefined)
  }

  /** Waiting turns that neither a usage limit nor a full bound blocks. */
  private unblocked(now: number): ReadonlyArray<Waiter> {
    return [...this.waiters.values()].filter(
      (waiter) =>
        !this.isHeld(waiter.cwd) &&
        this.limitOf(waiter.provider, now) === undefined &&
        (waiter.hasPlace || this.full(waiter).length === 0)
    )
  }

  /** Why this thread waits; `undefined`: it waits neither for a place nor for a usage limit to end. */
  waitingOf(threadId: ThreadId, state: ThreadState | undefined, now: number): Waiting | undefined {
    return state === undefined || !this.waiters.has(threadId) ? undefined : this.waiting(state, now)
  }

  /** The threads that can start, longest wait first, and the idle sessions to stop for the others; `undefined` if nothing has changed since the last call. */
  release(now: number): Release | undefined {
    for (const provider of this.limited.keys()) this.limitOf(provider, now)
    if (!this.changed) return undefined
    this.changed = false
    if (this.waiters.size === 0) return undefined
    const start = this.startable(now)
      .toSorted((a, b) => (a.since < b.since ? -1 : 1))
      .slice(0, maxStarts)
      .map(({ threadId }) => threadId)
    return { start, stop: this.sessionsToStop(now) }
  }

  /** Idle sessions to stop. One waiter may need several places: one for each bound that blocks it. */
  private sessionsToStop(now: number): Release["stop"] {
    const oldestFirst = (a: { readonly since: string }, b: { readonly since: string }) => (a.since < b.since ? -1 : 1)
    const all = [...this.holders.values()]
    const leaving = all.filter(({ status }) => status === "leaving")
    const idle = all.filter(({ status }) => status === "idle").toSorted(oldestFirst)
    // The places of sessions that are already stopping come first, so that no more idle sessions stop than needed.
    const pool = [...leaving, ...idle]
    const stop: Array<Holder> = []
    const unblocked = this.exclusive.size === 0 ? [] : this.unblocked(now)
    for (const waiter of idle.length === 0 ? [] : [...this.waiters.values()].toSorted(oldestFirst)) {
      if (waiter.hasPlace || this.isHeld(waiter.cwd) || this.limitOf(waiter.provider, now) !== undefined) continue
      if (this.excluding(waiter, unblocked) !== undefined) continue
      const picked: Array<Holder> = []
      const relieved = this.full(waiter).every((bound) => {
        if (picked.some((holder) => shared[bound](waiter, holder))) return true
        const found = pool.find((holder) => shared[bound](waiter, holder) && !picked.includes(holder))
        return found !== undefined && picked.push(found) > 0
      })
      if (!relieved) continue
      for (const holder of picked) {
        pool.splice(pool.indexOf(holder), 1)
        if (holder.status === "idle") stop.push(holder)
      }
    }
    return stop.map(({ epoch, threadId }) => ({ threadId, epoch }))
  }

  stats(now: number) {
    let limit = 0
    for (const { provider } of this.waiters.values()) if (this.limitOf(provider, now) !== undefined) limit++
    return {
      live: this.holders.size,
      waiting: { agents: this.waiters.size - limit, limit },
      limited: [...this.limited.keys()],
      bounds: this.bounds
    }
  }
}
