/**
 * The reference: reads the log as a client does, and reports which invariants each event violates. It has as few rules as there are promises and shares no code with
 * decide and evolve.
 */
import { isTerminal, type LogEvent } from "@millrace/contracts/Event"
import type { Ask } from "@millrace/contracts/Item"
import { armed, type Request, Thread } from "./Thread.ts"

const live = new Set(["starting", "ready", "running", "interrupted"])
const holding = new Set(["starting", "running"])

interface Data {
  readonly threadId: string
  readonly turnId: string
  readonly itemId: string
  readonly requestId: string
  readonly taskId: string
  readonly epoch: number
  readonly status: string
  readonly activeTurnId?: string
  readonly capabilities?: ReadonlyArray<string>
  readonly strategy: string
  readonly turnIds: ReadonlyArray<string>
  readonly origin: "user" | "provider"
  readonly reason?: string
  readonly by: string
  readonly decision?: string
  readonly held?: true
  readonly repeatedAs?: string
  readonly answer?: unknown
  readonly answers?: unknown
  readonly text: string
  readonly recovery?: string
  readonly afterLimit?: string
  readonly effort?: string | null
  readonly instructions?: string | null
  readonly because: string
  readonly kind?: string
  readonly goalId: string
  readonly budget: { readonly turns: number }
  readonly used: { readonly turns: number }
  readonly goal?: { readonly goalId: string; readonly used: { readonly turns: number } }
  readonly continues?: { readonly turnId: string; readonly because: string; readonly restarts: number; readonly waits: number }
}

/** Whether two questions are the same, apart from the ids of their events. */
const isSame = (one: Ask, other: Ask): boolean => {
  const words = ({ itemId: _i, ...rest }: Ask) =>
    JSON.stringify({ ...rest, threadId: undefined, turnId: undefined, requestId: undefined })
  return words(one) === words(other)
}

/** Limits of consecutive restarts and waits; the model's servers use the same. */
export const maxRestarts = 2
export const maxWaits = 2

export class Reference {
  readonly threads = new Map<string, Thread>()
  readonly requests = new Map<string, Request>()
  readonly texts = new Map<string, string>()
  /** The settings of the thread at each dispatch of a turn. */
  readonly settings = new Map<string, ReadonlyArray<Thread["settings"]>>()
  private offset = 0
  /** Ids of deleted threads of which events were forgotten before they were read (L14): what happened in them before the deletion is not known. */
  readonly unseen = new Set<string>()
  /** Streams with forgotten events whose deletion was not read yet. */
  private readonly forgotten = new Set<string>()
  private readonly versions = new Map<string, number>()
  /** Turns that an agent reported as completed. */
  private readonly completed: ReadonlySet<string>

  constructor(completed: ReadonlySet<string>) {
    this.completed = completed
  }

  /** Applies an event of the log. Returns the violations. */
  read(event: LogEvent): ReadonlyArray<string> {
    const wrong: Array<string> = []
    const must = (holds: boolean, promise: string) => {
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
    const data = event.data as Data
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
    this.apply(thread, event, data, must)
    return wrong
  }

  private apply(thread: Thread, event: LogEvent, data: Data, must: (holds: boolean, promise: string) => void): void {
    const current = thread.session !== undefined && data.epoch === thread.epoch
    const turn = thread.open.get(data.turnId)
    switch (event.type) {
      case "thread.archived":
        must(!thread.archived, "T1 archived once")
        thread.archived = true
        return
      case "thread.unarchived":
        must(thread.archived, "T1 unarchived once")
        thread.archived = false
        return

      case "session.started":
        must(thread.session === undefined, "P7 the previous session has ended")
        must(thread.open.size === 0, "T3 nothing is open when a new epoch begins")
        must(data.epoch === thread.epoch + 1, "T3 epochs are 1, 2, 3, ...")
        thread.epoch = data.epoch
        thread.session = data.status
        thread.given = thread.settings
        thread.stopping = false
        thread.steer = false
        thread.allowed = false
        this.names(thread, data, must)
        return
      case "session.state.changed":
        must(current, "T6 only the live session changes")
        must(live.has(data.status), "T1 a live session has a live status")
        thread.session = data.status
        thread.steer = data.capabilities?.includes("steer") ?? thread.steer
        this.names(thread, data, must)
        return
      case "session.stop.requested":
        must(current && !thread.stopping, "T1 a session is asked to end once")
        if (data.reason !== undefined && /^idle|background work was given up/.test(data.reason)) {
          must(thread.open.size === 0 && thread.openRequests.length === 0, "R1 a session with a turn is not idle")
          must(thread.queue.length === 0, "R1 a session with queued input is not idle")
          must(thread.tasks.size === 0 || data.reason.includes("given up"), "R1 a session with background work is not idle")
          // They have the same limit as background work (R5).
          must(!thread.aims || !data.reason.startsWith("idle for 1m"), "R1 a session with an active goal is not idle")
        }
        thread.stopping = true
        return
      case "session.stopped":
        must(current, "T1 a session ends once")
        must(thread.open.size === 0, "T3 no turn outlives its session")
        must(thread.items.size === 0, "T9 no item outlives its session")
        must(
          thread.openRequests.every((request) => request.held),
          "T13 no request outlives its session, except for the turn that continues the work"
        )
        must(thread.tasks.size === 0, "R1 no background work outlives its session")
        thread.session = undefined
        thread.stopping = false
        thread.active = undefined
        return
      case "session.kept":
        must(current, "R5 only a live session is kept")
        return
      case "background.started":
        must(current && !thread.tasks.has(data.taskId), "T1 background work starts once")
        thread.tasks.add(data.taskId)
        return
      case "background.ended":
        must(thread.tasks.delete(data.taskId), "T1 background work ends once")
        return

      case "turn.requested":
        must(!thread.knows(data.turnId), "T1 a turn is requested once")
        if (data.goal !== undefined) this.aims(thread, data, must)
        this.texts.set(data.turnId, data.text)
        if (data.strategy === "interrupt" || data.strategy === "steer") thread.queue.unshift(data.turnId)
        else thread.queue.push(data.turnId)
        thread.failed = false
        if (data.continues !== undefined) this.continues(thread, data, must)
        return
      case "goal.set":
        must(thread.goal === undefined || !armed.has(thread.goal.status), "T1 one goal at a time")
        thread.goal = { id: data.goalId, turns: data.budget.turns, status: "active", used: 0, waits: false, last: undefined }
        return
      case "goal.paused":
      case "goal.resumed":
      case "goal.waiting":
      case "goal.met":
      case "goal.exhausted":
      case "goal.cleared":
        return this.goalMoves(thread, event.type, data, must)
      case "continuation.planned":
        must(thread.plan === undefined, "T5 one plan at a time")
        must(thread.over.has(data.turnId) && !thread.unwanted.has(data.turnId), "T5 only interrupted work continues")
        must(!thread.continued.has(data.turnId) && !thread.planned.has(data.turnId), "T5 work continues at most once")
        must(
          data.because === "limit" ? thread.afterLimit === "continue" : thread.recovery === "ask",
          "T5 what becomes of it is the thread's policy"
        )
        thread.planned.add(data.turnId)
        thread.plan = { turn: data.turnId, request: data.requestId }
        return
      case "continuation.cancelled":
        must(thread.plan?.turn === data.turnId, "T5 a plan ends once")
        must(!this.asks(thread), "T13 the question of a plan is settled with it")
        thread.plan = undefined
        // The answer that leaves the work as it is.
        for (const request of thread.requests.values()) if (request.kept === '"cancel"') request.kept = undefined
        return
      case "turn.edited":
        must(
          thread.queue.includes(data.turnId) && !thread.shown.has(data.turnId),
          "T12 only turns that no agent has received are edited"
        )
        this.texts.set(data.turnId, data.text)
        return
      case "queue.reordered":
        must(
          data.turnIds.length === thread.queue.length && new Set([...data.turnIds, ...thread.queue]).size === thread.queue.length,
          "T12 a new order is of the same turns"
        )
        thread.queue = [...data.turnIds]
        return
      case "turn.dispatched":
        must(thread.queue[0] === data.turnId, "T12 the first queued turn is dispatched first")
        must(thread.active === data.turnId, "T3 the session names its active turn")
        must(thread.session !== undefined && !thread.stopping, "T4 a session runs it")
        this.settings.set(data.turnId, [...(this.settings.get(data.turnId) ?? []), thread.settings])
        thread.given = thread.settings
        thread.queue = thread.queue.filter((id) => id !== data.turnId)
        thread.shown.add(data.turnId)
        thread.open.set(data.turnId, { id: data.turnId, origin: "user", started: false, interrupting: false, items: new Set() })
        return
      case "turn.requeued":
        must(turn !== undefined && !turn.started && turn.items.size === 0, "T12 only a turn that has not started is requeued")
        thread.open.delete(data.turnId)
        thread.queue.unshift(data.turnId)
        if (thread.active === data.turnId) thread.active = undefined
        return
      case "turn.started":
        must(thread.session !== undefined, "T3 a turn starts in a live session")
        must(!thread.over.has(data.turnId) && turn?.started !== true, "T1 a turn starts once")
        must(turn !== undefined || data.origin === "provider", "T10 an unrequested turn has origin provider")
        if (turn === undefined)
          thread.open.set(data.turnId, {
            id: data.turnId,
            origin: "provider",
            started: true,
            interrupting: false,
            items: new Set()
          })
        else turn.started = true
        return
      case "turn.updated":
      case "turn.steered":
        must(turn !== undefined, "T1 only an open turn is updated")
        return
      case "turn.interrupt.requested":
        must(turn !== undefined, "T7 only an open turn is interrupted")
        if (event.commandId === undefined && data.reason !== undefined && /no output|without output/.test(data.reason))
          must(
            !thread.openRequests.some((request) => request.turn === data.turnId && !request.held),
            "T8 the timeout pauses while a request is open"
          )
        thread.unwanted.add(data.turnId)
        if (turn !== undefined) turn.interrupting = true
        return

      case "item.started":
        must(turn !== undefined && !thread.items.has(data.itemId), "T9 an item starts once, in an open turn")
        thread.items.add(data.itemId)
        turn?.items.add(data.itemId)
        return
      case "item.delta":
        must(turn?.items.has(data.itemId) === true, "T9 a delta belongs to an open item")
        return
      case "item.completed":
        must(turn?.items.has(data.itemId) === true, "T9 an item closes once, before its turn ends")
        thread.items.delete(data.itemId)
        turn?.items.delete(data.itemId)
        if (data.kind !== "agent-message") return
        if (data.text?.endsWith("\nGOAL COMPLETE")) thread.claims.add(data.turnId)
        else thread.claims.delete(data.turnId)
        return
      case "item.amended":
        must(!thread.items.has(data.itemId), "T9 only a closed item is amended")
        return

      case "request.opened": {
        const asked = thread.plan?.request === data.requestId
        must((turn !== undefined || asked) && !thread.requests.has(data.requestId), "T13 a request opens once, in an open turn")
        const ask = event.data as Ask
        must(
          !thread.openRequests.some((request) => request.held && request.turn === data.turnId && isSame(request.ask, ask)),
          "T13 a held question that is repeated is the same request"
        )
        const request = { id: data.requestId, thread, turn: data.turnId, ask, open: true, held: false, kept: undefined }
        thread.requests.set(data.requestId, request)
        this.requests.set(data.requestId, request)
        return
      }
      case "request.answered":
      case "request.expired":
      case "request.cancelled": {
        const request = thread.requests.get(data.requestId)
        must(request?.open === true, "T13 a request is settled once")
        must(
          turn !== undefined || thread.plan?.request === data.requestId || request?.held === true,
          "T13 a request is settled before its turn ends"
        )
        must(
          (data.held === true) === (event.type === "request.answered" && request?.held === true),
          "T13 an answer says if it is kept"
        )
        if (event.type === "request.answered") {
          must(data.by !== "policy" || thread.allowed, "T13 only requests accepted for the session are answered by policy")
          if (data.decision === "accept-for-session") thread.allowed = true
        }
        if (request === undefined) return
        request.open = false
        if (data.held === true) request.kept = JSON.stringify(data.decision ?? data.answers)
        return
      }
      case "request.held": {
        const request = thread.requests.get(data.requestId)
        must(request?.open === true || request?.kept !== undefined, "T13 only an open request, or a kept answer, is held")
        must(thread.recovery !== "settle" && !thread.knows(data.turnId), "T13 it is held for the turn that continues the work")
        if (request === undefined) return
        request.turn = data.turnId
        request.held = request.open
        return
      }
      case "request.repeated": {
        const request = thread.requests.get(data.requestId)
        must(turn !== undefined && request?.turn === data.turnId, "T13 a request is repeated in the turn that it is held for")
        if (request === undefined) return
        if (data.answer === undefined) must(request.open && request.held, "T13 only a held request is repeated")
        else must(request.kept !== undefined, "T13 a kept answer is delivered once")
        request.held = false
        request.kept = undefined
        return
      }
      case "request.answer.unused": {
        const request = thread.requests.get(data.requestId)
        must(request?.kept !== undefined, "T13 a kept answer ends once")
        if (request !== undefined) request.kept = undefined
        return
      }
      case "thread.updated":
        thread.recovery = data.recovery ?? thread.recovery
        thread.afterLimit = data.afterLimit ?? thread.afterLimit
        for (const name of ["effort", "instructions"] as const)
          if (data[name] !== undefined) thread.settings = { ...thread.settings, [name]: data[name] }
        return
      case "provider.event":
        return
    }
    if (!isTerminal(event.type)) return must(false, "T1 this model knows every event")
    must(!thread.over.has(data.turnId), "T2 a turn ends once")
    const queued = thread.queue.includes(data.turnId)
    must(turn !== undefined || queued, "T2 only an accepted turn ends")
    if (turn !== undefined) {
      must(turn.items.size === 0, "T9 items close at the latest with their turn")
      must(
        !thread.openRequests.some((request) => request.turn === turn.id),
        "T13 requests are settled at the latest with their turn"
      )
    }
    must(
      !thread.keeps(data.turnId) && !thread.openRequests.some((request) => request.held && request.turn === data.turnId),
      "T13 nothing is held for a turn that has ended"
    )
    if (event.type === "turn.completed")
      must(turn !== undefined && this.completed.has(data.turnId), "T11 a turn completes only if its agent reported it")
    thread.over.add(data.turnId)
    thread.open.delete(data.turnId)
    thread.queue = thread.queue.filter((id) => id !== data.turnId)
    if (turn !== undefined && thread.goal !== undefined && thread.aimed.get(data.turnId) === thread.goal.id) {
      thread.goal.last = data.turnId
      if (event.type !== "turn.completed") thread.claims.delete(data.turnId)
    }
    if (thread.active !== data.turnId) return
    thread.active = undefined
    thread.failed = event.type === "turn.failed"
  }

  /** True if the question of the thread's plan is open. */
  private asks(thread: Thread): boolean {
    const id = thread.plan?.request
    const request = id === undefined ? undefined : thread.requests.get(id)
    return request?.open === true && !request.held
  }

  /** Checks a turn that a goal starts, or that continues one of its turns. */
  private aims(
    thread: Thread,
    { continues, goal: towards, turnId }: Data,
    must: (holds: boolean, promise: string) => void
  ): void {
    const { goal } = thread
    must(thread.aims && goal?.id === towards?.goalId, "T4 only an active goal begins turns")
    must(towards?.used.turns === (goal?.used ?? 0) + 1, "T4 each turn of a goal is counted")
    thread.aimed.set(turnId, towards?.goalId ?? "")
    if (goal === undefined) return
    goal.used++
    goal.waits = false
    if (continues !== undefined) return
    must(goal.used <= goal.turns, "T4 a goal has a budget")
    must(thread.rests, "T12 a goal starts a turn only while the thread is idle")
  }

  private goalMoves(thread: Thread, type: string, data: Data, must: (holds: boolean, promise: string) => void): void {
    const { goal } = thread
    must(goal?.id === data.goalId, "T1 only the thread's current goal changes")
    if (goal === undefined) return
    const may =
      type === "goal.resumed" ? ["paused"] : type === "goal.met" || type === "goal.cleared" ? ["active", "paused"] : ["active"]
    must(may.includes(goal.status), "T1 an ended goal stays ended")
    if (type === "goal.met")
      must(goal.last !== undefined && thread.claims.has(goal.last), "T11 a goal is met only if its agent claimed it")
    if (type === "goal.exhausted") must(goal.used >= goal.turns, "T4 only a used budget ends a goal")
    goal.waits = type === "goal.waiting"
    if (type !== "goal.waiting") goal.status = type === "goal.resumed" ? "active" : type.slice("goal.".length)
  }

  /** Checks a turn that continues another turn. */
  private continues(thread: Thread, data: Data, must: (holds: boolean, promise: string) => void): void {
    const { turnId, because, restarts, waits } = data.continues ?? { turnId: "", because: "", restarts: 0, waits: 0 }
    must(thread.over.has(turnId) && !thread.unwanted.has(turnId), "T5 only interrupted work continues")
    must(!thread.continued.has(turnId), "T5 work continues at most once")
    must(!this.asks(thread), "T13 the question of a plan is settled with it")
    if (thread.plan === undefined)
      must(because === "restart" && thread.recovery === "resume", "T5 work continues only if the thread's policy allows it")
    else must(thread.plan.turn === turnId, "T5 the plan names the turn")
    must(restarts <= maxRestarts && waits <= maxWaits, "T5 restarts and waits are limited")
    must(restarts + waits === (thread.rows.get(turnId) ?? 0) + 1, "T5 each time is counted")
    thread.rows.set(data.turnId, restarts + waits)
    thread.continued.add(turnId)
    thread.plan = undefined
  }

  /** Checks the active turn that a session event names. */
  private names(thread: Thread, data: Data, must: (holds: boolean, promise: string) => void): void {
    const named = data.activeTurnId
    must(named === undefined || holding.has(data.status), "T3 only starting and running sessions name a turn")
    must(named === undefined || thread.open.has(named) || thread.queue[0] === named, "T3 a session names an existing turn")
    must(thread.active === undefined || thread.active === named, "T3 an active turn stays until it ends")
    thread.active = named
  }

  /** Invariants that hold at rest while the server is up. */
  atRest(): ReadonlyArray<string> {
    const wrong = Array.from(this.forgotten, (stream) => `L14 ${stream} has forgotten events, but no deletion`)
    for (const thread of this.threads.values()) {
      if (thread.deleted) continue
      if (thread.aims && thread.rests && thread.goal?.waits === false) wrong.push(`T4 the goal of ${thread.id} does not continue`)
      if (thread.free && thread.queue.length > 0) wrong.push(`T4 the queue of ${thread.id} does not continue`)
      for (const turn of thread.open.values())
        if (thread.session === undefined || (turn.origin === "user" && thread.active !== turn.id))
          wrong.push(`T4 ${turn.id} has no owner`)
      if (thread.active !== undefined && !thread.open.has(thread.active)) wrong.push(`T3 ${thread.active} is active but not open`)
      if (thread.session === "ready" && thread.open.size > 0) wrong.push(`T3 ${thread.id} is ready but holds a turn`)
    }
    return wrong
  }
}
