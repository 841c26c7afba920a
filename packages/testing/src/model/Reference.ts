/**
 * The reference: reads the log as a client does, and reports which invariants each event violates. There is one rule for each
 * promise (`rules/`). The reference shares no code with decide and evolve.
 */
import type { LogEvent } from "@millrace/contracts/Event"
import { type Context, type EventData, type Known, type Must, unknownEvent } from "./rules/Context.ts"
import * as Continuation from "./rules/Continuation.ts"
import * as Goal from "./rules/Goal.ts"
import * as Item from "./rules/Item.ts"
import * as Request from "./rules/Request.ts"
import * as Session from "./rules/Session.ts"
import * as Turn from "./rules/Turn.ts"
import { type Request as ThreadRequest, Thread } from "./Thread.ts"

/** The rules by the first word of an event's type. */
const rules: Readonly<Record<string, (context: Context) => void>> = {
  session: Session.apply,
  background: Session.apply,
  turn: Turn.apply,
  queue: Turn.apply,
  item: Item.apply,
  request: Request.apply,
  goal: Goal.apply,
  continuation: Continuation.apply,
  provider: ({ event, must }) => must(event.type === "provider.event", unknownEvent)
}

/** The state of all threads, folded from the log. */
export class Reference implements Known {
  readonly threads = new Map<string, Thread>()
  readonly requests = new Map<string, ThreadRequest>()
  /** The text of each turn. */
  readonly texts = new Map<string, string>()
  /** The settings of the thread at each dispatch of a turn. */
  readonly settings = new Map<string, ReadonlyArray<Thread["settings"]>>()
  private offset = 0
  /** Ids of deleted threads whose events were forgotten before the reference read them (L14). The reference does not know these events. */
  readonly unseen = new Set<string>()
  /** Streams with forgotten events whose deletion was not read yet. */
  private readonly forgotten = new Set<string>()
  private readonly versions = new Map<string, number>()
  /** Turns that an agent reported as completed. */
  readonly completed: ReadonlySet<string>

  constructor(completed: ReadonlySet<string>) {
    this.completed = completed
  }

  /** Applies an event of the log. Returns the violations. */
  read(event: LogEvent): ReadonlyArray<string> {
    const wrong: Array<string> = []
    const must: Must = (holds: boolean, promise: string) => {
      if (!holds) wrong.push(`${promise}: ${event.type} at ${event.offset} ${JSON.stringify(event.data)}`)
    }
    must(event.offset === ++this.offset, "L1 offsets are 1, 2, 3, ...")
    const version = (this.versions.get(event.stream) ?? 0) + 1
    this.versions.set(event.stream, version)
    must(event.version === version, "L1 versions are 1, 2, 3, ...")
    if (!event.stream.startsWith("thread/")) return wrong
    if (event.type === "log.forgotten") {
      this.forgotten.add(event.stream)
      this.unseen.add(event.stream.slice("thread/".length))
      return wrong
    }
    const data = event.data as EventData
    if (event.type === "thread.deleted") {
      this.forgotten.delete(event.stream)
      const deleted = this.threads.get(data.threadId) ?? new Thread(data.threadId)
      must(!deleted.deleted, "T1 a thread is deleted once")
      deleted.delete()
      this.threads.set(data.threadId, deleted)
      return wrong
    }
    must(!this.forgotten.has(event.stream), "L14 after forgotten events only the deletion follows")
    if (event.type === "thread.created") {
      must(!this.threads.has(data.threadId), "T1 a thread is created once")
      const made = new Thread(data.threadId)
      made.recovery = data.recovery ?? made.recovery
      made.afterLimit = data.afterLimit ?? made.afterLimit
      this.threads.set(data.threadId, made)
      return wrong
    }
    const thread = this.threads.get(data.threadId)
    if (thread === undefined) return [`T1 ${event.type} of no thread`]
    must(!thread.deleted, "T1 nothing follows a deletion")
    const isCurrent = thread.session !== undefined && data.epoch === thread.epoch
    const context: Context = { thread, event, data, turn: thread.open.get(data.turnId), isCurrent, must, known: this }
    if (event.type.startsWith("thread.")) this.applyToThread(context)
    else (rules[event.type.slice(0, event.type.indexOf("."))] ?? (() => must(false, unknownEvent)))(context)
    return wrong
  }

  private applyToThread({ data, event, must, thread }: Context): void {
    switch (event.type) {
      case "thread.archived":
        must(!thread.archived, "T1 a thread is archived once")
        thread.archived = true
        return
      case "thread.unarchived":
        must(thread.archived, "T1 only an archived thread is unarchived")
        thread.archived = false
        return
      case "thread.updated":
        thread.recovery = data.recovery ?? thread.recovery
        thread.afterLimit = data.afterLimit ?? thread.afterLimit
        for (const name of ["effort", "instructions"] as const)
          if (data[name] !== undefined) thread.settings = { ...thread.settings, [name]: data[name] }
        return
      default:
        must(false, unknownEvent)
    }
  }

  /** Invariants that hold at rest while the server is up. */
  atRest(): ReadonlyArray<string> {
    const wrong = Array.from(this.forgotten, (stream) => `L14 ${stream} has forgotten events, but no deletion`)
    for (const thread of this.threads.values()) {
      if (thread.deleted) continue
      if (thread.hasActiveGoal && thread.mayStartGoalTurn && thread.goal?.waits === false)
        wrong.push(`T4 the goal of ${thread.id} does not continue`)
      if (thread.mayStartQueuedTurn && thread.queue.length > 0) wrong.push(`T4 the queue of ${thread.id} does not continue`)
      for (const turn of thread.open.values())
        if (thread.session === undefined || (turn.origin === "user" && thread.active !== turn.id))
          wrong.push(`T4 ${turn.id} has no owner`)
      if (thread.active !== undefined && !thread.open.has(thread.active)) wrong.push(`T3 ${thread.active} is active but not open`)
      if (thread.session === "ready" && thread.open.size > 0) wrong.push(`T3 ${thread.id} is ready but holds a turn`)
    }
    return wrong
  }
}
