/** Signals of the operating system, for the whole life of the program: an edge. */
import { Effect, Stream } from "effect"

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP"
const signals: ReadonlyArray<Signal> = ["SIGINT", "SIGTERM", "SIGHUP"]
const numbers: Readonly<Record<Signal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

/** How many signals an ordered end may take before the process leaves at once. */
let patience = 3
let count = 0
let listener: ((signal: Signal) => void) | undefined

/** Called once, by main: from here on no signal ends the process by itself, but the last one of our patience does. */
export const install = (): void => {
  for (const signal of signals)
    process.on(signal, () => {
      count++
      if (count >= patience) process.exit(128 + numbers[signal])
      listener?.(signal)
    })
}

/** The signals from now on. `forceAt`: which one ends the process at once. One listener at a time: the last who asked. */
export const stream = (forceAt: number): Stream.Stream<Signal> =>
  Stream.asyncPush<Signal>(
    (emit) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const before = listener
          patience = count + forceAt
          listener = (signal) => emit.single(signal)
          return before
        }),
        (before) =>
          Effect.sync(() => {
            listener = before
          })
      ),
    { bufferSize: 8, strategy: "dropping" }
  )

/** The first signal from now on. */
export const first = (forceAt: number) => Stream.runHead(stream(forceAt))
