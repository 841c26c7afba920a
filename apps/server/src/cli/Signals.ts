/** Signals of the operating system, for the whole life of the program: an edge. */
import { Effect, Queue, type Scope } from "effect"

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP"
const numbers: Readonly<Record<Signal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

interface Listener {
  readonly queue: Queue.Queue<Signal>
  /** Which signal of the process, counted from its start, ends it at once. */
  readonly forceAt: number
}

const listeners: Array<Listener> = []
let count = 0
/** The last listener's, also after it has left: what it began goes on while scopes close. */
let forceAt = 1

/** Called once, by main: from here on a signal ends the process by itself only when nobody listens, or when patience is over. */
export const install = (): void => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      count++
      const listener = listeners.at(-1)
      if (count >= forceAt || listener === undefined) process.exit(128 + numbers[signal])
      Queue.unsafeOffer(listener.queue, signal)
    })
}

/** The signals from now on, to the last who asked only. `patience`: the how manyth from now on ends the process at once. */
export const listen = (patience: number): Effect.Effect<Queue.Dequeue<Signal>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      // Nobody sends more than the patience takes.
      Effect.map(Queue.dropping<Signal>(8), (queue): Listener => {
        const listener = { queue, forceAt: count + patience }
        listeners.push(listener)
        forceAt = listener.forceAt
        return listener
      }),
      (listener) =>
        Effect.sync(() => {
          listeners.splice(listeners.indexOf(listener), 1)
          if (listeners.length > 0) forceAt = Math.max(count + 1, Math.min(forceAt, listener.forceAt))
        })
    ),
    ({ queue }) => queue
  )
