import { describe, expect, it } from "@effect/vitest"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Clock, type Duration, Effect, Exit, Layer } from "effect"
import { Dispatcher } from "./Dispatcher.ts"
import { Engine } from "../engine/Engine.ts"
import type { Silent } from "../decide/Fact.ts"
import { ProcessMemory } from "./ProcessMemory.ts"
import * as Reaper from "./Reaper.ts"
import * as Verify from "../readmodel/Verify.ts"
import * as Views from "../readmodel/Views.ts"

const layer = (agents: ReadonlyArray<ScriptedProvider.Scripted>, options: Reaper.Options = {}) =>
  Reaper.layer(options).pipe(Layer.provideMerge(Kit.layer({ providers: agents })))

/** Virtual hours pass quickly, tick by tick; the same seed gives the same run. */
const run = <A>(
  agents: ReadonlyArray<ScriptedProvider.Scripted>,
  effect: Effect.Effect<A, unknown, Kit.Services>,
  { seed = 1, ...options }: Reaper.Options & { readonly seed?: number } = {}
): A => {
  const { exit } = simulate(seed, effect.pipe(Effect.provide(layer(agents, options))))
  if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
  return exit.value
}

const create = (text: string, provider = "scripted") =>
  Effect.map(Kit.dispatch("thread.create", { provider, cwd: "/work", turn: { text } }), ({ threadId, turnId }) => ({
    threadId: threadId as ThreadId,
    turnId: turnId as TurnId
  }))
const until = (type: string, count = 1) => Kit.eventually(Kit.ofType(type), count)
const ready = Kit.eventually((event) => (event.data as { status?: string }).status === "ready")
const count = (type: string) => Effect.map(Kit.history, (events) => events.filter(Kit.ofType(type)).length)
const reason = (event: { readonly data: unknown }) => (event.data as { reason?: string }).reason
const sound = Effect.gen(function* () {
  yield* (yield* Engine).drain
  expect((yield* Verify.run).problems).toEqual([])
})
const minutesOf = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 60_000

const background = (turn: ScriptedProvider.Turn, says: "started" | "ended", task: unknown = "t1") =>
  turn.emit({ _tag: "Opaque", method: `background/${says}`, payload: { task } })

describe("idle sessions", () => {
  it("R1 R3 an idle session is stopped a full window after its last event; the next turn resumes it, which the log shows", () => {
    const agent = ScriptedProvider.make()
    const { after, second } = run(
      [agent],
      Effect.gen(function* () {
        const { threadId } = yield* create("one")
        const last = yield* ready
        const stopped = yield* until("session.stopped")
        expect(stopped.data).toMatchObject({ status: "stopped", reason: "idle for 30m" })
        expect((yield* (yield* Views.Views).thread(threadId)).status).toBe("idle")
        yield* Kit.dispatch("turn.start", { threadId, text: "two" })
        const second = yield* Kit.eventually(
          (event) => event.type === "session.state.changed" && event.epoch === 2 && "continuity" in (event.data as object)
        )
        yield* until("turn.completed", 2)
        yield* sound
        return { after: minutesOf(last.at, stopped.at), second }
      })
    )
    expect(after).toBeGreaterThanOrEqual(30)
    expect(after).toBeLessThanOrEqual(30.5)
    expect(second.data).toMatchObject({ continuity: "resumed" })
    expect(agent.calls.filter((call) => !call.startsWith("start")).slice(0, 3)).toEqual(["open 1", "stop idle for 30m", "open 2"])
    expect(agent.live()).toBe(0)
  })

  it("R3 any event of the thread restarts the window, of a person or an agent", () => {
    run(
      [ScriptedProvider.make()],
      Effect.gen(function* () {
        const { threadId } = yield* create("one")
        yield* ready
        for (let n = 1; n <= 4; n++) {
          yield* Effect.sleep("20 minutes")
          yield* Kit.dispatch("thread.rename", { threadId, title: `title ${n}` })
        }
        const renamed = (yield* Kit.history).findLast(Kit.ofType("thread.updated"))
        expect(yield* count("session.stopped")).toBe(0)
        const stopped = yield* until("session.stopped")
        expect(minutesOf(renamed?.at ?? "", stopped.at)).toBeGreaterThanOrEqual(30)
      })
    )
  })

  it("R6 reading a thread does not keep its session", () => {
    run(
      [ScriptedProvider.make()],
      Effect.gen(function* () {
        const { threadId } = yield* create("one")
        const last = yield* ready
        const views = yield* Views.Views
        for (let n = 0; n < 4; n++) {
          yield* Effect.sleep("8 minutes")
          yield* views.thread(threadId)
          yield* views.items(threadId, {})
        }
        expect(minutesOf(last.at, (yield* until("session.stopped")).at)).toBeLessThanOrEqual(30.5)
      })
    )
  })

  it("R1 a running turn, an open request and queued input keep the session; the turn's end gives it a full window", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.gen(function* () {
          yield* turn.start
          if (turn.text === "work") yield* Effect.sleep("2 hours")
          else yield* turn.ask({ kind: "approval", title: "Run: ls", choices: ["accept"] })
          yield* turn.complete
        })
    })
    run(
      [agent],
      Effect.gen(function* () {
        const { threadId } = yield* create("work")
        yield* Kit.dispatch("turn.start", { threadId, text: "ask" })
        const opened = yield* until("request.opened")
        yield* Effect.sleep("3 hours")
        expect(yield* count("session.stopped")).toBe(0)
        // R5: kept, with a reason in the log.
        const kept = (yield* Kit.history).filter(Kit.ofType("session.kept"))
        expect(kept.map(reason)).toEqual(["it waits for a person's answer"])
        const { requestId } = opened.data as { requestId: `req_${string}` }
        yield* Kit.dispatch("request.answer", { requestId: requestId as never, decision: "accept" })
        const ended = yield* until("turn.completed", 2)
        const stopped = yield* until("session.stopped")
        expect(minutesOf(ended.at, stopped.at)).toBeGreaterThanOrEqual(30)
        yield* sound
      }),
      { model: "5 hours" }
    )
  })

  it("R1 R5 background work keeps the session, with a record, until it has been silent for too long; then the session is stopped with the reason", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.all([turn.start, background(turn, "started"), background(turn, "started", 7), turn.complete], { discard: true })
    })
    run(
      [agent],
      Effect.gen(function* () {
        const { threadId } = yield* create("one")
        const last = yield* ready
        yield* Effect.sleep("2 hours")
        expect((yield* (yield* Views.Views).thread(threadId)).backgroundIds).toEqual(["t1", "7"])
        expect((yield* Kit.history).filter(Kit.ofType("session.kept")).map(reason)).toEqual(["background work is running"])
        const stopped = yield* until("session.stopped")
        expect(reason(stopped)).toBe("its background work was given up: no event for 6h")
        expect(minutesOf(last.at, stopped.at)).toBeGreaterThanOrEqual(360)
        const ended = (yield* Kit.history).filter(Kit.ofType("background.ended"))
        expect(ended.map((event) => (event.data as { taskId: string }).taskId)).toEqual(["t1", "7"])
        expect((yield* (yield* Views.Views).thread(threadId)).backgroundIds).toBeUndefined()
        yield* sound
      })
    )
  })

  it("R1 background work that ends gives the session a full window", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.gen(function* () {
          yield* turn.start
          yield* background(turn, "started")
          yield* turn.complete
          yield* Effect.sleep("50 minutes")
          yield* background(turn, "ended")
          yield* background(turn, "ended", "never heard of")
        })
    })
    run(
      [agent],
      Effect.gen(function* () {
        yield* create("one")
        const ended = yield* until("background.ended")
        const stopped = yield* until("session.stopped")
        expect(minutesOf(ended.at, stopped.at)).toBeGreaterThanOrEqual(30)
        expect(yield* count("background.ended")).toBe(1)
        expect((yield* Kit.history).filter(Kit.ofType("provider.event"))).toHaveLength(1)
        yield* sound
      })
    )
  })

  it("R1 R5 an active goal keeps the session while it waits, with a record; after the cap the goal continues with another session", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.gen(function* () {
          yield* turn.start
          const resetAt = new Date((yield* Clock.currentTimeMillis) + 8 * 3_600_000).toISOString()
          if (turn.epoch === 1) return yield* turn.fail({ kind: "limit", message: "enough for today", resetAt })
          yield* Effect.sleep("1 minute")
          yield* turn.say("GOAL COMPLETE")
          yield* turn.complete
        })
    })
    const { exit } = simulate(
      1,
      Effect.gen(function* () {
        const made = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", afterLimit: "continue" })
        yield* Kit.dispatch("goal.set", { threadId: made.threadId as ThreadId, objective: "rest" })
        const failed = yield* until("turn.failed")
        const kept = yield* until("session.kept")
        expect(reason(kept)).toBe("its goal is active")
        expect(minutesOf(failed.at, kept.at)).toBeLessThanOrEqual(31)
        const stopped = yield* until("session.stopped")
        expect(minutesOf(failed.at, stopped.at)).toBeGreaterThanOrEqual(360)
        const met = yield* until("goal.met")
        expect(met).toMatchObject({ epoch: 2, data: { used: { turns: 2 } } })
        expect(minutesOf(failed.at, met.at)).toBeGreaterThanOrEqual(480)
        // An ended goal does not keep the session.
        const idle = yield* until("session.stopped", 2)
        expect(minutesOf(met.at, idle.at)).toBeLessThanOrEqual(31)
        expect(yield* count("session.kept")).toBe(1)
        yield* sound
      }).pipe(Effect.provide(Reaper.layer().pipe(Layer.provideMerge(Kit.layer({ providers: [agent], timers: {} })))))
    )
    if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(String(exit))
  })

  it("R1 the limits are configurable per provider; 0 means never", () => {
    const agents = [ScriptedProvider.make(), ScriptedProvider.make({ name: "quick" }), ScriptedProvider.make({ name: "kept" })]
    run(
      agents,
      Effect.gen(function* () {
        yield* create("one")
        const quick = yield* create("two", "quick")
        yield* create("three", "kept")
        const stopped = yield* until("session.stopped")
        expect(stopped.data).toMatchObject({ threadId: quick.threadId, reason: "idle for 1m" })
        yield* until("session.stopped", 2)
        yield* Effect.sleep("24 hours")
        expect((yield* (yield* Dispatcher).sessions).length).toBe(1)
      }),
      { idle: "1 hour", providers: { quick: { idle: "1 minute" }, kept: { idle: 0 } } }
    )
  })

  it("R1 too many sessions: idle ones are stopped early, longest silent first, and none that works", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        turn.text === "work" ? Effect.zipRight(turn.start, Effect.never) : Effect.zipRight(turn.start, turn.complete)
    })
    run(
      [agent],
      Effect.gen(function* () {
        const works = yield* create("work")
        yield* Effect.sleep("1 minute")
        const first = yield* create("first")
        yield* until("turn.completed")
        yield* Effect.sleep("1 minute")
        yield* create("second")
        const stopped = yield* until("session.stopped")
        expect(stopped.data).toMatchObject({ threadId: first.threadId, reason: "idle, and too many sessions are open" })
        yield* Effect.sleep("5 minutes")
        const left = yield* (yield* Dispatcher).sessions
        expect(left.length).toBe(2)
        expect(left.map(({ threadId }) => threadId)).toContain(works.threadId)
      }),
      { maxSessions: 2 }
    )
  })

  it("R1 too much memory: idle sessions are stopped early, longest silent first, until it is below the limit; none that works", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.gen(function* () {
          yield* turn.start
          if (turn.text === "task") yield* background(turn, "started")
          if (turn.text === "work") yield* Effect.sleep("2 hours")
          yield* turn.complete
        })
    })
    const mebibyte = 1_048_576
    const held = new Map<string, number>()
    const sample = Effect.sync(() =>
      [...held].map(([threadId, mebibytes]) => ({ threadId: threadId as ThreadId, epoch: 1, bytes: mebibytes * mebibyte }))
    )
    const { exit } = simulate(
      1,
      Effect.gen(function* () {
        // Longest silent first: one that cannot be stopped, then three idle ones, then one that works.
        const task = yield* create("task")
        const idle: Array<ThreadId> = []
        for (const name of ["a", "b", "c"]) {
          yield* Effect.sleep("1 minute")
          idle.push((yield* create(name)).threadId)
        }
        const work = yield* create("work")
        for (const threadId of [task.threadId, ...idle, work.threadId]) held.set(threadId, 300)
        // 1,500 MiB of 1,000: stopping two idle ones is enough.
        yield* until("session.stopped", 2)
        const stops = (yield* Kit.history).filter(Kit.ofType("session.stop.requested"))
        expect(stops.map((event) => (event.data as { threadId: string }).threadId)).toEqual(idle.slice(0, 2))
        expect(new Set(stops.map(reason))).toEqual(new Set(["idle, and the agents together use 1500 MiB; the limit is 1000 MiB"]))
        for (const threadId of idle.slice(0, 2)) held.delete(threadId)
        yield* Effect.sleep("10 minutes")
        expect(yield* count("session.stopped")).toBe(2)
        // Memory grows, and no idle session is left: working ones stay.
        for (const threadId of held.keys()) held.set(threadId, 5000)
        yield* until("session.stopped", 3)
        held.delete(idle[2] as ThreadId)
        yield* Effect.sleep("10 minutes")
        expect(yield* count("session.stopped")).toBe(3)
        yield* sound
      }).pipe(
        Effect.provide(
          layer([agent], { maxMemoryBytes: 1000 * mebibyte, model: 0 }).pipe(Layer.provide(Layer.succeed(ProcessMemory, sample)))
        )
      )
    )
    if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(String(exit))
  })

  it("R2 a suspend is not silence: eight hours in one gap stop nothing, the awake minutes continue to count", () => {
    let asleep = 0
    /** The base clock, but its time jumps after a suspend. */
    const jumping = (base: Clock.Clock): Clock.Clock => {
      const unsafeCurrentTimeMillis = () => base.unsafeCurrentTimeMillis() + asleep
      const unsafeCurrentTimeNanos = () => base.unsafeCurrentTimeNanos() + BigInt(asleep) * 1_000_000n
      return {
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis,
        unsafeCurrentTimeNanos,
        currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
        currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
        sleep: base.sleep
      }
    }
    const test = Effect.gen(function* () {
      yield* create("one")
      yield* ready
      yield* Effect.sleep("20 minutes")
      asleep = 8 * 3_600_000
      yield* Effect.sleep("9 minutes")
      expect(yield* count("session.stop.requested")).toBe(0)
      yield* Effect.sleep("2 minutes")
      expect(reason(yield* until("session.stop.requested"))).toBe("idle for 30m")
    }).pipe(Effect.provide(layer([ScriptedProvider.make()])))
    const { exit } = simulate(
      1,
      Effect.clockWith((base) => Effect.withClock(test, jumping(base)))
    )
    expect(exit).toMatchObject({ _tag: "Success" })
  })
})

describe("races", () => {
  const silent = (threadId: ThreadId, activity: number): Silent => ({
    _tag: "Silent",
    threadId,
    epoch: 1,
    activity,
    millis: 3_600_000,
    turnMillis: 3_600_000,
    toolMillis: 3_600_000,
    limits: { idle: 1, background: 1, model: 1, tool: 1, waiting: 1 },
    crowded: false
  })

  it.effect(
    "R4 the stop is a compare-and-set: a silence measured before another event is void, and so is one of an older epoch",
    () =>
      Effect.gen(function* () {
        const engine = yield* Engine
        const { threadId } = yield* create("one")
        yield* ready
        const stream = `thread/${threadId}`
        const events = (yield* Kit.history).filter((event) => event.stream === stream)
        const seen = events.length - events.findIndex(Kit.ofType("session.started"))
        yield* Kit.dispatch("thread.rename", { threadId, title: "another" })
        expect(yield* engine.submit(silent(threadId, seen))).toBe(false)
        expect(yield* engine.submit({ ...silent(threadId, seen + 1), epoch: 2 })).toBe(false)
        expect(yield* count("session.stop.requested")).toBe(0)
        expect(yield* engine.submit(silent(threadId, seen + 1))).toBe(true)
        yield* until("session.stopped")
        yield* sound
      }).pipe(Effect.provide(layer([ScriptedProvider.make()])))
  )

  it.effect("R1 too many sessions: one without an idle limit stays, and so does one whose goal is active", () =>
    Effect.gen(function* () {
      const engine = yield* Engine
      const { threadId } = yield* create("one")
      yield* ready
      const crowded = Effect.gen(function* () {
        const events = (yield* Kit.history).filter((event) => event.stream === `thread/${threadId}`)
        const seen = events.length - events.findIndex(Kit.ofType("session.started"))
        return { ...silent(threadId, seen), crowded: true }
      })
      const asked = yield* crowded
      expect(yield* engine.submit({ ...asked, limits: { ...asked.limits, idle: 0 } })).toBe(false)
      // The next turn of the goal must wait, so the session is idle with an active goal.
      yield* Kit.dispatch("goal.set", { threadId, objective: "x" })
      yield* until("goal.waiting")
      expect(yield* engine.submit(yield* crowded)).toBe(false)
      yield* Kit.dispatch("goal.pause", { threadId })
      expect(yield* engine.submit(yield* crowded)).toBe(true)
    }).pipe(Effect.provide(layer([ScriptedProvider.make()])))
  )

  it("R4 a send at the time of the stop: its turn completes whatever comes first, in the old session or in the next (200 seeds)", async () => {
    const epochs = new Set<number>()
    for await (const seed of seeds(200)) {
      const agent = ScriptedProvider.make()
      run(
        [agent],
        Effect.gen(function* () {
          yield* Effect.sleep("10 millis")
          const { threadId } = yield* create("one")
          yield* ready
          // The first check, five seconds after its last event, finds it idle.
          const now = yield* Clock.currentTimeMillis
          yield* Effect.sleep(6000 - now + ((seed % 3) - 1))
          const { turnId } = yield* Kit.dispatch("turn.start", { threadId, text: "two" })
          const ended = yield* Kit.eventually(
            (event) =>
              event.type.startsWith("turn.") &&
              (event.data as { turnId?: string; reason?: string }).turnId === turnId &&
              ["turn.completed", "turn.failed", "turn.interrupted"].includes(event.type)
          )
          expect(ended.type, `seed ${seed}`).toBe("turn.completed")
          epochs.add(ended.epoch)
        }),
        { idle: "5 seconds", interval: "1 second", seed }
      )
    }
    expect(epochs).toEqual(new Set([1, 2]))
  })
})

describe("silent turns", () => {
  const silence = (
    options: Reaper.Limits,
    turn: (turn: ScriptedProvider.Turn) => Effect.Effect<void>,
    more: ScriptedProvider.Options = {}
  ) => {
    const agent = ScriptedProvider.make({ turn, ...more })
    return run(
      [agent],
      Effect.gen(function* () {
        const { threadId } = yield* create("one")
        const started = yield* until("turn.started")
        const ended = yield* Kit.eventually(Kit.ofType("turn.completed", "turn.interrupted", "turn.failed"))
        // The end of a session that must be stopped follows the end of its turn.
        if (more.onInterrupt !== undefined) yield* until("session.stopped")
        yield* sound
        return {
          threadId,
          ended,
          minutes: minutesOf(started.at, ended.at),
          types: Kit.types(yield* Kit.history),
          calls: agent.calls
        }
      }),
      options
    )
  }
  const hold = (kind: string) => (turn: ScriptedProvider.Turn) =>
    Effect.gen(function* () {
      yield* turn.start
      const itemId = yield* turn.newItem
      yield* turn.emit({ _tag: "ItemStarted", turnId: turn.turnId, itemId, kind, content: {} })
      return yield* Effect.never
    })
  const within = (minutes: number, limit: number) => {
    expect(minutes).toBeGreaterThanOrEqual(limit)
    expect(minutes).toBeLessThanOrEqual(limit + 0.5)
  }

  it("T8 a silent model is interrupted after its limit, and the end names the limit", () => {
    const { ended, minutes, types } = silence({}, hold("agent-message"))
    expect(ended).toMatchObject({ type: "turn.interrupted", data: { reason: "the model produced no output for 10m" } })
    within(minutes, 10)
    expect(types.filter((type) => type === "session.stopped")).toEqual([])
  })

  it("T8 a tool has its own limit", () => {
    const { ended, minutes } = silence({}, hold("command"))
    expect(reason(ended)).toBe("a tool ran for 1h without output")
    within(minutes, 60)
  })

  it.each(["ignore", "refuse"] as const)(
    "T8 T7 an agent that does not obey (%s) is stopped, and the end gives both reasons",
    (onInterrupt) => {
      const { ended, minutes, calls } = silence({ model: "2 minutes" }, hold("reasoning"), { onInterrupt })
      expect(ended.type).toBe("turn.interrupted")
      expect(reason(ended)).toContain("the model produced no output for 2m; ")
      within(minutes, 2)
      expect(calls.some((call) => call.startsWith("stop"))).toBe(true)
    }
  )

  it("T8 every event of the agent restarts the limit, and changes of the queue do not", () => {
    const { minutes, ended } = silence({ model: "10 minutes" }, (turn) =>
      Effect.gen(function* () {
        yield* turn.start
        for (let n = 0; n < 5; n++) yield* Effect.zipRight(Effect.sleep("9 minutes"), turn.say("still here"))
        return yield* Effect.never
      })
    )
    within(minutes, 55)
    expect(ended.type).toBe("turn.interrupted")
    const agent = ScriptedProvider.make({ turn: (turn) => Effect.zipRight(turn.start, Effect.never) })
    run(
      [agent],
      Effect.gen(function* () {
        const { threadId } = yield* create("one")
        const started = yield* until("turn.started")
        for (let n = 0; n < 3; n++)
          yield* Effect.zipRight(Effect.sleep("4 minutes"), Kit.dispatch("turn.start", { threadId, text: `next ${n}` }))
        within(minutesOf(started.at, (yield* until("turn.interrupted")).at), 10)
      })
    )
  })

  it("T8 the limits of the turn pause while a request is open, and continue with the answer", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.gen(function* () {
          yield* turn.start
          yield* turn.ask({ kind: "approval", title: "Run: ls", choices: ["accept"] })
          return yield* Effect.never
        })
    })
    run(
      [agent],
      Effect.gen(function* () {
        yield* create("one")
        const opened = yield* until("request.opened")
        yield* Effect.sleep("24 hours")
        expect(yield* count("turn.interrupt.requested")).toBe(0)
        const { requestId } = opened.data as { requestId: never }
        yield* Kit.dispatch("request.answer", { requestId, decision: "accept" })
        const answered = yield* until("request.answered")
        const ended = yield* until("turn.interrupted")
        expect(reason(ended)).toBe("the model produced no output for 10m")
        within(minutesOf(answered.at, ended.at), 10)
        yield* sound
      })
    )
  })

  it("R5 an unanswered question has a limit too: the turn ends, and the request with it", () => {
    const { ended, types } = silence({ waiting: "2 days" }, (turn) =>
      Effect.zipRight(turn.start, Effect.asVoid(turn.ask({ kind: "approval", title: "Run: ls", choices: ["accept"] })))
    )
    expect(reason(ended)).toBe("no answer for 2d")
    expect(types.filter((type) => type.startsWith("request."))).toEqual(["request.opened", "request.cancelled"])
  })

  it("T8 D12 a progress signal restarts the tool's limit and no other; it writes no event", () => {
    const telling = (kind: string, is: "progress" | "running" | "usage") => (turn: ScriptedProvider.Turn) =>
      Effect.gen(function* () {
        const { turnId } = turn
        yield* turn.start
        const itemId = yield* turn.newItem
        yield* turn.emit({ _tag: "ItemStarted", turnId, itemId, kind, content: {} })
        for (let minute = 1; minute <= 180; minute++) {
          yield* Effect.sleep("1 minute")
          yield* turn.emit(
            is === "usage"
              ? { _tag: "Signal", turnId, kind: is, data: { totalTokens: minute } }
              : {
                  _tag: "Signal",
                  turnId,
                  itemId,
                  kind: "progress",
                  data: is === "progress" ? { done: minute } : { elapsedMillis: minute * 60_000 }
                }
          )
        }
        return yield* Effect.never
      })
    const progressing = silence({}, telling("tool-call", "progress"))
    within(progressing.minutes, 240)
    expect(reason(progressing.ended)).toBe("a tool ran for 1h without output")
    expect(progressing.types.filter((type) => type.startsWith("item."))).toEqual([
      "item.started",
      "item.completed",
      "item.started",
      "item.completed"
    ])
    within(silence({}, telling("tool-call", "running")).minutes, 60)
    within(silence({}, telling("tool-call", "usage")).minutes, 60)
    within(silence({}, telling("agent-message", "progress")).minutes, 10)
  })

  it("T8 0 is no limit", () => {
    const agent = ScriptedProvider.make({ turn: (turn) => Effect.zipRight(turn.start, Effect.never) })
    run(
      [agent],
      Effect.gen(function* () {
        yield* create("one")
        yield* until("turn.started")
        yield* Effect.sleep("10 days" satisfies Duration.DurationInput)
        expect(yield* count("turn.interrupt.requested")).toBe(0)
      }),
      { model: 0, tool: 0, interval: "10 minutes" }
    )
  })
})
