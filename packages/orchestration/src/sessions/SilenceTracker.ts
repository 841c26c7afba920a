/**
 * Measures how long each live session has been silent, from the log's events and the ticks of a clock that counts awake time only (R2, R3). Pure:
 * the Reaper reports elapsed time and asks which sessions are due.
 */
import { type ThreadId, threadStream } from "@millrace/contracts/Ids"
import type { StoredEvent } from "@millrace/log/EventLog"
import { isActivity } from "../state/evolve.ts"
import type { Silent, SilenceLimits } from "../decide/Fact.ts"

/** Unique key of a session: thread id and epoch. */
export const nameOf = (threadId: ThreadId, epoch: number): string => `${threadId} ${epoch}`

interface Watched {
  readonly threadId: ThreadId
  readonly epoch: number
  readonly limits: SilenceLimits
  activity: number
  millis: number
  turnMillis: number
  /** Like `turnMillis`, but progress signals of a tool reset it too. */
  toolMillis: number
  /** Whether the session's stop was requested. */
  leaving: boolean
  /** Number of limits passed when it was last reported as due. */
  reported: number
}

/** Events that people cause on a thread and its queue: they do not end the silence of the turn (T8). */
const queueEvents: ReadonlySet<string> = new Set([
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

/** The number of limits that the session's silence has reached. */
const limitsPassed = ({ limits, millis, toolMillis, turnMillis }: Watched): number => {
  let count = 0
  for (const limit of [limits.idle, limits.background]) if (limit > 0 && millis >= limit) count++
  for (const limit of [limits.model, limits.waiting]) if (limit > 0 && turnMillis >= limit) count++
  if (limits.tool > 0 && toolMillis >= limits.tool) count++
  return count
}

export class SilenceTracker {
  private readonly sessions = new Map<string, Watched>()
  private readonly limitsOf: (provider: string) => SilenceLimits

  constructor(limitsOf: (provider: string) => SilenceLimits) {
    this.limitsOf = limitsOf
  }

  /** Number of live sessions whose stop was not requested. */
  get size(): number {
    let count = 0
    for (const { leaving } of this.sessions.values()) if (!leaving) count++
    return count
  }

  /** Applies an event of the log. `sinceTick`: milliseconds since the last `pass`; they are subtracted, because the next `pass` adds the time before the event too. */
  record(event: StoredEvent, sinceTick: number): void {
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
        reported: 0
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
    if (!queueEvents.has(type)) watched.turnMillis = watched.toolMillis = -sinceTick
    watched.reported = 0
  }

  /** A tool of that thread signalled progress, which is no event (D12): resets only the tool's clock (T8). */
  recordProgress(threadId: ThreadId): void {
    const watched = this.sessions.get(threadStream(threadId))
    if (watched === undefined) return
    watched.toolMillis = 0
    watched.reported = Math.min(watched.reported, limitsPassed(watched))
  }

  /** Adds awake milliseconds to every session's silence. */
  pass(millis: number): void {
    for (const watched of this.sessions.values()) {
      watched.millis += millis
      watched.turnMillis += millis
      watched.toolMillis += millis
    }
  }

  /** Forgets all sessions: after a gap in the log, each of them may have had an event. */
  forget(): void {
    this.sessions.clear()
  }

  private silent({ threadId, epoch, activity, millis, turnMillis, toolMillis, limits }: Watched, crowded = false): Silent {
    return { _tag: "Silent", threadId, epoch, activity, millis, turnMillis, toolMillis, limits, crowded }
  }

  /** Sessions that passed another limit since they were last reported. */
  due(): ReadonlyArray<Silent> {
    const found: Array<Silent> = []
    for (const watched of this.sessions.values()) {
      const count = limitsPassed(watched)
      if (count <= watched.reported) continue
      watched.reported = count
      found.push(this.silent(watched))
    }
    return found
  }

  /** Sessions whose stop was not requested, longest silent first: the order in which they are stopped when there are too many. */
  oldest(): ReadonlyArray<Silent> {
    return [...this.sessions.values()]
      .filter(({ leaving }) => !leaving)
      .toSorted((a, b) => b.millis - a.millis)
      .map((watched) => this.silent(watched, true))
  }
}
