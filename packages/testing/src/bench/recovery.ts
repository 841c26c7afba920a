/**
 * From `kill -9` to ready: a log of 100,000 events and eight agents in mid-turn when the server dies. Measures the time from the start of the next
 * process until it reports that it is ready. This includes Node's start, the reaping of the dead server's agents and the settling of open turns.
 * Also measures the first start on an empty directory, and Node alone. Prints the rounds, writes docs/benchmarks/recovery.{json,md}.
 * `--events N`: a log of that many events, and no files are written.
 */
import type { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { Engine } from "@millrace/orchestration/engine/Engine"
import { Clock, Deferred, Effect, Stream } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { join, resolve } from "node:path"
import * as Kit from "../Orchestration.ts"
import * as ScriptedProvider from "../ScriptedProvider.ts"
import { serve, type ServerProcess } from "../ServerProcess.ts"
import { temporaryDirectory } from "../TemporaryDirectory.ts"

const ownEvents = 100_000
const option = process.argv.indexOf("--events")
const events = option < 0 ? ownEvents : Number(process.argv[option + 1])
const threads = 50
const agents = 8
const rounds = 11
const target = 500
const text = 'and then the "next" words of an answer, 40 to 60 characters\n'

const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))
const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const ms = (value: number) => `${Math.round(value)} ms`
const millis = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeNanos
    const value = yield* effect
    return [Number((yield* Clock.currentTimeNanos) - start) / 1e6, value] as const
  })

/** Writes the events of turns with text, through the engine and its read models, to `threads` threads. */
const fill = (dataDir: string) =>
  Effect.gen(function* () {
    const ready = yield* Deferred.make<void>()
    const begun: Array<{ threadId: ThreadId; epoch: number; turnId: TurnId; itemId: ItemId }> = []
    const provider = ScriptedProvider.make({
      turn: ({ emit, epoch, newItem, start, threadId, turnId }) =>
        Effect.gen(function* () {
          const itemId = yield* newItem
          yield* start
          yield* emit({ _tag: "ItemStarted", turnId, itemId, kind: "agent-message", content: {} })
          if (begun.push({ threadId, epoch, turnId, itemId }) === threads) yield* Deferred.succeed(ready, undefined)
          return yield* Effect.never
        })
    })
    const feed = Effect.gen(function* () {
      const engine = yield* Engine
      yield* Effect.forEach(Array.from({ length: threads }), () =>
        Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "go" } })
      )
      yield* Deferred.await(ready)
      for (const { epoch, itemId, threadId, turnId } of begun)
        for (let left = events / threads; left > 0; left -= 100) {
          const said: ReadonlyArray<DurableEvent> = Array.from({ length: 100 }, () => ({
            _tag: "ItemDelta",
            turnId,
            itemId,
            kind: "agent-message",
            text
          }))
          yield* engine.ingest({
            fact: { _tag: "AgentEvents", threadId, epoch, events: said },
            weight: 100 * (text.length + 256)
          })
        }
      yield* engine.drain
    })
    const log = EventLogSqlite.layer({ file: join(dataDir, "log.db"), synchronous: "NORMAL" })
    yield* Effect.provide(feed, Kit.layerOver(log, { providers: [provider] }))
  })

/** Waits until every agent has emitted text. */
const atWork = (server: ServerProcess, cwd: string) =>
  Effect.gen(function* () {
    const client = Client.make(HttpTransport.make(server))
    const turn = { text: "[[deltas 1000000 20]]" }
    const asked = yield* Effect.forEach(Array.from({ length: agents }), () =>
      Effect.flatMap(Client.command("thread.create", { provider: "demo", cwd, turn }), client.dispatch)
    )
    yield* Effect.forEach(
      asked,
      ({ cursor, threadId }) =>
        client.follow({ stream: `thread/${threadId as ThreadId}`, after: cursor }).pipe(
          Stream.takeUntil((frame) => frame._tag === "event" && frame.event.type === "item.delta"),
          Stream.runDrain
        ),
      { concurrency: "unbounded", discard: true }
    )
    return (yield* client.state).offset
  })

/** Milliseconds of processor time that a process has used, in ticks of 10. Does not depend on the load of the machine. Linux. */
const processorTime = (pid: number) =>
  Effect.sync(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return (Number(fields[11]) + Number(fields[12])) * 10
  })

const bareNode = Effect.promise(
  () => new Promise((done) => void spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }).once("exit", done))
)

export const run = Effect.gen(function* () {
  const load = loadavg()[0] ?? Number.NaN
  const dataDir = yield* temporaryDirectory
  const [filled] = yield* millis(fill(dataDir))
  yield* say(
    `recovery: ${events} events in ${ms(filled)}, ${agents} agents in mid-turn, Node ${process.version}, load ${load.toFixed(1)}`
  )
  const results = {
    afterKill: [] as Array<number>,
    processor: [] as Array<number>,
    empty: [] as Array<number>,
    node: [] as Array<number>,
    head: 0
  }
  for (let round = 0; round <= rounds; round++)
    yield* Effect.gen(function* () {
      const [took, server] = yield* millis(serve({ dataDir }))
      const processor = yield* processorTime(server.pid)
      const [empty] = yield* millis(Effect.scoped(Effect.flatMap(temporaryDirectory, (path) => serve({ dataDir: path }))))
      const [node] = yield* millis(bareNode)
      // The first round starts without a kill and warms up.
      if (round > 0) {
        results.afterKill.push(took)
        results.processor.push(processor)
        results.empty.push(empty)
        results.node.push(node)
        yield* say(
          `  round ${round}: ready after ${ms(took)}, ${ms(processor)} of processor time; on an empty directory ${ms(empty)}; Node alone ${ms(node)}`
        )
      }
      results.head = yield* atWork(server, dataDir)
      yield* server.kill("SIGKILL")
      yield* server.ended
    }).pipe(Effect.scoped)
  const held = median(results.afterKill) < target
  yield* say(
    `median ${ms(median(results.afterKill))}, processor ${ms(median(results.processor))}, target ${target} ms: ${held ? "held" : "MISSED"}`
  )
  if (events !== ownEvents) return
  const folder = resolve(import.meta.dirname, "../../../../docs/benchmarks")
  const row = (what: string, values: ReadonlyArray<number>) =>
    `| ${what} | ${ms(median(values))} | ${ms(Math.min(...values))} | ${ms(Math.max(...values))} |`
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, "recovery.json"),
    `${JSON.stringify({ version: process.versions.node, cores: cpus().length, load, events, agents, ...results, target, held }, null, 2)}\n`
  )
  writeFileSync(
    join(folder, "recovery.md"),
    `# Recovery, measured

Written by \`pnpm bench recovery\`; the raw rounds are in [recovery.json](recovery.json). Absolute figures depend on the machine and its load.

From the start of a process to its line on \`--ready-fd\`; includes the start of Node and the loading of the bundle. Before each start the previous server was killed with \`kill -9\` while ${agents} demo agents were
in mid-turn. The log had ${results.head.toLocaleString("en")} events at the end. Node ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), load average ${load.toFixed(1)} at the start, ${rounds} rounds.

| start | median | shortest | longest |
| --- | --- | --- | --- |
${row("after `kill -9`, over 100,000 events", results.afterKill)}
${row("the same, processor time of the server", results.processor)}
${row("first start, on an empty directory", results.empty)}
${row("`node -e 0`", results.node)}

Target: the median after \`kill -9\` below ${target} ms: **${held ? "held" : "missed"}**.
`
  )
  spawnSync(resolve(folder, "../../node_modules/.bin/oxfmt"), [folder])
}).pipe(Effect.scoped)
