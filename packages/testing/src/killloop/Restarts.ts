/**
 * Readers over restarts. Servers run one after the other on one port and one data directory. Each is killed or stopped while it works. Readers
 * reconnect within 80 ms. Readers over HTTP have no time limit, so a server that accepts a connection and never answers blocks them. At the end each
 * reader must have the whole log, once, in order.
 */
import type { LogEvent } from "@millrace/contracts/Event"
import { Clock, Effect, Option, Queue, Random, type Scope } from "effect"
import { checkLog } from "../HistoryChecker.ts"
import { serve, type ServerProcess } from "../ServerProcess.ts"
import { temporaryDirectory } from "../TemporaryDirectory.ts"
import * as Commands from "./Commands.ts"
import * as Port from "./Port.ts"
import * as Readers from "./Readers.ts"
import * as Rest from "./Rest.ts"
import * as Rows from "./Rows.ts"
import * as Work from "./Work.ts"

export interface Options {
  readonly readers: number
  readonly restarts: number
  readonly seed: number
  /** Shortest and longest time that a server works before its end, in milliseconds. Default 100 to 1,500. */
  readonly work?: readonly [number, number]
  readonly onLife?: (line: string) => void
}

export interface Report {
  /** One sentence for each violation; empty if all invariants held. */
  readonly violations: ReadonlyArray<string>
  readonly kills: number
  readonly stops: number
  /** Stopped servers that exited at their deadline. */
  readonly late: number
  /** Servers that lived until they had answered every reader. */
  readonly awaited: number
  readonly head: number
  /** Connections that readers opened, and those that were answered with status 200. */
  readonly asked: number
  readonly answered: number
  /** Readers that reached the head. */
  readonly atHead: number
}

/**
 * The prompts of `Work.demo` without a queue, so that the last server has no work. They produce more events, at a limited rate: the benches
 * measure saturated servers.
 */
const { deltas = "", ...others } = Work.demo.prompts
const much = `${"[[say so]] ".repeat(15)}[[deltas 20 10]]`.repeat(4)
const agent: Work.Agent = {
  ...Work.demo,
  prompts: { ...others, words: deltas, much, more: much, large: `[[flood 100000]] ${deltas}` }
}

interface Life {
  /** 1, 2, 3, ... */
  readonly number: number
  readonly signal: "SIGKILL" | "SIGTERM"
  /** Time before the server's end. With `isAwaited`, the server also lives until it has answered every reader. */
  readonly afterMillis: number
  readonly isAwaited: boolean
}

/** Half of the servers are killed, half are stopped. */
const plan = (lives: number, [least, most]: readonly [number, number]): Effect.Effect<ReadonlyArray<Life>> =>
  Effect.gen(function* () {
    const signals = Array.from({ length: lives }, (_, n) => (n % 2 === 0 ? ("SIGKILL" as const) : ("SIGTERM" as const)))
    return yield* Effect.forEach(yield* Random.shuffle(signals), (signal, n) =>
      Effect.all({
        number: Effect.succeed(n + 1),
        signal: Effect.succeed(signal),
        afterMillis: Random.nextIntBetween(least, most),
        isAwaited: Random.nextBoolean
      })
    )
  })

/** The longest wait for a reader or a server that hangs. */
const patience = "2 minutes"

export const run = (options: Options): Effect.Effect<Report, never, Scope.Scope> =>
  Effect.gen(function* () {
    const lives = yield* plan(options.restarts, options.work ?? [100, 1_500])
    const dataDir = yield* temporaryDirectory
    const port = yield* Port.below
    const readers = Readers.some(options.readers)
    let ids = 0
    const clients: Work.Clients = { threads: new Map(), sent: [], nextId: () => `restarts-${options.seed}-${++ids}` }
    const violations: Array<string> = []
    // The consumer only forks answers, so it is not expected to lag. If it does, the oldest requests stay unanswered.
    let received = yield* Queue.sliding<LogEvent>(1_000)
    let isReading = false
    let kills = 0
    let late = 0
    let awaited = 0

    const life = ({ afterMillis, isAwaited, number, signal }: Life) =>
      Effect.gen(function* () {
        const where = `server ${number}, ${signal} after ${afterMillis} ms${isAwaited ? " and an answer to every reader" : ""}`
        const report = (line: string) => void violations.push(`${where}: ${line}`)
        for (const reader of readers) reader.forget()
        const began = yield* Clock.currentTimeMillis
        const server = yield* Effect.orDie(serve({ dataDir, port, env: { MILLRACE_RECOVERY: "settle" } }))
        yield* begin(server)
        received = yield* Queue.sliding<LogEvent>(1_000)
        yield* Effect.forkScoped(
          Work.run(clients, server, agent, { cwd: dataDir, endless: signal === "SIGKILL", heard: received })
        )
        yield* Effect.sleep(afterMillis)
        if (isAwaited) {
          const all = Effect.forEach(readers, ({ answered }) => answered, { concurrency: "unbounded", discard: true })
          if (Option.isSome(yield* Effect.timeoutOption(all, patience))) awaited++
          else
            for (const { answered, name, state } of readers)
              if (Option.isNone(yield* Effect.timeoutOption(answered, 0))) report(`no answer to ${name}, which ${state()}`)
        }
        yield* server.kill(signal)
        if (Option.isNone(yield* Effect.timeoutOption(server.ended, patience))) {
          report("it did not end")
          yield* server.kill("SIGKILL")
        }
        const ended = yield* server.ended
        readers.flatMap(({ faults }) => faults()).forEach(report)
        if (ended.signal === "SIGKILL") kills++
        // On an overloaded machine a server exits at its deadline and reports that.
        else if (ended.stderr.includes("did not shut down within")) late++
        else if (ended.code !== 0) report(`it ended with ${ended.code ?? ended.signal}: ${ended.stderr}`)
        const seconds = ((yield* Clock.currentTimeMillis) - began) / 1_000
        const last = readers.toSorted((a, b) => a.offset() - b.offset()).slice(0, 1)
        options.onLife?.(
          `${where}: ${seconds.toFixed(1)} s, head ${Rows.read(dataDir).length}, the last reader: ` +
            last.map(({ name, offset, state }) => `${name} at ${offset()} (${state()})`).join("")
        )
      }).pipe(Effect.scoped)

    /** Starts the readers with the first server, which creates the token. */
    const begin = (server: ServerProcess) =>
      Effect.suspend(() => {
        if (isReading) return Effect.void
        isReading = true
        const each = (n: number) => (event: LogEvent) => void (n === 0 && Queue.unsafeOffer(received, event))
        return Effect.forEach(readers, (reader, n) => Effect.forkIn(Readers.keepReading(reader, server, each(n)), scope), {
          discard: true
        })
      })
    const scope = yield* Effect.scope

    for (const one of lives) yield* life(one)
    const { head, violations: found } = yield* Rest.rest({ dataDir, port, readers }, true)
    const rows = Rows.read(dataDir)
    const events = rows.map(({ json }) => JSON.parse(json) as LogEvent)
    const total = (of: (reader: Readers.Reader) => number) => readers.reduce((sum, reader) => sum + of(reader), 0)
    return {
      violations: [...violations, ...found, ...checkLog(rows), ...Commands.check(clients.sent, events)],
      kills,
      stops: options.restarts - kills,
      late,
      awaited,
      head,
      asked: total(({ connections }) => connections().asked),
      answered: total(({ connections }) => connections().answered),
      atHead: readers.filter(({ offset }) => offset() >= head).length
    }
  }).pipe(Effect.withRandom(Random.make(options.seed)))
