/**
 * Search. First what it costs the engine: 20 agents send whole messages as fast as the engine accepts them, in pairs of rounds with and without the index,
 * the order changing from pair to pair. The processor time of the process per event decides, because other programs on the machine change the clock: the
 * target is held if the lower end of the interval of the median is above it, missed if the upper end is below it. The index lags behind a writer at full
 * speed, so the processor time that it then needs to catch up is printed separately. Then the index over that log: the time to build it, the longest hold of the event loop, its bytes, and the time of the first page of several queries.
 */
import type { ThreadId, TurnId, ItemId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { Engine } from "@millrace/orchestration/engine/Engine"
import * as Search from "@millrace/orchestration/search/Search"
import { Deferred, Effect, Exit, Layer, Scope } from "effect"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import * as Kit from "../Orchestration.ts"
import * as ScriptedProvider from "../ScriptedProvider.ts"

const agents = 20
/** Events of one message: its start, its deltas, its end. */
const perMessage = 500
const chunk = 125
const pairs = 20
const events = 1_000_000
/** Events per second with search, at least this part of those without. */
const target = 0.95

const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))
const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const percentile = (values: ReadonlyArray<number>, p: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))] ?? Number.NaN

/** Quartiles, and the interval that contains the median of all pairs with 96 % certainty: for 20 values the 6th to the 15th (binomial distribution). */
const spread = (values: ReadonlyArray<number>) => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (n: number) => sorted[Math.min(sorted.length - 1, Math.max(0, n))] ?? Number.NaN
  const half = Math.sqrt(sorted.length)
  return {
    low: at(Math.floor(sorted.length / 2 - half)),
    high: at(Math.ceil(sorted.length / 2 + half) - 1),
    quartiles: [at(sorted.length >> 2), at((sorted.length * 3) >> 2)] as const
  }
}
const verdict = (low: number, high: number): string => (low >= target ? "held" : high < target ? "MISSED" : "undecided")
const shown = (values: ReadonlyArray<number>): string => {
  const { high, low, quartiles } = spread(values)
  const three = (value: number) => value.toFixed(3)
  return `median ${three(median(values))} (96 %: ${three(low)} to ${three(high)}; half of the pairs ${three(quartiles[0])} to ${three(quartiles[1])})`
}

/** A vocabulary of 20,000 words of English length; a word is the more frequent the smaller its number. */
const wordOf = (random: number): string => {
  const n = Math.floor(20_000 ** random)
  return `${["con", "the", "in", "re", "al", "st"][n % 6]}${n.toString(36)}`
}
const randoms = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0
  return (seed >>> 0) / 2 ** 32
}
const random = randoms(7)
const words = (count: number) => Array.from({ length: count }, () => wordOf(random())).join(" ")

interface Streaming {
  readonly threadId: ThreadId
  readonly epoch: number
  readonly turnId: TurnId
}

const provider = (begun: (streaming: Streaming) => void) =>
  ScriptedProvider.make({
    turn: (turn) =>
      Effect.gen(function* () {
        yield* turn.start
        begun({ threadId: turn.threadId, epoch: turn.epoch, turnId: turn.turnId })
        return yield* Effect.never
      })
  })

let messages = 0
let characters = 0
/** One message of an agent, as the normaliser hands it over: its events in chunks. */
const message = (engine: typeof Engine.Service, { epoch, threadId, turnId }: Streaming) =>
  Effect.gen(function* () {
    const itemId = `itm_bench_${++messages}` as ItemId
    const kind = "agent-message"
    const deltas = Array.from({ length: perMessage - 2 }, (_, n) =>
      n === 7 && messages % 500 === 0 ? "zebra needle " : `${words(1)} `
    )
    const text = deltas.join("")
    characters += text.length
    const all: ReadonlyArray<DurableEvent> = [
      { _tag: "ItemStarted", turnId, itemId, kind, content: {} },
      ...deltas.map((text): DurableEvent => ({ _tag: "ItemDelta", turnId, itemId, kind, text })),
      { _tag: "ItemCompleted", turnId, itemId, kind, status: "completed", content: { text } }
    ]
    for (let sent = 0; sent < all.length; sent += chunk) {
      const events = all.slice(sent, sent + chunk)
      yield* engine.ingest({ fact: { _tag: "AgentEvents", threadId, epoch, events }, weight: events.length * 300 })
    }
  })

const cpuMillis = () => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

/** Events per millisecond of one round, of the clock and of processor time: other programs on the machine change only the first. */
const round = (streams: ReadonlyArray<Streaming>, perAgent: number) =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const [start, cpu] = [performance.now(), cpuMillis()]
    yield* Effect.forEach(streams, (one) => Effect.replicateEffect(message(engine, one), perAgent), {
      concurrency: "unbounded",
      discard: true
    })
    yield* engine.drain
    const sent = perAgent * streams.length * perMessage
    const used = cpuMillis() - cpu
    return { rate: sent / (performance.now() - start), perCpu: sent / used, cpu: used }
  })

const caughtUp = (search: (typeof Search.Search.Service)["search"]) =>
  Effect.repeat(
    Effect.flatMap(search({ q: "none", limit: 1 }), ({ indexing }) =>
      indexing === undefined ? Effect.succeed(true) : Effect.as(Effect.sleep("5 millis"), false)
    ),
    { until: (isDone) => isDone }
  )

/** The service with the index of this file, once it has caught up. */
const opened = (file: string, scope: Scope.Scope) =>
  Effect.gen(function* () {
    const { search } = yield* Effect.map(Layer.buildWithScope(Layer.fresh(Search.layer(file)), scope), (context) =>
      Layer.succeedContext(context)
    ).pipe(Effect.flatMap((layer) => Effect.provide(Search.Search, layer)))
    yield* caughtUp(search)
    return search
  })

const queries = ["zebra", "the1", '"zebra needle"', "con1 the1", "conz", "th", "the1 -zebra"]

const index = (file: string) =>
  Effect.gen(function* () {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const [start, cpu] = [performance.now(), cpuMillis()]
    const search = yield* opened(file, yield* Effect.scope)
    const [millis, used] = [performance.now() - start, cpuMillis() - cpu]
    delay.disable()
    yield* say(
      `  built in ${Math.round(millis)} ms, ${Math.round(used)} ms of processor time: ${Math.round(characters / used)}k characters/s; ` +
        `hold of the event loop: p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, longest ${(delay.max / 1e6).toFixed(1)} ms`
    )
    for (const q of queries) {
      const times: Array<number> = []
      const cpu = cpuMillis()
      let hits = 0
      for (let n = 0; n < 200; n++) {
        const began = performance.now()
        hits = (yield* search({ q })).hits.length
        times.push(performance.now() - began)
      }
      yield* say(
        `  first page of ${q}: ${hits} hits, p50 ${median(times).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms, ` +
          `processor time ${((cpuMillis() - cpu) / 200).toFixed(2)} ms`
      )
    }
  }).pipe(Effect.scoped)

export const run = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-bench-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const begun: Array<Streaming> = []
  const ready = yield* Deferred.make<void>()
  const agent = provider((streaming) => {
    if (begun.push(streaming) === agents) Deferred.unsafeDone(ready, Effect.void)
  })
  yield* say(`search, ${agents} agents, messages of ${perMessage} events, synchronous = FULL, Node ${process.version}`)
  const log = EventLogSqlite.layer({ file: join(directory, "log.db") })
  yield* Effect.gen(function* () {
    yield* Effect.forEach(Array.from({ length: agents }), () =>
      Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "go" } })
    )
    yield* Deferred.await(ready)
    yield* round(begun, 10)
    const ratios = { rate: Array.of<number>(), perCpu: Array.of<number>(), caughtUp: Array.of<number>() }
    const followed = join(directory, "followed.db")
    const perAgent = Math.ceil(events / agents / perMessage / (2 * (pairs + 1)))
    // The first pair warms up the code of the index.
    for (let pair = 0; pair <= pairs; pair++) {
      const measured = { off: { rate: 0, perCpu: 0, cpu: 0 }, on: { rate: 0, perCpu: 0, cpu: 0 } }
      let catchingUp = 0
      for (const mode of pair % 2 === 0 ? (["off", "on"] as const) : (["on", "off"] as const)) {
        const scope = yield* Scope.make()
        const search = mode === "on" ? yield* opened(followed, scope) : undefined
        measured[mode] = yield* round(begun, perAgent)
        const cpu = cpuMillis()
        if (search !== undefined) yield* caughtUp(search)
        catchingUp += cpuMillis() - cpu
        yield* Scope.close(scope, Exit.void)
      }
      const { off, on } = measured
      if (pair === 0) continue
      ratios.rate.push(on.rate / off.rate)
      ratios.perCpu.push(on.perCpu / off.perCpu)
      ratios.caughtUp.push(off.cpu / (on.cpu + catchingUp))
      yield* say(
        `  engine with search ${on.rate.toFixed(1)}k events/s, without ${off.rate.toFixed(1)}k: ${(on.rate / off.rate).toFixed(3)}; ` +
          `per second of processor time ${on.perCpu.toFixed(1)}k and ${off.perCpu.toFixed(1)}k: ${(on.perCpu / off.perCpu).toFixed(3)}`
      )
    }
    yield* say(`  ${pairs} pairs, with search over without, by the clock: ${shown(ratios.rate)}`)
    yield* say(`  with the time that the index needs to catch up afterwards, of processor time: ${shown(ratios.caughtUp)}`)
    const { high, low } = spread(ratios.perCpu)
    yield* say(`  per second of processor time: ${shown(ratios.perCpu)} (target ${target}: ${verdict(low, high)})`)
    const { head } = yield* EventLog
    const built = join(directory, "built.db")
    yield* say(`  ${yield* head} events, ${messages} messages, ${characters} characters`)
    yield* index(built)
    yield* say(`  ${(statSync(built).size / characters).toFixed(3)} bytes of index per character`)
  }).pipe(Effect.provide(Kit.layerOver(log, { providers: [agent] })))
}).pipe(Effect.scoped)
