/**
 * The kill loop: one data directory, one server after the other. Each server works until SIGKILL, at a random time or at a named
 * point. The next one starts from the state on the disk. After each death and each start the loop checks the invariants of the log,
 * of the events that clients received, of the command answers, and of the process table.
 */
import type { LogEvent } from "@millrace/contracts/Event"
import type { FailPoint } from "@millrace/host/FailPoints"
import { Deferred, Effect, Either, Option, Queue, Random, type Scope } from "effect"
import { check as checkHistories, checkLog, type Row } from "../HistoryChecker.ts"
import { problems } from "../LogChecks.ts"
import * as Program from "../Program.ts"
import { serve, type ServerProcess } from "../ServerProcess.ts"
import { temporaryDirectory } from "../TemporaryDirectory.ts"
import * as Commands from "./Commands.ts"
import * as Plan from "./Plan.ts"
import * as Processes from "./Processes.ts"
import * as Readers from "./Readers.ts"
import * as Rest from "./Rest.ts"
import * as Rows from "./Rows.ts"
import * as Work from "./Work.ts"

export interface Options {
  readonly rounds: number
  readonly seed: number
  /** Only these rounds of the plan, for example a failed one and the one before it. */
  readonly only?: readonly [number, number]
  /** Default: the demo agent. */
  readonly agent?: Work.Agent
  /** At least this many rounds are killed at random times, not at a failpoint. */
  readonly random?: number
  /** Environment of the servers. */
  readonly env?: Readonly<Record<string, string>>
  /** Working directory of agents. Default: the data directory. */
  readonly cwd?: string
  /** Shortest and longest time that a server works before it dies, in milliseconds. Default 100 to 900. */
  readonly work?: readonly [number, number]
  readonly onRound?: (line: string) => void
}

export interface Report {
  /** One sentence per violation; empty if all invariants held. */
  readonly violations: ReadonlyArray<string>
  /** Failpoints at which a server died. */
  readonly reached: ReadonlySet<FailPoint>
  readonly rounds: number
  readonly events: number
  readonly commands: number
  /** Number of commands without an answer. */
  readonly unanswered: number
  /** Number of agent processes that were alive after their server had died. */
  readonly orphans: number
  /** Milliseconds from each start to ready, in order. */
  readonly starts: ReadonlyArray<number>
}

/** Time limit for a death at a failpoint, and for a start. */
const patience = "30 seconds"

export const run = (options: Options): Effect.Effect<Report, never, Scope.Scope> =>
  Effect.gen(function* () {
    const plan = yield* Plan.make(options.rounds, options.random ?? 0, options.work ?? [100, 900])
    const [first, last] = options.only ?? [1, options.rounds]
    const rounds = plan.filter(({ round }) => round >= first && round <= last)
    const dataDir = yield* temporaryDirectory
    const cwd = options.cwd ?? dataDir
    const agent = options.agent ?? Work.demo
    const marker = `millrace-killloop-${process.pid}-${options.seed}`
    const bystanders = yield* Processes.bystanders(cwd)
    const readers = [Readers.sse("sse"), Readers.sse("sse, cut", { cuts: true }), Readers.rpc("rpc")]
    let ids = 0
    const clients: Work.Clients = { threads: new Map(), sent: [], nextId: () => `killloop-${options.seed}-${++ids}` }
    const violations: Array<string> = []
    const reached = new Set<FailPoint>()
    const starts: Array<number> = []
    let rows: ReadonlyArray<Row> = []
    let orphans = 0
    let unanswered = 0

    const life = ({ death, round, verify }: Plan.Round, isLast: boolean) =>
      Effect.gen(function* () {
        const where = isLast ? "at the end" : `round ${round}, ${Plan.describe(death)}`
        const report = (lines: ReadonlyArray<string>) => void violations.push(...lines.map((line) => `${where}: ${line}`))
        const failpoint = !isLast && death._tag === "Point" ? { MILLRACE_FAILPOINT: `${death.point}:${death.nth}` } : {}
        bystanders.forge(dataDir, round)
        const began = performance.now()
        // With another policy, open work is held or continued, and not settled.
        const start = serve({
          dataDir,
          env: { MILLRACE_RECOVERY: "settle", ...options.env, ...Processes.marked(marker, round), ...failpoint }
        })
        const server = yield* Effect.either(start)
        const signal = Either.isLeft(server) ? server.left.signal : yield* lived(server.right)
        if (signal !== (isLast ? null : "SIGKILL"))
          report([`the server ended with ${signal}`, ...(Either.isLeft(server) ? [server.left.message] : [])])
        else if (death._tag === "Point" && !isLast) reached.add(death.point)
        rows = Rows.read(dataDir)
        const events = rows.map(({ json }) => JSON.parse(json) as LogEvent)
        report([
          ...checkLog(rows),
          ...problems(events, false),
          ...readers.flatMap(({ faults }) => faults()),
          ...checkHistories(
            rows,
            readers.map(({ history }) => history()),
            { settled: false }
          ).map(({ detail, reader, rule }) => `${rule} (${reader}): ${detail}`),
          ...Commands.check(clients.sent, events)
        ])
        const left = Processes.leftOf(marker, round + 1).length
        orphans += left
        if (isLast) {
          report(left === 0 ? [] : [`${left} processes are left of a server that ended in order`])
          report([...Rows.open(events).keys()].map((name) => `${name} never ended`))
        }
        if (verify || isLast) {
          const verified = yield* Program.run(["verify", "--data", dataDir])
          if (verified.code !== 0) report([`millrace verify: ${verified.stdout}${verified.stderr}`])
        }
        options.onRound?.(
          `${where}: head ${rows.length}, ${left} orphans${Either.isLeft(server) ? ", never ready" : ""}, ${Math.round(performance.now() - began)} ms`
        )

        function lived(process: ServerProcess): Effect.Effect<NodeJS.Signals | null> {
          return Effect.gen(function* () {
            starts.push(performance.now() - began)
            report(Processes.leftOf(marker, round).map((pid) => `process ${pid} survived its server and the next start`))
            report(bystanders.dead().map((pid) => `the bystander ${pid} was killed`))
            report(yield* stillOpen(process))
            const isCalm = isLast || Plan.isShutdown(death)
            const lost = clients.sent.filter(
              ({ answer, kind }) => answer === undefined && !(isCalm && agent.endless.includes(kind))
            )
            unanswered += lost.length
            const settled = Effect.forEach(lost, (sent) => Commands.settle(process, sent), { concurrency: 8 })
            // The consumer only forks answers, so it is not expected to lag. If it does, the oldest requests stay unanswered.
            const received = yield* Queue.sliding<LogEvent>(1000)
            const busy = yield* Deferred.make<void>()
            const isEndless = ({ offset, stream, type }: LogEvent) =>
              offset > rows.length &&
              type.startsWith("item.") &&
              agent.endless.some((kind) => stream === `thread/${clients.threads.get(kind)}`)
            const hear = (event: LogEvent) => {
              Queue.unsafeOffer(received, event)
              if (isEndless(event)) Deferred.unsafeDone(busy, Effect.void)
            }
            const reading = Effect.raceFirst(
              Effect.forEach(readers, (reader, n) => Readers.keepReading(reader, process, (event) => n === 0 && hear(event)), {
                concurrency: "unbounded",
                discard: true
              }),
              process.ended
            )
            const working = Work.run(clients, process, agent, { cwd, endless: !isCalm, heard: received })
            const dying = Effect.gen(function* () {
              if (isLast) yield* Effect.zipRight(Effect.sleep("500 millis"), process.kill("SIGTERM"))
              else if (death._tag === "Random") {
                // After this wait an agent is at work that would outlive the server, also on a slow machine.
                yield* Effect.timeoutOption(Deferred.await(busy), "5 seconds")
                yield* Effect.delay(process.kill("SIGKILL"), death.afterMillis)
              } else if (Plan.isShutdown(death)) yield* Effect.delay(process.kill("SIGTERM"), death.afterMillis)
              const ended = yield* Effect.timeoutOption(process.ended, patience)
              if (Option.isSome(ended)) return ended.value.signal
              report(["the server did not end"])
              yield* process.kill("SIGKILL")
              return (yield* process.ended).signal
            })
            const [signal, wrong] = yield* Effect.all([dying, settled, working, reading], { concurrency: "unbounded" })
            report(wrong.flat())
            return signal
          })
        }

        /** T5: the recovery must settle everything that was open when the last server died, before this server accepts commands. */
        function stillOpen({ token, url }: ServerProcess) {
          return Effect.promise(async () => {
            const headers = { authorization: `Bearer ${token}` }
            const response = await fetch(`${url}/api/events?since=${rows.length}&limit=10000`, { headers })
            const since = (await response.json()) as ReadonlyArray<LogEvent>
            const events = [...rows.map(({ json }) => JSON.parse(json) as LogEvent), ...since]
            return [...Rows.open(events)].flatMap(([name, offset]) =>
              offset <= rows.length ? [`${name} of a dead server, begun at ${offset}, is open after the start`] : []
            )
          }).pipe(Effect.catchAllDefect(() => Effect.succeed<ReadonlyArray<string>>([]))) // The server may die at its failpoint during this call.
        }
      }).pipe(Effect.scoped)

    for (const round of rounds) yield* life(round, false)
    const after = { round: last + 1, death: { _tag: "Random", afterMillis: 0 }, verify: true } as const
    yield* life(after, true)
    const short = yield* Rest.rest({ dataDir, readers, ...(options.env === undefined ? {} : { env: options.env }) })
    violations.push(...short.violations)
    return {
      violations,
      reached,
      rounds: rounds.length,
      events: rows.length,
      commands: clients.sent.length,
      unanswered,
      orphans,
      starts
    }
  }).pipe(Effect.withRandom(Random.make(options.seed)))
