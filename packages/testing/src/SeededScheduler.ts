/**
 * Deterministic simulation. A Scheduler picks the next ready fiber by a seed, and preempts fibers at seeded points. A virtual
 * Clock jumps to the next timer when every fiber is parked. Each seed gives one interleaving and can be replayed.
 * Only for code in memory: a real socket, timer or Promise returns in an order that no seed controls.
 */
import { setImmediate } from "node:timers/promises"
import { Clock, Duration, Effect, type Exit, Random, type Scheduler } from "effect"
import type { RuntimeFiber } from "effect/Fiber"
import { slower } from "./Slower.ts"

export interface SimOptions {
  /** Chance of a preemption before each Effect operation. 0: fibers yield only where they suspend. */
  readonly preempt?: number
  /** Maximum number of steps. It ends a livelock. */
  readonly maxSteps?: number
}
export interface SimResult<A, E> {
  readonly seed: number
  readonly exit: Exit.Exit<A, E> | "deadlock" | "step-limit"
  /** The fiber of each step, numbered by first appearance. A FiberId would not do, because its counter is global. */
  readonly trace: ReadonlyArray<number>
  readonly hash: string
  readonly virtualMillis: number
}

/** Numbers from 0 to below 1, the same for each seed. */
export const mulberry32 = (a: number) => () => {
  a = (a + 0x6d2b79f5) | 0
  let t = Math.imul(a ^ (a >>> 15), 1 | a)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

export class SeededScheduler implements Scheduler.Scheduler {
  readonly trace: Array<number> = []
  private readonly ready: Array<{ readonly task: () => void; readonly fiber: number }> = []
  private readonly timers: Array<{ readonly at: number; readonly n: number; readonly wake: () => void }> = []
  private readonly fibers = new WeakMap<object, { readonly name: number; skip: number }>()
  private readonly rng: () => number
  private count = 0
  private timerCount = 0
  now = 0
  private readonly preempt: number
  constructor(seed: number, preempt: number) {
    this.preempt = preempt
    this.rng = mulberry32(seed)
  }
  private state(fiber: object) {
    let f = this.fibers.get(fiber)
    if (f === undefined) this.fibers.set(fiber, (f = { name: this.count++, skip: 0 }))
    return f
  }
  shouldYield(fiber: RuntimeFiber<unknown, unknown>): number | false {
    const f = this.state(fiber)
    // A preemption itself costs 10 operations (yieldNow in a fiberRefLocally) before the preempted operation runs. If those were preempted
    // too, the run would never end with `preempt` >= 0.1.
    if (f.skip > 0) return (f.skip--, false)
    if (this.rng() >= this.preempt) return false
    f.skip = 10
    return 0
  }
  scheduleTask(task: () => void, _priority: number, fiber?: RuntimeFiber<unknown, unknown>) {
    this.ready.push({ task, fiber: fiber === undefined ? -1 : this.state(fiber).name })
  }
  /** Runs until no fiber is ready and no timer is left, until `done` returns true, or up to the step limit. */
  drive(done: () => boolean, maxSteps: number): "idle" | "done" | "step-limit" {
    for (let step = 0; !done(); step++) {
      if (step >= maxSteps) return "step-limit"
      if (this.ready.length === 0) {
        const next = this.timers.sort((a, b) => a.at - b.at || a.n - b.n).shift()
        if (next === undefined) return "idle"
        this.now = Math.max(this.now, next.at)
        next.wake()
        continue
      }
      const i = Math.floor(this.rng() * this.ready.length)
      const { fiber, task } = this.ready[i]!
      this.ready[i] = this.ready[this.ready.length - 1]!
      this.ready.pop()
      this.trace.push(fiber)
      task()
    }
    return "done"
  }
  readonly clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => this.now,
    unsafeCurrentTimeNanos: () => BigInt(Math.round(this.now * 1e6)),
    currentTimeMillis: Effect.sync(() => this.now),
    currentTimeNanos: Effect.sync(() => BigInt(Math.round(this.now * 1e6))),
    sleep: (d) =>
      Effect.async<void>((resume) => {
        const timer = { at: this.now + Duration.toMillis(d), n: this.timerCount++, wake: () => resume(Effect.void) }
        this.timers.push(timer)
        return Effect.sync(() => {
          const i = this.timers.indexOf(timer)
          if (i >= 0) this.timers.splice(i, 1)
        })
      })
  }
}

/** Synchronous: the whole simulation runs in one turn of the real event loop. */
export const simulate = <A, E>(seed: number, effect: Effect.Effect<A, E>, options: SimOptions = {}): SimResult<A, E> => {
  const s = new SeededScheduler(seed, options.preempt ?? 0.1)
  let exit: Exit.Exit<A, E> | undefined
  const fiber = Effect.runFork(effect.pipe(Effect.withClock(s.clock), Effect.withRandom(Random.make(seed))), { scheduler: s })
  fiber.addObserver((e) => {
    exit = e
  })
  const end = s.drive(() => exit !== undefined, options.maxSteps ?? 1_000_000)
  if (exit === undefined) fiber.unsafeInterruptAsFork(fiber.id())
  let h = 0x811c9dc5
  for (const f of s.trace) h = Math.imul(h ^ (f + 1), 0x01000193)
  return {
    seed,
    exit: exit ?? (end === "idle" ? "deadlock" : "step-limit"),
    trace: s.trace,
    hash: (h >>> 0).toString(16),
    virtualMillis: s.now
  }
}

/** A loop over seeds stops after this time and prints a line, so a slow machine tries fewer seeds, but at least 20. */
const budgetMillis = 20_000 * slower
const least = 20

/**
 * `count` seeds, beginning with `from`. Between two seeds the event loop runs one turn, so that the test runner stays alive.
 * `MILLRACE_TEST_SEEDS` lowers the count for a quick run. A value below 1 is an error, because the loop would test nothing.
 */
export async function* seeds(count: number, from = 1): AsyncGenerator<number> {
  const setting = process.env["MILLRACE_TEST_SEEDS"]
  const most = Number(setting ?? count)
  if (!Number.isInteger(most) || most < 1) throw new Error(`MILLRACE_TEST_SEEDS is a whole number from 1 on, not "${setting}".`)
  const wanted = Math.min(count, most)
  const began = performance.now()
  for (let n = 0; n < wanted; n++) {
    if (n >= least && performance.now() - began > budgetMillis) {
      console.warn(`Tried ${n} of ${wanted} seeds in ${budgetMillis / 1000} s.`)
      return
    }
    yield from + n
    await setImmediate()
  }
}
