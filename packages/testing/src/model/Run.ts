/**
 * Plays a script against the product and against the reference, and looks at both after every step. One script is one run, the same each time.
 */
import type { Accepted, BodyOf, Command, CommandType } from "@millrace/contracts/Command"
import { make } from "@millrace/contracts/Command"
import type { LogEvent } from "@millrace/contracts/Event"
import { CommandId, type RequestId, type ThreadId, threadStream, type TurnId } from "@millrace/contracts/Ids"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { Dispatcher } from "@millrace/orchestration/Dispatcher"
import { Engine } from "@millrace/orchestration/Engine"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import * as Verify from "@millrace/orchestration/Verify"
import * as Views from "@millrace/orchestration/Views"
import { Cause, Effect, Exit, Option } from "effect"
import { check } from "../HistoryChecker.ts"
import * as LogChecks from "../LogChecks.ts"
import { Agents, moods, provider } from "./Agents.ts"
import { type Job, Machine } from "./Machine.ts"
import { type Prediction, Reference, type Thread } from "./Reference.ts"
import { Follower, parse, rows, Server } from "./Server.ts"
import type { Script, Step } from "./Steps.ts"

/** A promise that was broken, and after which step. */
export class Broken extends Error {
  override readonly name = "Broken"
  readonly step: number
  readonly violations: ReadonlyArray<string>
  readonly log: ReadonlyArray<string>
  constructor(step: number, violations: ReadonlyArray<string>, log: ReadonlyArray<string>) {
    super(`after step ${step}: ${violations.join("\n")}`)
    this.step = step
    this.violations = violations
    this.log = log
  }
}

/** What a run was made of: a script in which nothing happens proves nothing. */
export interface Figures {
  readonly events: number
  readonly steps: number
  readonly commands: number
  readonly crashes: number
  readonly turns: number
  readonly requests: number
}

interface Sent {
  readonly command: Command
  job: Job<Accepted, { readonly _tag: string }> | undefined
  /** The answer, as the reference writes it. */
  answer: Prediction | undefined
  accepted: Accepted | undefined
  /** What it may be answered: by the state at its events, else by any state since it was sent. */
  readonly possible: Array<Prediction>
  fixed: boolean
}

interface Answered {
  readonly accepted: Accepted | undefined
  readonly offset: number | undefined
  readonly prediction: Prediction
}

const agrees = (answer: Prediction, predicted: Prediction): boolean =>
  answer.rule === predicted.rule &&
  (predicted.outcome === undefined || answer.outcome === predicted.outcome) &&
  (predicted.turnId === undefined || answer.turnId === predicted.turnId)

const pick = <A>(list: ReadonlyArray<A>, at: number): A | undefined => (list.length === 0 ? undefined : list[at % list.length])

/** Virtual time in which everything that was begun must have ended, whatever its agent does. */
const patience = { millis: 60_000, rounds: 120 }

class Run {
  readonly agents = new Agents()
  readonly reference = new Reference(this.agents.completed)
  readonly figures = { events: 0, steps: 0, commands: 0, crashes: 0, turns: 0, requests: 0 }
  private readonly machine: Machine
  private readonly storage = EventLogMemory.storage("01MDE00000000000000000TEST")
  private server: Server | undefined
  private readonly followers = [new Follower("all")]
  private readonly sent: Array<Sent> = []
  private readonly answered: Array<{
    readonly requestId: string
    readonly thread: Thread
    readonly epoch: number
    readonly decision: string | undefined
  }> = []
  private readonly interrupts = new Set<string>()
  /** Texts of turns. */
  private readonly requested = new Set<string>()
  private read = 0
  private readonly lines: Array<string> = []
  private wrong: Array<string> = []
  private number = 0
  private viewed: { readonly server: Server | undefined; readonly at: number } = { server: undefined, at: 0 }

  constructor(seed: number) {
    this.machine = new Machine(seed)
    this.begin()
  }

  private say(...violations: ReadonlyArray<string>): void {
    this.wrong.push(...violations)
  }
  private must(): void {
    if (this.wrong.length > 0) throw new Broken(this.number, [...new Set(this.wrong)], this.lines)
  }

  // --- the server's life

  private begin(): void {
    this.server = new Server(this.machine, this.storage, this.agents)
  }

  private kill(): void {
    if (this.server === undefined) return
    this.figures.crashes++
    for (const follower of this.followers) follower.cut(true)
    this.server.process.kill()
    this.server = undefined
    this.agents.killAll()
    for (const sent of this.sent) if (sent.answer === undefined) sent.job = undefined
  }

  private shutdown(): void {
    const { server } = this
    if (server === undefined) return
    if (server.services === undefined) return this.kill()
    for (const follower of this.followers) follower.cut(true)
    this.machine.rest()
    this.follow()
    const closed = server.close()
    this.machine.pass(60_000)
    this.follow()
    if (closed.exit() === undefined) this.say("S6 the server does not close")
    if (this.agents.sessions.length > 0) this.say("S8 an agent outlives its server")
    if (server.left > 0) this.say(`S6 ${server.left} fibers are left of a closed server`)
    if (server.process.timers() > 0) this.say(`S6 ${server.process.timers()} timers are left of a closed server`)
    this.say(...server.errors)
    for (const thread of this.reference.threads.values())
      if (thread.session !== undefined) this.say(`S8 the session of ${thread.id} outlives its server`)
    server.process.kill()
    this.server = undefined
    this.agents.killAll()
  }

  /** After it came up: readers come back, and what was not answered is asked again, with the same id. */
  private up(): void {
    const { server } = this
    if (server?.services === undefined) return
    for (const follower of this.followers) if (follower.wanted || this.number === 0) follower.attach(server)
    for (const sent of this.sent) if (sent.answer === undefined && sent.job === undefined) this.dispatch(sent)
  }

  // --- commands

  private dispatch(sent: Sent): void {
    sent.job = this.server?.do(Effect.flatMap(Engine, (engine) => engine.dispatch(sent.command, "tester")))
  }

  private send<T extends CommandType>(type: T, body: BodyOf<T>): void {
    if (this.server?.services === undefined) return
    const command = make(CommandId.make(`cmd-${this.sent.length + 1}`), type, body) as Command
    const sent: Sent = { command, job: undefined, answer: undefined, accepted: undefined, possible: [], fixed: false }
    this.sent.push(sent)
    this.figures.commands++
    sent.possible.push(this.reference.predict(command))
    this.dispatch(sent)
  }

  /** The same id and body: the same answer (C2). */
  private again(at: number): void {
    const sent = pick(this.sent, at)
    if (sent === undefined || sent.answer === undefined || this.server?.services === undefined) return
    const job = this.server.do(Effect.flatMap(Engine, (engine) => engine.dispatch(sent.command, "tester")))
    const before = this.storage.view((view) => view.head)
    this.machine.rest()
    const answer = job === undefined ? undefined : this.answerOf(job)
    if (
      answer?.offset !== sent.accepted?.offset ||
      answer?.prediction.rule !== sent.answer.rule ||
      answer?.prediction.outcome !== sent.answer.outcome
    )
      this.say(`C2 ${sent.command.commandId} was answered ${JSON.stringify(sent.answer)}, and again ${JSON.stringify(answer)}`)
    for (const { json } of rows(this.storage, before))
      if (parse(json).commandId === sent.command.commandId) this.say(`C2 ${sent.command.commandId} ran twice`)
  }

  private answerOf(job: Job<Accepted, { readonly _tag: string }>): Answered | undefined {
    const exit = job.exit()
    if (exit === undefined) return undefined
    if (Exit.isSuccess(exit)) {
      const { outcome, turnId, offset } = exit.value
      return {
        accepted: exit.value,
        offset,
        prediction: { ...(outcome === undefined ? {} : { outcome }), ...(turnId === undefined ? {} : { turnId }) }
      }
    }
    const error = Option.getOrUndefined(Cause.failureOption(exit.cause)) as
      | { readonly _tag: string; readonly rule?: string }
      | undefined
    if (error === undefined) this.say(`C1 a command died: ${Cause.pretty(exit.cause)}`)
    return { accepted: undefined, offset: undefined, prediction: { rule: error?.rule ?? error?._tag ?? "defect" } }
  }

  // --- what the log says

  /** Reads on: the reference judges each event, and each command is judged by the state in which it was decided. */
  private follow(): void {
    const open = () => this.sent.filter(({ answer, fixed }) => answer === undefined && !fixed)
    for (const { json } of rows(this.storage, this.read)) {
      const event = parse(json)
      this.read = event.offset
      this.figures.events++
      this.lines.push(`${event.offset} ${event.stream} ${event.type} ${JSON.stringify(event.data)}`)
      const own =
        event.commandId === undefined ? undefined : this.sent.find(({ command }) => command.commandId === event.commandId)
      for (const sent of open())
        if (sent === own) {
          sent.possible.splice(0, Number.POSITIVE_INFINITY, this.reference.predict(sent.command))
          sent.fixed = true
        }
      this.say(...this.reference.read(event))
      this.note(event)
      for (const sent of open()) sent.possible.push(this.reference.predict(sent.command))
    }
    for (const sent of this.sent) {
      if (sent.answer !== undefined || sent.job === undefined) continue
      const answer = this.answerOf(sent.job)
      if (answer === undefined) continue
      sent.answer = answer.prediction
      sent.accepted = answer.accepted
      if (!sent.possible.some((one) => agrees(answer.prediction, one)))
        this.say(
          `C1 ${JSON.stringify(sent.command)} was answered ${JSON.stringify(answer.prediction)}; due was ${JSON.stringify(sent.possible)}`
        )
      if (answer.accepted !== undefined && answer.accepted.offset > this.read)
        this.say("L2 a command was answered before its commit")
    }
  }

  private note(event: LogEvent): void {
    const data = event.data as {
      readonly turnId: TurnId
      readonly threadId: ThreadId
      readonly requestId: RequestId
      readonly decision?: string
      readonly text: string
    }
    if (event.type === "turn.requested") {
      this.figures.turns++
      this.requested.add(data.text)
    }
    if (event.type === "request.opened") this.figures.requests++
    if (event.type === "turn.interrupt.requested") this.interrupts.add(data.turnId)
    const thread = this.reference.threads.get(data.threadId)
    if (event.type === "request.answered" && thread !== undefined)
      this.answered.push({ requestId: data.requestId, thread, epoch: thread.epoch, decision: data.decision })
    if (event.type === "thread.created" && this.followers.length === 1) {
      const follower = new Follower("thread", threadStream(data.threadId))
      this.followers.push(follower)
      if (this.server !== undefined) follower.attach(this.server)
    }
  }

  // --- what must hold

  private check(): void {
    this.follow()
    this.say(...this.agents.wrong)
    const { server } = this
    if (server === undefined) return this.must()
    if (server.services === undefined) {
      this.say("T5 recovery does not end")
      return this.must()
    }
    this.say(...server.errors, ...this.reference.atRest())
    for (const { answer, command } of this.sent)
      if (answer === undefined) this.say(`C3 ${command.commandId} ${command.type} is not answered`)
    this.owners(server)
    this.agentsAgree()
    // What nobody changed is as it was.
    if (this.viewed.server !== server || this.viewed.at !== this.read) this.viewsAgree(server)
    this.viewed = { server, at: this.read }
    for (const follower of this.followers) {
      if (follower.failure !== undefined) this.say(follower.failure)
      if (follower.live && follower.at < this.due(follower))
        this.say(`D1 ${follower.name} is at ${follower.at}, due is ${this.due(follower)}`)
    }
    this.must()
  }

  private due({ stream }: Follower): number {
    return this.storage.view((view) => {
      if (stream === undefined) return view.head
      return view.events({ after: 0, stream, limit: 100_000, maxBytes: Number.MAX_SAFE_INTEGER }).events.at(-1)?.offset ?? 0
    })
  }

  /** T4: every live turn has an owner, queued work, or a running clock. */
  private owners(server: Server): void {
    const runners = new Set(
      server.look(Effect.flatMap(Dispatcher, ({ sessions }) => sessions)).map(({ threadId, epoch }) => `${threadId} ${epoch}`)
    )
    for (const thread of this.reference.threads.values()) {
      if (thread.deleted || thread.session === undefined) continue
      if (!runners.has(`${thread.id} ${thread.epoch}`)) this.say(`T4 the session of ${thread.id} has no owner`)
      const agent = this.agents.live(thread.id as ThreadId)
      const opening = (this.agents.opening.get(thread.id as ThreadId) ?? 0) > 0
      if (agent === undefined && !opening && !thread.stopping) this.say(`T4 the session of ${thread.id} has no agent`)
      const turnId = thread.active as TurnId | undefined
      const turn = turnId === undefined ? undefined : thread.open.get(turnId)
      // A call that is not answered has a clock of its own, and what comes behind it waits.
      const calling = (this.agents.calls.get(thread.id as ThreadId) ?? 0) > 0
      if (turn === undefined || turnId === undefined || thread.stopping || opening || calling) continue
      if (turn.origin === "user" && !this.agents.given.includes(turnId)) this.say(`T4 ${turnId} was given to nobody`)
      if (turn.interrupting && agent?.runs(turnId) === true && !this.agents.interrupted.includes(turnId))
        this.say(`T7 nobody told the agent to interrupt ${turnId}`)
    }
  }

  private agentsAgree(): void {
    for (const turnId of this.agents.interrupted)
      if (!this.interrupts.has(turnId)) this.say(`T7 ${turnId} was interrupted, and nobody wanted it`)
    for (const text of this.agents.refused) if (!this.requested.has(text)) this.say(`T12 the refused ${text} is no turn`)
    const told = new Map<string, number>()
    for (const { requestId } of this.agents.answers) told.set(requestId, (told.get(requestId) ?? 0) + 1)
    for (const [id, times] of told) if (times > 1) this.say(`T13 ${id} was answered to the agent ${times} times`)
    for (const { requestId, thread, epoch, decision } of this.answered) {
      const given = this.agents.answers.find((one) => one.requestId === requestId)?.answer
      if (given === undefined) {
        if (thread.session !== undefined && thread.epoch === epoch && !thread.stopping)
          this.say(`T13 the answer to ${requestId} did not reach the agent`)
      } else if (decision !== undefined && !("decision" in given && given.decision === decision))
        this.say(`T13 ${requestId} was answered ${decision}, the agent was told ${JSON.stringify(given)}`)
    }
  }

  /** What people see is what the log says. */
  private viewsAgree(server: Server): void {
    const views = server.look(Views.Views)
    const state = server.look(views.state)
    const archived = server.look(views.threads({ archived: true })).items
    const shown = new Map([...state.threads, ...archived].map((view) => [view.threadId as string, view]))
    for (const thread of this.reference.threads.values()) {
      const view = shown.get(thread.id)
      if (thread.deleted) {
        if (view !== undefined) this.say(`L11 ${thread.id} is deleted, and still shown`)
        continue
      }
      const due = {
        status: thread.status,
        archived: thread.archived,
        active: thread.active,
        queue: thread.queue,
        requests: thread.openRequests.map(({ id }) => id).toSorted(),
        items: [...thread.items].toSorted(),
        background: [...thread.tasks],
        session: thread.session
      }
      const session = view?.session?.status
      const is =
        view === undefined
          ? undefined
          : {
              status: view.status,
              archived: view.archived,
              active: view.activeTurnId,
              queue: view.queuedTurnIds,
              requests: view.openRequestIds.toSorted(),
              items: view.openItemIds.toSorted(),
              background: view.backgroundIds ?? [],
              session: session === "stopped" || session === "error" ? undefined : session
            }
      if (JSON.stringify(is) !== JSON.stringify(due))
        this.say(`L11 ${thread.id} is shown as ${JSON.stringify(is)}; due is ${JSON.stringify(due)}`)
      for (const turn of server.look(views.turns(thread.id as ThreadId, { limit: 100 })).items) {
        const status = thread.over.has(turn.turnId)
          ? "over"
          : thread.queue.includes(turn.turnId)
            ? "queued"
            : thread.open.has(turn.turnId)
              ? "open"
              : "unknown"
        const told =
          turn.status === "queued" ? "queued" : turn.status === "running" || turn.status === "waiting" ? "open" : "over"
        if (status !== told) this.say(`L11 ${turn.turnId} is shown as ${turn.status}; it is ${status}`)
        const text = this.reference.texts.get(turn.turnId)
        if (text !== undefined && text !== turn.text) this.say(`T12 ${turn.turnId} is shown as ${turn.text}; it says ${text}`)
      }
    }
    const waits = [...this.reference.requests.values()].filter(({ open, thread }) => open && !thread.deleted).map(({ id }) => id)
    if (
      JSON.stringify(state.requests.map(({ requestId }) => requestId as string).toSorted()) !== JSON.stringify(waits.toSorted())
    )
      this.say(`T13 the snapshot shows ${JSON.stringify(state.requests)}; open are ${waits.join(", ")}`)
  }

  /** A fresh fold of the whole log gives the read models, and every reader has it (L11, D2). */
  private audit(settled: boolean): void {
    const { server } = this
    if (server !== undefined) this.say(...server.look(Verify.run).problems)
    const log = rows(this.storage, 0)
    this.say(
      ...LogChecks.problems(
        log.map(({ json }) => parse(json)),
        settled
      )
    )
    for (const { reader, rule, detail } of check(
      log,
      this.followers.map(({ history }) => history),
      { settled: false }
    ))
      this.say(`${rule}: ${reader}: ${detail}`)
    this.must()
  }

  // --- steps

  private thread(at: number): Thread | undefined {
    return pick([...this.reference.threads.values()], at)
  }

  private queued(step: { readonly thread: number; readonly at: number }) {
    const thread = this.thread(step.thread)
    if (thread === undefined) return undefined
    const turnId = pick(thread.queue, step.at) ?? thread.active ?? [...thread.over].at(-1) ?? "trn_none"
    return { threadId: thread.id as ThreadId, turnId: turnId as TurnId }
  }

  private interrupt(thread: Thread, which: Extract<Step, { do: "interrupt" }>["turn"]): void {
    const ids = {
      none: undefined,
      active: thread.active,
      queued: thread.queue.at(-1),
      over: [...thread.over].at(-1),
      unknown: "trn_none"
    } as const
    const turnId = ids[which] as TurnId | undefined
    if (turnId === undefined && which !== "none") return
    this.send("turn.interrupt", { threadId: thread.id as ThreadId, ...(turnId === undefined ? {} : { turnId }) })
  }

  private answer({ at, how }: Extract<Step, { do: "answer" }>): void {
    const all = [...this.reference.requests.values()]
    const open = all.filter((request) => request.open)
    const request = pick(open, at) ?? all.at(-1)
    if (how === "unknown" || request === undefined) {
      if (how === "unknown") this.send("request.answer", { requestId: "req_none" as RequestId, decision: "accept" })
      return
    }
    const requestId = request.id as RequestId
    if (how === "cancel")
      return this.send("request.answer", { requestId, decision: request.ask.kind === "approval" ? "decline" : "cancel" })
    const approval = request.ask.kind === "approval"
    if (how === "wrong")
      return this.send("request.answer", approval ? { requestId, decision: "cancel" } : { requestId, answers: {} })
    if (!approval) return this.send("request.answer", { requestId, answers: { q: ["this"] } })
    this.send("request.answer", { requestId, decision: how === "session" ? "accept-for-session" : "accept" })
  }

  private ghost(thread: Thread, what: number): void {
    const turnId = (thread.active ?? [...thread.over].at(-1) ?? "trn_none") as TurnId
    const itemId = `itm_ghost_${this.number}` as Extract<DurableEvent, { _tag: "ItemStarted" }>["itemId"]
    const events: ReadonlyArray<DurableEvent> = [
      { _tag: "TurnCompleted", turnId },
      { _tag: "TurnFailed", turnId, error: { kind: "process", message: "the old one died" } },
      { _tag: "ItemStarted", turnId, itemId, kind: "agent-message", content: {} },
      {
        _tag: "RequestOpened",
        turnId,
        requestId: `req_ghost_${this.number}` as RequestId,
        ask: { kind: "approval", title: "?", choices: ["accept"] }
      }
    ]
    const event = events[what]
    if (event === undefined || thread.epoch < 2) return
    const before = this.storage.view((view) => view.head)
    const fact = { _tag: "Said", threadId: thread.id as ThreadId, epoch: thread.epoch - 1, events: [event] } as const
    this.machine.rest()
    const rested = this.storage.view((view) => view.head)
    if (rested !== before) this.follow()
    this.server?.do(Effect.flatMap(Engine, (engine) => engine.ingest({ fact, weight: 100 })))
    this.machine.rest()
    for (const { type, json } of rows(this.storage, rested))
      if (type !== "provider.event") this.say(`T6 a late frame of an old epoch caused ${json}`)
  }

  private perform(step: Step): void {
    const { server } = this
    switch (step.do) {
      case "together":
        for (const one of step.steps) this.perform(one)
        return
      case "create":
        return this.send("thread.create", {
          provider: step.wrong === "provider" ? "none" : provider,
          cwd: step.wrong === "directory" ? "/nowhere" : "/work",
          ...(step.turn ? { turn: { text: "first" } } : {})
        })
      case "answer":
        return this.answer(step)
      case "again":
        return this.again(step.at)
      case "crash":
        this.machine.rest(step.after)
        return this.kill()
      case "shutdown":
        return this.shutdown()
      case "restart":
        return server === undefined ? this.begin() : undefined
      case "wait":
        return this.machine.pass(step.millis)
      case "suspend":
        return this.machine.suspend(step.millis)
      case "detach":
        return this.followers[step.follower]?.cut(false)
      case "attach": {
        const follower = this.followers[step.follower]
        return server === undefined ? undefined : follower?.attach(server)
      }
      case "mood":
        this.agents.mood = { ...this.agents.mood, [step.of]: moods[step.of][step.is] }
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
        return this.send("turn.start", {
          threadId,
          text: `text ${this.sent.length}`,
          strategy: step.strategy,
          ...(expected === undefined ? {} : { expectedTurnId: expected as TurnId })
        })
      }
      case "edit": {
        const queued = this.queued(step)
        return queued === undefined ? undefined : this.send("turn.edit", { ...queued, text: `edited ${this.sent.length}` })
      }
      case "remove": {
        const queued = this.queued(step)
        return queued === undefined ? undefined : this.send("turn.remove", queued)
      }
      case "promote": {
        const queued = this.queued(step)
        return queued === undefined ? undefined : this.send("turn.promote", { ...queued, strategy: step.strategy })
      }
      case "reorder": {
        const turnIds = thread.queue
          .slice(step.from)
          .toReversed()
          .map((id) => id as TurnId)
        return turnIds.length === 0 ? undefined : this.send("turn.reorder", { threadId, turnIds })
      }
      case "interrupt":
        return this.interrupt(thread, step.turn)
      case "stop":
        return this.send("session.stop", {
          threadId,
          ...(step.epoch === undefined ? {} : { expectedEpoch: step.epoch === "right" ? thread.epoch : thread.epoch + 7 })
        })
      case "archive":
        return this.send("thread.archive", { threadId })
      case "unarchive":
        return this.send("thread.unarchive", { threadId })
      case "delete":
        return this.send("thread.delete", { threadId })
      case "rename":
        return this.send("thread.rename", { threadId, title: `title ${this.sent.length}` })
      case "agent":
        return void this.agents.live(threadId)?.act(step.does)
      case "ghost":
        return this.ghost(thread, step.what)
    }
  }

  private rest(): void {
    this.machine.rest()
    this.up()
    this.machine.rest()
    this.follow()
    // A reader that came with a thread has to catch up.
    this.machine.rest()
    this.check()
  }

  play(steps: ReadonlyArray<Step>): Figures {
    this.rest()
    for (const step of steps) {
      this.number++
      this.figures.steps++
      const { server } = this
      this.perform(step)
      this.rest()
      // A restart just ended: what it found is folded afresh.
      if (this.server !== server && this.server !== undefined) this.audit(false)
    }
    this.end()
    return this.figures
  }

  /** Whatever is under way ends, by its clock if by nothing else; then the server closes and leaves nothing behind. */
  private end(): void {
    this.number++
    if (this.server === undefined) this.begin()
    for (let round = 0; round < patience.rounds; round++) {
      this.rest()
      if (this.quiet) break
      this.machine.pass(patience.millis)
    }
    for (const thread of this.reference.threads.values()) {
      for (const id of [...thread.queue, ...thread.open.keys()]) this.say(`T2 ${id} never ends`)
      if (thread.session !== undefined) this.say(`R1 nobody stops the session of ${thread.id}`)
    }
    this.must()
    this.audit(true)
    this.shutdown()
    this.must()
  }

  private get quiet(): boolean {
    return [...this.reference.threads.values()].every(
      (thread) => thread.open.size === 0 && thread.queue.length === 0 && thread.session === undefined
    )
  }
}

/** Plays the script; throws `Broken` at the first step after which a promise does not hold. */
export const runModel = ({ seed, steps }: Script): Figures => new Run(seed).play(steps)
