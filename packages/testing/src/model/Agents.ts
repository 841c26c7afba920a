/** The agents of a model run. They live outside the server, and record the server's calls independently of it. */
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"
import { type OpenInput, type ProviderAdapter, ProviderError, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import { type Settings, settingsOf } from "@millrace/contracts/Settings"
import { Effect } from "effect"
import { Agent } from "./Agent.ts"

export const provider = "model"

/** How the agents answer calls after a step. The first value of each is the normal one. */
export const moods = {
  open: ["ok", "slow", "fail", "hang"],
  start: ["ok", "slow", "refuse", "unknown", "hang"],
  steer: ["ok", "refuse", "hang"],
  interrupt: ["obey", "ignore", "refuse", "hang"],
  answer: ["ok", "fail", "hang"],
  stop: ["obey", "ignore", "hang"],
  capable: ["steer", "plain"]
} as const
export type Mood = { [K in keyof typeof moods]: (typeof moods)[K][number] }

const failure = (operation: string, outcome: "failed" | "unknown") =>
  new ProviderError({ provider, operation, outcome, failure: { kind: "refused", message: `${operation}: ${outcome}` } })

const nothing: Effect.Effect<never> = Effect.async<never>(() => {})
const slow = Effect.sleep("3 seconds")

/** All agents, and the calls they received. */
export class Agents {
  readonly sessions: Array<Agent> = []
  /** Threads whose agent is starting. */
  readonly opening = new Map<ThreadId, number>()
  /** Calls of a thread that an agent has not answered. Each has a deadline. */
  readonly calls = new Map<ThreadId, number>()
  /** Turns, in the order in which the agents received them. */
  readonly given: Array<TurnId> = []
  /** The settings of the agent that received each turn. */
  readonly ran: Array<{ readonly turnId: TurnId; readonly settings: Settings }> = []
  readonly interrupted: Array<{ readonly threadId: ThreadId; readonly turnId: TurnId }> = []
  readonly answers: Array<{ readonly requestId: RequestId; readonly answer: Answer }> = []
  /** Turns that an agent reported as completed. */
  readonly completed = new Set<TurnId>()
  readonly wrong: Array<string> = []
  /** Steered texts that were not accepted and not lost in a crash. */
  refused: Array<{ readonly threadId: ThreadId; readonly text: string }> = []
  mood: Mood = { open: "ok", start: "ok", steer: "ok", interrupt: "obey", answer: "ok", stop: "obey", capable: "steer" }

  live(threadId: ThreadId): Agent | undefined {
    return this.sessions.find((session) => session.threadId === threadId)
  }

  /** Simulates a power loss of the machine: all agents end, and no event reports it. */
  killAll(): void {
    this.sessions.length = 0
    this.refused = []
    this.opening.clear()
    this.calls.clear()
  }

  /** Adds 1 to the count while the effect runs. */
  private readonly during = <A, E>(counts: Map<ThreadId, number>, threadId: ThreadId, effect: Effect.Effect<A, E>) => {
    const add = (by: number) => Effect.sync(() => counts.set(threadId, (counts.get(threadId) ?? 0) + by))
    return Effect.acquireUseRelease(
      add(1),
      () => effect,
      () => add(-1)
    )
  }

  private readonly open = (input: OpenInput) =>
    Effect.gen(this, function* () {
      const { threadId } = input
      const earlier = this.live(threadId)
      if (earlier !== undefined || (this.opening.get(threadId) ?? 0) > 0)
        this.wrong.push(`P7 a second agent of ${threadId} is opened before the first has ended`)
      const { open } = this.mood
      yield* this.during(
        this.opening,
        threadId,
        open === "slow"
          ? slow
          : open === "hang"
            ? nothing
            : open === "fail"
              ? Effect.fail(failure("open", "failed"))
              : Effect.void
      )
      const session = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const made = new Agent(this.completed, input)
          this.sessions.push(made)
          return made
        }),
        (made) =>
          Effect.sync(() => {
            made.end("killed")
            const at = this.sessions.indexOf(made)
            if (at >= 0) this.sessions.splice(at, 1)
          })
      )
      return this.faces(session, input)
    })

  private faces(session: Agent, input: OpenInput): ProviderSession {
    let settings: Settings = settingsOf({ ...input.settings, model: input.model })
    const inLane = (call: () => Effect.Effect<void, ProviderError>) =>
      this.during(this.calls, input.threadId, Effect.suspend(call))
    return {
      events: session.events,
      continuity: input.resumeKey === undefined ? "fresh" : "resumed",
      resumeKey: `key-${input.threadId}`,
      capabilities:
        this.mood.capable === "steer" ? ["steer", "interrupt", "approvals", "resume", "set-effort"] : ["interrupt", "approvals"],
      startTurn: ({ turnId }) =>
        inLane(() => {
          if (this.given.includes(turnId) && session.runs(turnId)) this.wrong.push(`T12 ${turnId} was given twice`)
          this.given.push(turnId)
          this.ran.push({ turnId, settings })
          switch (this.mood.start) {
            case "refuse":
              return Effect.fail(failure("startTurn", "failed"))
            case "unknown":
              return Effect.fail(failure("startTurn", "unknown"))
            case "hang":
              return nothing
            case "slow":
              return Effect.zipRight(
                slow,
                Effect.sync(() => session.start(turnId))
              )
            default:
              return Effect.sync(() => session.start(turnId))
          }
        }),
      configure: (changed) =>
        Effect.sync(() => {
          settings = settingsOf({ ...settings, ...changed })
        }),
      steer: ({ turnId, text }) =>
        inLane(() => {
          if (this.mood.steer === "hang") return nothing
          if (this.mood.steer === "ok" && session.runs(turnId)) return Effect.void
          this.refused.push({ threadId: input.threadId, text })
          return Effect.fail(failure("steer", "failed"))
        }),
      interrupt: (turnId) =>
        Effect.suspend(() => {
          this.interrupted.push({ threadId: input.threadId, turnId })
          switch (this.mood.interrupt) {
            case "hang":
              return nothing
            case "refuse":
              return Effect.fail(failure("interrupt", "failed"))
            case "obey":
              return Effect.sync(() => session.settle(turnId, "interrupted"))
            case "ignore":
              return Effect.void
          }
        }),
      answer: (requestId, answer) =>
        Effect.suspend(() => {
          this.answers.push({ requestId, answer })
          session.answered(requestId)
          return this.mood.answer === "hang"
            ? nothing
            : this.mood.answer === "fail"
              ? Effect.fail(failure("answer", "failed"))
              : Effect.void
        }),
      stop: (reason) =>
        Effect.suspend(() => {
          if (this.mood.stop === "hang") return nothing
          if (this.mood.stop === "obey") session.end(reason)
          return Effect.void
        })
    }
  }

  readonly adapter: ProviderAdapter = {
    name: provider,
    settable: { settings: new Set(["effort", "instructions"]), permissionModes: new Set() },
    probe: Effect.succeed({ provider, installed: true, signedIn: "not-needed", capabilities: [] }),
    open: (input) => this.open(input)
  }
}
