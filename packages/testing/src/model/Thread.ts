/** One thread of a model run: the state that the reference keeps, and the values that follow from it. It shares no code with decide and evolve. */
import type { Ask } from "@millrace/contracts/Item"

export interface Turn {
  readonly id: string
  readonly origin: "user" | "provider"
  started: boolean
  interrupting: boolean
  /** Ids of the turn's open items. */
  readonly items: Set<string>
}

/** Work of an ended turn that continues later: at a time, or when a person confirms it. */
export interface Plan {
  readonly turn: string
  readonly request: string | undefined
}

/** The statuses of a goal that has not ended. */
export const unfinishedGoal: ReadonlySet<string> = new Set(["active", "paused"])

/** A durable objective. */
export interface Goal {
  readonly id: string
  readonly turns: number
  status: string
  used: number
  /** A timer starts the goal's next turn. */
  waits: boolean
  /** The goal's last ended turn. */
  last: string | undefined
}

export interface Request {
  readonly id: string
  readonly thread: Thread
  turn: string
  readonly ask: Ask
  open: boolean
  /** The server has died since the request was opened, and the agent has not asked again. */
  held: boolean
  /** The answer while it was held; `undefined` after it was delivered. */
  kept: string | undefined
}

/** One thread, as the reference sees it. */
export class Thread {
  readonly id: string
  archived = false
  deleted = false
  epoch = 0
  /** The status of the live session. `undefined` without a session. */
  session: string | undefined
  stopping = false
  steer = false
  active: string | undefined
  /** Turns that have started and not ended. */
  readonly open = new Map<string, Turn>()
  queue: Array<string> = []
  /** Turns that an agent has received: their text no longer changes. */
  readonly shown = new Set<string>()
  readonly ended = new Set<string>()
  readonly items = new Set<string>()
  readonly requests = new Map<string, Request>()
  readonly tasks = new Set<string>()
  /** A request was answered with "accept for this session" in this epoch. */
  acceptsForSession = false
  failed = false
  recovery = "settle"
  afterLimit = "stop"
  settings: Readonly<Record<string, string | null | undefined>> = {}
  /** The settings of the live session. */
  sessionSettings: Readonly<Record<string, string | null | undefined>> = {}
  plan: Plan | undefined
  goal: Goal | undefined
  /** The goal of each turn that a goal started. */
  readonly goalOfTurn = new Map<string, string>()
  /** Turns whose last message claims that the goal is achieved. */
  readonly claims = new Set<string>()
  /** Turns whose end was requested. */
  readonly endRequested = new Set<string>()
  /** Turns that another turn continues or is scheduled to continue. */
  readonly continued = new Set<string>()
  readonly planned = new Set<string>()
  /** Consecutive turns that started after a restart or a limit. */
  readonly restartsAndWaits = new Map<string, number>()

  constructor(id: string) {
    this.id = id
  }

  /** Deletes the thread. Ends everything that is open, queued or scheduled. */
  delete(): void {
    this.deleted = true
    this.session = this.active = this.plan = this.goal = undefined
    this.queue = []
    for (const request of this.requests.values()) request.open = false
    for (const open of [this.open, this.items, this.tasks]) open.clear()
  }

  /** Whether an answer waits for the agent of the turn. */
  keeps(turn: string): boolean {
    return [...this.requests.values()].some((request) => request.turn === turn && request.kept !== undefined)
  }
  get openRequests(): ReadonlyArray<Request> {
    return [...this.requests.values()].filter(({ open }) => open)
  }
  knows(turnId: string): boolean {
    return this.open.has(turnId) || this.queue.includes(turnId) || this.ended.has(turnId)
  }
  /** Whether the next queued turn may start. */
  get mayStartQueuedTurn(): boolean {
    return this.plan === undefined && this.idle
  }
  /** Whether the next turn needs a new session, because this one cannot take the changed settings. */
  get needsNewSession(): boolean {
    const differs = (name: string) => (this.settings[name] ?? undefined) !== (this.sessionSettings[name] ?? undefined)
    return this.session !== undefined && (differs("instructions") || (differs("effort") && !this.steer))
  }
  get idle(): boolean {
    return this.active === undefined && !(this.session !== undefined && this.stopping)
  }
  get hasActiveGoal(): boolean {
    return this.goal?.status === "active"
  }
  /** Whether the goal may start a turn: no other work of the thread is open or queued. */
  get mayStartGoalTurn(): boolean {
    return (
      this.mayStartQueuedTurn &&
      this.open.size === 0 &&
      this.queue.length === 0 &&
      this.openRequests.length === 0 &&
      !this.stopping &&
      !this.archived
    )
  }
  get status(): string {
    if (this.openRequests.length > 0) return "needs-you"
    if (this.active !== undefined) return "running"
    if (this.queue.length > 0 || this.plan !== undefined || this.hasActiveGoal) return "queued"
    return this.failed ? "failed" : "idle"
  }
}
