/** Signals of the operating system. The handlers stay installed until the process exits. */
import { Effect, Queue, type Scope } from "effect"

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP"
const numbers: Readonly<Record<Signal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

interface Listener {
  readonly queue: Queue.Queue<Signal>
  /** The process exits at once when it has received this number of signals since its start. */
  readonly forceAt: number
}

const listeners: Array<Listener> = []
let count = 0
/** The number of signals at which the process exits at once. The removal of the last listener keeps it, because scopes close after it. */
let forceAt = 1

/** Installs the handlers. Main calls it once. Afterwards a signal ends the process only if there is no listener, or when `forceAt` is reached. */
export const install = (): void => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      count++
      const listener = listeners.at(-1)
      if (count >= forceAt || listener === undefined) process.exit(128 + numbers[signal])
      Queue.unsafeOffer(listener.queue, signal)
    })
}

/** Returns a queue of the signals that arrive after this call. Only the newest listener receives them. The process exits at once at signal number `patience` after this call. */
export const listen = (patience: number): Effect.Effect<Queue.Dequeue<Signal>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      // `patience` is 2 or 3, so 8 places are enough.
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
