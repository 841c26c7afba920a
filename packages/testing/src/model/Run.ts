/**
 * Plays a script against the product and against the reference, and checks both after every step. A script is reproducible.
 */
import { type ThreadId, threadStream } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { Engine } from "@millrace/orchestration/engine/Engine"
import * as Verify from "@millrace/orchestration/readmodel/Verify"
import { Effect } from "effect"
import { check } from "../HistoryChecker.ts"
import * as LogChecks from "../LogChecks.ts"
import { Agents } from "./Agents.ts"
import { agentsAgree, Noted, owners, viewsAgree } from "./Checks.ts"
import { Client } from "./Client.ts"
import { InterruptedWork } from "./InterruptedWork.ts"
import { LogFeed } from "./LogFeed.ts"
import { Machine } from "./Machine.ts"
import { Performer } from "./Perform.ts"
import { Reference } from "./Reference.ts"
import { Broken, type Figures } from "./RunResult.ts"
import { Follower, parse, rows, Server } from "./Server.ts"
import type { Script, Step } from "./Steps.ts"
import type { Thread } from "./Thread.ts"

/** Steps that need no running server. Before every other step the server is started. */
const down: ReadonlySet<Step["do"]> = new Set<Step["do"]>(["restart", "wait", "suspend", "detach", "mood", "together"])

/** Virtual time within which all started work must end, whatever its agent does. */
const patience = { millis: 60_000, rounds: 120 }

class Run {
  readonly agents = new Agents()
  readonly reference = new Reference(this.agents.completed)
  private readonly counts = { steps: 0, commands: 0, crashes: 0 }
  private readonly machine: Machine
  private readonly storage = EventLogMemory.storage("01MDE00000000000000000TEST")
  private server: Server | undefined
  private readonly followers = [new Follower("all")]
  readonly client = new Client(this.reference, (violation) => this.say(violation))
  private readonly interrupted = new InterruptedWork()
  readonly noted = new Noted()
  private readonly feed = new LogFeed(this.storage, this, (threadId) => this.followThread(threadId))
  private wrong: Array<string> = []
  private number = 0
  private viewed: { readonly server: Server | undefined; readonly at: number } = { server: undefined, at: 0 }

  private readonly performer: Performer

  constructor(seed: number) {
    this.machine = new Machine(seed)
    this.performer = new Performer({
      reference: this.reference,
      agents: this.agents,
      machine: this.machine,
      followers: this.followers,
      running: () => this.server,
      count: () => this.client.count,
      send: (type, body) => {
        if (this.server?.services === undefined) return
        this.counts.commands++
        this.client.send(this.server, type, body)
      },
      again: (at) => this.again(at),
      late: (thread, event) => this.late(thread, event),
      begin: () => this.begin(),
      kill: () => this.kill(),
      shutdown: () => this.shutdown()
    })
    this.begin()
  }

  private say(...violations: ReadonlyArray<string>): void {
    this.wrong.push(...violations)
  }
  private must(): void {
    if (this.wrong.length > 0) throw new Broken(this.number, [...new Set(this.wrong)], this.feed.lines)
  }

  // --- start and end of the server

  private begin(): void {
    this.server = new Server(this.machine, this.storage, this.agents)
  }

  private kill(): void {
    if (this.server === undefined) return
    this.counts.crashes++
    for (const follower of this.followers) follower.cut(true)
    this.server.process.kill()
    this.server = undefined
    this.agents.killAll()
    this.follow()
    for (const thread of this.reference.threads.values()) this.interrupted.add(thread)
    this.client.lost()
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
    if (server.left > 0) this.say(`S6 ${server.left} fibers of a closed server still run`)
    if (server.process.timers() > 0) this.say(`S6 ${server.process.timers()} timers of a closed server are still pending`)
    this.say(...server.errors)
    for (const thread of this.reference.threads.values())
      if (thread.session !== undefined) this.say(`S8 the session of ${thread.id} outlives its server`)
    server.process.kill()
    this.server = undefined
    this.agents.killAll()
  }

  /** After a start: readers reconnect, and unanswered commands are sent again with the same id. */
  private up(): void {
    const { server } = this
    if (server?.services === undefined) return
    for (const follower of this.followers) if (follower.wanted || this.number === 0) follower.attach(server)
    this.client.resend(server)
  }

  // --- events of the log

  private follow(): void {
    this.say(...this.feed.read())
  }

  /** A second subscriber follows the first thread. */
  private followThread(threadId: ThreadId): void {
    if (this.followers.length > 1) return
    const follower = new Follower("thread", threadStream(threadId))
    this.followers.push(follower)
    if (this.server !== undefined) follower.attach(this.server)
  }

  /** Runs `act` while the server is idle. Returns the rows that it wrote. */
  private alone(act: () => void): ReturnType<typeof rows> {
    this.machine.rest()
    const before = this.storage.view((view) => view.head)
    act()
    this.machine.rest()
    return rows(this.storage, before)
  }

  private again(at: number): void {
    const { server } = this
    if (server?.services === undefined) return
    let checkAnswer: ReturnType<Client["again"]>
    const written = this.alone(() => {
      checkAnswer = this.client.again(server, at)
    })
    checkAnswer?.(written.map(({ json }) => parse(json)))
  }

  /** A late frame of the previous session is stored and changes nothing (T6). */
  private late({ epoch, id }: Thread, event: DurableEvent): void {
    const fact = { _tag: "AgentEvents", threadId: id as ThreadId, epoch: epoch - 1, events: [event] } as const
    const written = this.alone(
      () => void this.server?.do(Effect.flatMap(Engine, (engine) => engine.ingest({ fact, weight: 100 })))
    )
    for (const { type, json } of written)
      if (type !== "provider.event") this.say(`T6 a late frame of an old epoch caused ${json}`)
  }

  // --- checks

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
    this.say(...this.interrupted.check())
    this.client.waiting()
    this.say(...owners(this, server), ...agentsAgree(this, this.noted))
    // Views change only with events.
    if (this.viewed.server !== server || this.viewed.at !== this.feed.head) this.say(...viewsAgree(this, server))
    this.viewed = { server, at: this.feed.head }
    for (const follower of this.followers) {
      if (follower.failure !== undefined) this.say(follower.failure)
      if (follower.live && follower.at < this.due(follower))
        this.say(`D1 ${follower.name} is at ${follower.at}, expected ${this.due(follower)}`)
    }
    this.must()
  }

  private due({ stream }: Follower): number {
    return this.storage.view((view) => {
      if (stream === undefined) return view.head
      return view.events({ after: 0, stream, limit: 100_000, maxBytes: Number.MAX_SAFE_INTEGER }).events.at(-1)?.offset ?? 0
    })
  }

  /** Checks that a new fold of the whole log equals the read models, and that every subscriber has the whole log (L11, D2). */
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

  // --- the script

  private rest(): void {
    this.machine.rest()
    this.up()
    this.machine.rest()
    this.follow()
    // The subscriber of a new thread catches up.
    this.machine.rest()
    this.check()
  }

  play(steps: ReadonlyArray<Step>): Figures {
    this.rest()
    for (const step of steps) {
      this.number++
      this.counts.steps++
      const { server } = this
      if (server === undefined && !down.has(step.do)) {
        this.begin()
        this.rest()
      }
      this.performer.perform(step)
      this.rest()
      // After a restart: compares the recovered state with a new fold.
      if (this.server !== server && this.server !== undefined) this.audit(false)
    }
    this.end()
    return { ...this.counts, ...this.feed.counts }
  }

  /** Waits until all running work has ended, at the latest by its timer. Then the server must close and leave no fiber, timer or agent. */
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
      if (thread.hasActiveGoal && !thread.deleted) this.say(`T4 the goal of ${thread.id} never ends`)
      if (thread.plan !== undefined) this.say(`T5 the plan of ${thread.id} has no timer`)
      if (thread.session !== undefined) this.say(`R1 the session of ${thread.id} is never stopped`)
    }
    this.must()
    this.audit(true)
    this.shutdown()
    this.must()
  }

  private get quiet(): boolean {
    return [...this.reference.threads.values()].every(
      (thread) =>
        !thread.hasActiveGoal &&
        thread.open.size === 0 &&
        thread.queue.length === 0 &&
        thread.session === undefined &&
        thread.plan === undefined
    )
  }
}

/** Plays the script; throws `Broken` at the first step after which an invariant is violated. */
export const runModel = ({ seed, steps }: Script): Figures => new Run(seed).play(steps)
