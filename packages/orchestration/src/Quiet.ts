/**
 * How long each live session has been silent, from the log's events and the ticks of a clock that counts awake time only (R2, R3). Plain
 * bookkeeping: who owns it says when time passed, and asks what is due.
 */
import { type ThreadId, threadStream } from "@millrace/contracts/Ids"
import type { StoredEvent } from "@millrace/log/EventLog"
import { isActivity } from "./evolve.ts"
import type { Silent, SilenceLimits } from "./Fact.ts"

/** Of one session, for ever. */
export const nameOf = (threadId: ThreadId, epoch: number): string => `${threadId} ${epoch}`

interface Watched {
  readonly threadId: ThreadId
  readonly epoch: number
  readonly limits: SilenceLimits
  activity: number
  millis: number
  turnMillis: number
  /** The same for a turn in which a tool runs: what the tool tells beside the log counts. */
  toolMillis: number
  /** It was told to end. */
  leaving: boolean
  /** Limits that were passed when it was last asked about. */
  asked: number
}

/** What people do to a thread and its queue: an agent that says nothing meanwhile is silent all the same (T8). */
const besideTheTurn: ReadonlySet<string> = new Set([
  "thread.updated",
  "thread.archived",
  "thread.unarchived",
  "turn.requested",
  "turn.edited",
  "queue.reordered",
  "goal.set",
  "goal.paused",
  "goal.resumed",
  "goal.cleared"
])

const passed = ({ limits, millis, toolMillis, turnMillis }: Watched): number => {
  let count = 0
  for (const limit of [limits.idle, limits.background]) if (limit > 0 && millis >= limit) count++
  for (const limit of [limits.model, limits.waiting]) if (limit > 0 && turnMillis >= limit) count++
  if (limits.tool > 0 && toolMillis >= limits.tool) count++
  return count
}

export class Quiet {
  private readonly sessions = new Map<string, Watched>()
  private readonly limitsOf: (provider: string) => SilenceLimits

  constructor(limitsOf: (provider: string) => SilenceLimits) {
    this.limitsOf = limitsOf
  }

  /** Live sessions that nobody told to end. */
  get size(): number {
    let count = 0
    for (const { leaving } of this.sessions.values()) if (!leaving) count++
    return count
  }

  /** An event of the log; `sinceTick`: milliseconds since time last passed here, so that a window is never cut short by the part before it. */
  hear(event: StoredEvent, sinceTick: number): void {
    const { stream, type } = event
    if (type === "session.started") {
      const { threadId, epoch, provider } = (
        JSON.parse(event.json) as { data: { threadId: ThreadId; epoch: number; provider: string } }
      ).data
      const limits = this.limitsOf(provider)
      this.sessions.set(stream, {
        threadId,
        epoch,
        limits,
        activity: 1,
        millis: -sinceTick,
        turnMillis: -sinceTick,
        toolMillis: -sinceTick,
        leaving: false,
        asked: 0
      })
      return
    }
    const watched = this.sessions.get(stream)
    if (watched === undefined) return
    if (type === "session.stopped" || type === "thread.deleted") {
      this.sessions.delete(stream)
      return
    }
    if (!isActivity(type)) return
    if (type === "session.stop.requested") watched.leaving = true
    watched.activity++
    watched.millis = -sinceTick
    if (!besideTheTurn.has(type)) watched.turnMillis = watched.toolMillis = -sinceTick
    watched.asked = 0
  }

  /** A tool of that thread told of its progress, which is no event (D12): only its own clock begins anew (T8). */
  stir(threadId: ThreadId): void {
    const watched = this.sessions.get(threadStream(threadId))
    if (watched === undefined) return
    watched.toolMillis = 0
    watched.asked = Math.min(watched.asked, passed(watched))
  }

  /** So many awake milliseconds passed. */
  pass(millis: number): void {
    for (const watched of this.sessions.values()) {
      watched.millis += millis
      watched.turnMillis += millis
      watched.toolMillis += millis
    }
  }

  /** Forgets everything: what was not heard may have been an event of anybody. */
  forget(): void {
    this.sessions.clear()
  }

  private ask({ threadId, epoch, activity, millis, turnMillis, toolMillis, limits }: Watched, crowded = false): Silent {
    return { _tag: "Silent", threadId, epoch, activity, millis, turnMillis, toolMillis, limits, crowded }
  }

  /** Sessions that passed another limit since they were last asked about. */
  due(): ReadonlyArray<Silent> {
    const found: Array<Silent> = []
    for (const watched of this.sessions.values()) {
      const limits = passed(watched)
      if (limits <= watched.asked) continue
      watched.asked = limits
      found.push(this.ask(watched))
    }
    return found
  }

  /** Sessions that nobody told to end, the longest silent first: those that go first when there are too many. */
  oldest(): ReadonlyArray<Silent> {
    return [...this.sessions.values()]
      .filter(({ leaving }) => !leaving)
      .toSorted((a, b) => b.millis - a.millis)
      .map((one) => this.ask(one, true))
  }
}
