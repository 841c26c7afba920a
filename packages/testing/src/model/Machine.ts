/**
 * A machine in memory that runs processes of fibers by a seed. The seed picks the next ready fiber and its preemptions. Virtual time advances only when
 * the test advances it, so a test can inspect the machine "at rest". A process can be killed between any two steps, as by SIGKILL: afterwards none of
 * its code runs, not even a finalizer.
 */
import { Clock, Duration, Effect, type Exit, FiberRef, Random, type Scheduler } from "effect"
import type { RuntimeFiber } from "effect/Fiber"
import { globalValue } from "effect/GlobalValue"
import { mulberry32 } from "../SeededScheduler.ts"

/** One process: its fibers inherit its scheduler and its clock. */
export interface Process {
  /** Starts a fiber of this process. It runs when the machine runs. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Job<A, E>
  readonly kill: () => void
  readonly alive: () => boolean
  /** Number of pending timers. */
  readonly timers: () => number
}

export interface Job<A, E> {
  /** `undefined` until the fiber has ended. */
  readonly exit: () => Exit.Exit<A, E> | undefined
  readonly interrupt: () => void
}

interface Task {
  readonly run: () => void
  readonly process: Owner
}

interface Timer {
  readonly at: number
  readonly n: number
  readonly wake: () => void
  readonly process: Owner
}

interface Owner {
  dead: boolean
}

/**
 * Effect refers to each root fiber until the fiber has ended. The fibers of a killed process never end, so the machine removes them. They would take 1 MB
 * for each run of the model.
 */
const roots = globalValue(Symbol.for("effect/FiberScope/Global"), () => ({
  roots: new Set<RuntimeFiber<unknown, unknown>>()
})).roots

/** Step limit that ends a livelock. */
const maxSteps = 200_000

export class Machine {
  /** Virtual time in milliseconds, the same for all processes. */
  now = 1_700_000_000_000
  steps = 0
  private ready: Array<Task> = []
  private timers: Array<Timer> = []
  private count = 0
  private readonly random: () => number
  private readonly seed: number
  private readonly preempt: number

  constructor(seed: number, preempt = 0.01) {
    this.seed = seed
    this.random = mulberry32(seed)
    this.preempt = preempt
  }

  readonly process = (): Process => {
    const owner: Owner = { dead: false }
    const skips = new WeakMap<object, number>()
    const scheduler: Scheduler.Scheduler = {
      shouldYield: (fiber: RuntimeFiber<unknown, unknown>) => {
        // A preemption itself takes ten operations; those are not preempted.
        const skip = skips.get(fiber) ?? 0
        if (skip > 0) return (skips.set(fiber, skip - 1), false)
        if (this.random() >= this.preempt) return false
        skips.set(fiber, 10)
        return 0
      },
      scheduleTask: (run) => {
        if (!owner.dead) this.ready.push({ run, process: owner })
      }
    }
    const clock: Clock.Clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: () => this.now,
      unsafeCurrentTimeNanos: () => BigInt(Math.round(this.now * 1e6)),
      currentTimeMillis: Effect.sync(() => this.now),
      currentTimeNanos: Effect.sync(() => BigInt(Math.round(this.now * 1e6))),
      sleep: (duration) =>
        Effect.async<void>((resume) => {
          const millis = Duration.toMillis(duration)
          if (!Number.isFinite(millis)) return
          const timer = { at: this.now + millis, n: this.count++, wake: () => resume(Effect.void), process: owner }
          this.timers.push(timer)
          return Effect.sync(() => {
            const at = this.timers.indexOf(timer)
            if (at >= 0) this.timers.splice(at, 1)
          })
        })
    }
    const random = Random.make(this.seed + this.count++)
    return {
      fork: <A, E>(effect: Effect.Effect<A, E>): Job<A, E> => {
        let exit: Exit.Exit<A, E> | undefined
        const fiber = Effect.runFork(effect.pipe(Effect.withClock(clock), Effect.withRandom(random)), { scheduler })
        fiber.addObserver((end) => {
          exit = end
        })
        return { exit: () => exit, interrupt: () => fiber.unsafeInterruptAsFork(fiber.id()) }
      },
      kill: () => {
        owner.dead = true
        this.ready = this.ready.filter(({ process }) => process !== owner)
        this.timers = this.timers.filter(({ process }) => process !== owner)
        for (const fiber of roots) if (fiber.getFiberRef(FiberRef.currentScheduler) === scheduler) roots.delete(fiber)
      },
      alive: () => !owner.dead,
      timers: () => this.timers.filter(({ process }) => process === owner).length
    }
  }

  /** Runs until no fiber is ready, or for at most `most` steps. */
  rest(most = Number.POSITIVE_INFINITY): void {
    for (let left = most; left > 0 && this.ready.length > 0; left--) {
      if (++this.steps > maxSteps) throw new Error("T4 the machine never comes to rest")
      const at = Math.floor(this.random() * this.ready.length)
      const task = this.ready[at] as Task
      this.ready[at] = this.ready[this.ready.length - 1] as Task
      this.ready.pop()
      task.run()
    }
  }

  /** Advances the time. Each timer fires at its time, and the machine comes to rest before the next timer. */
  pass(millis: number): void {
    const end = this.now + millis
    this.rest()
    for (;;) {
      const next = this.due(end)
      if (next === undefined) break
      this.now = Math.max(this.now, next.at)
      next.wake()
      this.rest()
    }
    this.now = end
  }

  /** The machine sleeps: the clock advances and no fiber runs. Then all timers that are due fire at once. */
  suspend(millis: number): void {
    this.now += millis
    this.pass(0)
  }

  private due(end: number): Timer | undefined {
    let first = -1
    for (const [n, timer] of this.timers.entries()) {
      const best = this.timers[first]
      if (timer.at <= end && (best === undefined || timer.at < best.at || (timer.at === best.at && timer.n < best.n))) first = n
    }
    return first < 0 ? undefined : this.timers.splice(first, 1)[0]
  }
}
