/**
 * The last server of a run. It gets no commands, and lives until every reader has all events from before its start. Some readers were cut while the
 * previous server drained, and reconnect to this one.
 */
import { Effect, Option } from "effect"
import { check } from "../HistoryChecker.ts"
import { serve } from "../ServerProcess.ts"
import * as Readers from "./Readers.ts"
import * as Rows from "./Rows.ts"

/** If no reader advances for this long, the run ends: a reader hangs. */
const patience = "1 minute"

/** Returns when every reader has reached the head, or when no reader advances any more. */
const atHead = (readers: ReadonlyArray<Readers.Reader>, head: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const sum = () => readers.reduce((total, { offset }) => total + Math.min(head, offset()), 0)
    const before = sum()
    const all = Effect.forEach(readers, ({ reached }) => reached(head), { concurrency: "unbounded", discard: true })
    if (Option.isNone(yield* Effect.timeoutOption(all, patience)) && sum() > before) yield* atHead(readers, head)
  })

export interface Options {
  readonly dataDir: string
  readonly readers: ReadonlyArray<Readers.Reader>
  readonly port?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Rested {
  /** One sentence for each violation: readers short of the head with their state, readers' faults, and the findings of the history checker. */
  readonly violations: ReadonlyArray<string>
  readonly head: number
}

/** `isReading`: the readers are already running. */
export const rest = ({ readers, ...options }: Options, isReading = false): Effect.Effect<Rested> =>
  Effect.gen(function* () {
    const server = yield* Effect.orDie(serve(options))
    const head = Rows.read(options.dataDir).length
    if (!isReading)
      yield* Effect.forEach(readers, (reader) => Effect.forkScoped(Readers.keepReading(reader, server)), { discard: true })
    yield* atHead(readers, head)
    const short = readers
      .filter(({ offset }) => offset() < head)
      .map(({ name, offset, state }) => `at the end: ${name} has ${offset()} of ${head}, and ${state()}`)
    yield* server.kill("SIGTERM")
    const ended = yield* server.ended
    const found = check(
      Rows.read(options.dataDir),
      readers.map(({ history }) => history()),
      { settled: false }
    )
    return {
      head,
      violations: [
        ...short,
        ...readers.flatMap(({ faults }) => faults()).map((fault) => `at the end: ${fault}`),
        ...found.map(({ detail, reader, rule }) => `at the end: ${rule} (${reader}): ${detail}`),
        ...(ended.code === 0 ? [] : [`at the end: the last server ended with ${ended.code ?? ended.signal}: ${ended.stderr}`])
      ]
    }
  }).pipe(Effect.scoped)
