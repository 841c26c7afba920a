/** Performs each step of a script on the current state. A step without a matching object does nothing. */
import { defined } from "@millrace/contracts/Defined"
import type { BodyOf, CommandType } from "@millrace/contracts/Command"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { type Agents, moods, provider } from "./Agents.ts"
import type { Machine } from "./Machine.ts"
import type { Reference } from "./Reference.ts"
import type { Follower, Server } from "./Server.ts"
import type { Step } from "./Steps.ts"
import type { Thread } from "./Thread.ts"

/** The objects that steps act on. */
export interface Stage {
  readonly reference: Reference
  readonly agents: Agents
  readonly machine: Machine
  readonly followers: ReadonlyArray<Follower>
  /** `undefined` while the server is down. */
  readonly running: () => Server | undefined
  /** A counter of this run, for unique texts. */
  readonly count: () => number
  readonly send: <T extends CommandType>(type: T, body: BodyOf<T>) => void
  readonly again: (at: number) => void
  readonly late: (thread: Thread, event: DurableEvent) => void
  readonly begin: () => void
  readonly kill: () => void
  readonly shutdown: () => void
}

const pick = <A>(list: ReadonlyArray<A>, at: number): A | undefined => (list.length === 0 ? undefined : list[at % list.length])

export class Performer {
  private readonly on: Stage

  constructor(on: Stage) {
    this.on = on
  }

  private thread(at: number): Thread | undefined {
    return pick([...this.on.reference.threads.values()], at)
  }

  private queued(step: { readonly thread: number; readonly at: number }) {
    const thread = this.thread(step.thread)
    if (thread === undefined) return undefined
    const turnId = pick(thread.queue, step.at) ?? thread.active ?? [...thread.ended].at(-1) ?? "trn_none"
    return { threadId: thread.id as ThreadId, turnId: turnId as TurnId }
  }

  private interrupt(thread: Thread, which: Extract<Step, { do: "interrupt" }>["turn"]): void {
    const ids = {
      none: undefined,
      active: thread.active,
      queued: thread.queue.at(-1),
      over: [...thread.ended].at(-1),
      unknown: "trn_none"
    } as const
    const turnId = ids[which] as TurnId | undefined
    if (turnId === undefined && which !== "none") return
    this.on.send("turn.interrupt", { threadId: thread.id as ThreadId, ...(turnId === undefined ? {} : { turnId }) })
  }

  private answer({ at, how }: Extract<Step, { do: "answer" }>): void {
    const all = [...this.on.reference.requests.values()]
    const open = all.filter((request) => request.open)
    const request = pick(open, at) ?? all.at(-1)
    if (how === "unknown" || request === undefined) {
      if (how === "unknown") this.on.send("request.answer", { requestId: "req_none" as RequestId, decision: "accept" })
      return
    }
    const requestId = request.id as RequestId
    if (how === "cancel")
      return this.on.send("request.answer", { requestId, decision: request.ask.kind === "approval" ? "decline" : "cancel" })
    const approval = request.ask.kind === "approval"
    const asked = request.thread.plan?.request === request.id && !request.held
    if (asked && (how === "right" || how === "session"))
      return this.on.send("request.answer", { requestId, answers: { continue: [how === "right" ? "continue" : "leave"] } })
    if (how === "wrong")
      return this.on.send("request.answer", approval ? { requestId, decision: "cancel" } : { requestId, answers: {} })
    if (!approval) return this.on.send("request.answer", { requestId, answers: { q: ["this"] } })
    this.on.send("request.answer", { requestId, decision: how === "session" ? "accept-for-session" : "accept" })
  }

  private ghost(thread: Thread, what: number): void {
    const turnId = (thread.active ?? [...thread.ended].at(-1) ?? "trn_none") as TurnId
    const itemId = `itm_ghost_${this.on.count()}` as Extract<DurableEvent, { _tag: "ItemStarted" }>["itemId"]
    const events: ReadonlyArray<DurableEvent> = [
      { _tag: "TurnCompleted", turnId },
      { _tag: "TurnFailed", turnId, error: { kind: "process", message: "the old one died" } },
      { _tag: "ItemStarted", turnId, itemId, kind: "agent-message", content: {} },
      {
        _tag: "RequestOpened",
        turnId,
        requestId: `req_ghost_${this.on.count()}` as RequestId,
        ask: { kind: "approval", title: "?", choices: ["accept"] }
      }
    ]
    const event = events[what]
    if (event === undefined || thread.epoch < 2) return
    this.on.late(thread, event)
  }

  perform(step: Step): void {
    const server = this.on.running()
    switch (step.do) {
      case "together":
        for (const one of step.steps) this.perform(one)
        return
      case "create":
        return this.on.send("thread.create", {
          provider: step.wrong === "provider" ? "none" : provider,
          cwd: step.wrong === "directory" ? "/nowhere" : "/work",
          ...(step.turn ? { turn: { text: "first" } } : {})
        })
      case "answer":
        return this.answer(step)
      case "again":
        return this.on.again(step.at)
      case "crash":
        this.on.machine.rest(step.after)
        return this.on.kill()
      case "shutdown":
        return this.on.shutdown()
      case "restart":
        return server === undefined ? this.on.begin() : undefined
      case "wait":
        return this.on.machine.pass(step.millis)
      case "suspend":
        return this.on.machine.suspend(step.millis)
      case "detach":
        return this.on.followers[step.follower]?.cut(false)
      case "attach": {
        const follower = this.on.followers[step.follower]
        return server === undefined ? undefined : follower?.attach(server)
      }
      case "mood":
        this.on.agents.mood = { ...this.on.agents.mood, [step.of]: moods[step.of][step.is] }
        return
      default:
        return this.inThread(step)
    }
  }

  private inThread(
    step: Exclude<
      Step,
      {
        do:
          | "together"
          | "create"
          | "answer"
          | "again"
          | "crash"
          | "shutdown"
          | "restart"
          | "wait"
          | "suspend"
          | "detach"
          | "attach"
          | "mood"
      }
    >
  ): void {
    const thread = this.thread(step.thread)
    if (thread === undefined) return
    const threadId = thread.id as ThreadId
    switch (step.do) {
      case "send": {
        const expected = step.expect === undefined ? undefined : step.expect === "active" ? thread.active : "trn_other"
        return this.on.send("turn.start", {
          threadId,
          text: `text ${this.on.count()}`,
          strategy: step.strategy,
          ...(expected === undefined ? {} : { expectedTurnId: expected as TurnId })
        })
      }
      case "edit": {
        const queued = this.queued(step)
        return queued === undefined ? undefined : this.on.send("turn.edit", { ...queued, text: `edited ${this.on.count()}` })
      }
      case "remove": {
        const queued = this.queued(step)
        return queued === undefined ? undefined : this.on.send("turn.remove", queued)
      }
      case "promote": {
        const queued = this.queued(step)
        return queued === undefined ? undefined : this.on.send("turn.promote", { ...queued, strategy: step.strategy })
      }
      case "reorder": {
        const turnIds = thread.queue
          .slice(step.from)
          .toReversed()
          .map((id) => id as TurnId)
        return turnIds.length === 0 ? undefined : this.on.send("turn.reorder", { threadId, turnIds })
      }
      case "interrupt":
        return this.interrupt(thread, step.turn)
      case "stop":
        return this.on.send("session.stop", {
          threadId,
          ...(step.epoch === undefined ? {} : { expectedEpoch: step.epoch === "right" ? thread.epoch : thread.epoch + 7 })
        })
      case "configure":
        return this.on.send("thread.configure", {
          threadId,
          ...defined({
            recovery: step.recovery,
            afterLimit: step.afterLimit,
            effort: step.effort,
            instructions: step.instructions
          })
        })
      case "goal":
        return this.on.send("goal.set", {
          threadId,
          objective: `goal ${this.on.count()}`,
          budget: { turns: step.turns },
          pauseOnUserMessage: step.pauses
        })
      case "goal-pause":
        return this.on.send("goal.pause", { threadId })
      case "goal-resume":
        return this.on.send("goal.resume", { threadId })
      case "goal-clear":
        return this.on.send("goal.clear", { threadId })
      case "leave":
        return this.on.send("continuation.cancel", { threadId })
      case "archive":
        return this.on.send("thread.archive", { threadId })
      case "unarchive":
        return this.on.send("thread.unarchive", { threadId })
      case "delete":
        return this.on.send("thread.delete", { threadId })
      case "rename":
        return this.on.send("thread.rename", { threadId, title: `title ${this.on.count()}` })
      case "agent":
        return void this.on.agents.live(threadId)?.act(step.does)
      case "ghost":
        return this.ghost(thread, step.what)
    }
  }
}
