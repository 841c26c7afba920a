/** One thread of a model run as the promises see it: what the reference keeps of it, and what follows from that. It shares no code with decide and evolve. */
import type { Ask } from "@millrace/contracts/Item"

export interface Turn {
  readonly id: string
  readonly origin: "user" | "provider"
  started: boolean
  interrupting: boolean
  /** Items and requests of it that are open. */
  readonly items: Set<string>
}

/** Work of an ended turn that continues later: at a time, or when a person says so. */
export interface Plan {
  readonly turn: string
  readonly request: string | undefined
}

/** Of a goal that is not over. */
export const armed: ReadonlySet<string> = new Set(["active", "paused"])

/** A durable objective. */
export interface Goal {
  readonly id: string
  readonly turns: number
  status: string
  used: number
  /** It says itself when its next turn begins. */
  waits: boolean
  /** Its last turn that has ended. */
  last: string | undefined
}

export interface Request {
  readonly id: string
  readonly thread: Thread
  readonly turn: string
  readonly ask: Ask
  open: boolean
}

/** One thread, as the promises see it. */
export class Thread {
  readonly id: string
  archived = false
  deleted = false
  epoch = 0
  /** The status of the live session; nothing while there is none. */
  session: string | undefined
  stopping = false
  steer = false
  active: string | undefined
  /** Turns that were begun and are not over. */
  readonly open = new Map<string, Turn>()
  queue: Array<string> = []
  /** In the transcript already: their text stays. */
  readonly shown = new Set<string>()
  readonly over = new Set<string>()
  readonly items = new Set<string>()
  readonly requests = new Map<string, Request>()
  readonly tasks = new Set<string>()
  /** "Allow for this session" was said in this epoch. */
  allowed = false
  failed = false
  recovery = "settle"
  afterLimit = "stop"
  plan: Plan | undefined
  goal: Goal | undefined
  /** Turns of goals. */
  readonly aimed = new Map<string, string>()
  /** Turns whose last message claims that the goal is met. */
  readonly claims = new Set<string>()
  /** Turns that somebody wanted to end. */
  readonly unwanted = new Set<string>()
  /** Turns that another turn continued, or was planned to continue. */
  readonly continued = new Set<string>()
  readonly planned = new Set<string>()
  /** Turns begun after a restart, or after a limit, in a row. */
  readonly rows = new Map<string, number>()

  constructor(id: string) {
    this.id = id
  }

  get openRequests(): ReadonlyArray<Request> {
    return [...this.requests.values()].filter(({ open }) => open)
  }
  knows(turnId: string): boolean {
    return this.open.has(turnId) || this.queue.includes(turnId) || this.over.has(turnId)
  }
  /** The next of the queue may begin. */
  get free(): boolean {
    return this.plan === undefined && this.idle
  }
  get idle(): boolean {
    return this.active === undefined && !(this.session !== undefined && this.stopping)
  }
  get aims(): boolean {
    return this.goal?.status === "active"
  }
  /** Its goal may begin a turn. */
  get rests(): boolean {
    return (
      this.free &&
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
    if (this.queue.length > 0 || this.plan !== undefined || this.aims) return "queued"
    return this.failed ? "failed" : "idle"
  }
}
