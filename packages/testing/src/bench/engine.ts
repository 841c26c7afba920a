/**
 * The whole engine under text: 20 agents in mid-turn send deltas as fast as the engine accepts them; each delta is decided, folded, appended
 * with FULL and published. Printed: durable deltas per second by slice (flat?), statements per batch, the longest gap of the event loop,
 * and how long a command waits meanwhile.
 */
import type { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { Engine } from "@millrace/orchestration/engine/Engine"
import { Clock, Deferred, Effect, Fiber, Layer } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import * as Kit from "../Orchestration.ts"
import * as ScriptedProvider from "../ScriptedProvider.ts"

const agents = 20
const chunk = 128
const slice = 100_000
const text = 'and then the "next" words of an answer, 40 to 60 characters\n'

const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

interface Streaming {
  readonly threadId: ThreadId
  readonly epoch: number
  readonly turnId: TurnId
  readonly itemId: ItemId
}

/** An agent that begins a message; the bench sends its deltas. */
const provider = (begun: (streaming: Streaming) => void) =>
  ScriptedProvider.make({
    turn: (turn) =>
      Effect.gen(function* () {
        const itemId = yield* turn.newItem
        yield* turn.start
        yield* turn.emit({ _tag: "ItemStarted", turnId: turn.turnId, itemId, kind: "agent-message", content: {} })
        begun({ threadId: turn.threadId, epoch: turn.epoch, turnId: turn.turnId, itemId })
        return yield* Effect.never
      })
  })

const feed = (engine: typeof Engine.Service, { threadId, epoch, turnId, itemId }: Streaming, count: number) =>
  Effect.gen(function* () {
    for (let sent = 0; sent < count; sent += chunk) {
      const events: ReadonlyArray<DurableEvent> = Array.from({ length: Math.min(chunk, count - sent) }, () => ({
        _tag: "ItemDelta",
        turnId,
        itemId,
        kind: "agent-message",
        text
      }))
      yield* engine.ingest({
        fact: { _tag: "AgentEvents", threadId, epoch, events },
        weight: events.length * (text.length + 256)
      })
    }
  })

const millis = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeNanos
    yield* effect
    return Number((yield* Clock.currentTimeNanos) - start) / 1e6
  })

const percentile = (values: ReadonlyArray<number>, p: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))] ?? Number.NaN

const bench = (streams: ReadonlyArray<Streaming>, slices: number) =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const log = yield* EventLog
    const rates: Array<number> = []
    const gaps: Array<number> = []
    const waits: Array<number> = []
    const threadId = streams[0]?.threadId as ThreadId
    const commands = Effect.gen(function* () {
      for (;;) {
        yield* Effect.sleep("50 millis")
        waits.push(yield* millis(Kit.dispatch("thread.rename", { threadId, title: `at ${waits.length}` })))
      }
    })
    const asking = yield* Effect.fork(commands)
    const before = yield* log.stats
    for (let n = 0; n < slices; n++) {
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const ms = yield* millis(
        Effect.zipRight(
          Effect.forEach(streams, (one) => feed(engine, one, slice / streams.length), {
            concurrency: "unbounded",
            discard: true
          }),
          engine.drain
        )
      )
      delay.disable()
      rates.push(slice / ms)
      gaps.push(delay.max / 1e6)
      yield* say(
        `  ${n * 100}k to ${(n + 1) * 100}k events: ${Math.round(slice / ms)}k/s, longest gap of the event loop ${(delay.max / 1e6).toFixed(1)} ms`
      )
    }
    yield* Fiber.interrupt(asking)
    const after = yield* log.stats
    const batches = after.batches - before.batches
    yield* say(
      `  lowest ${Math.min(...rates).toFixed(1)}k/s, last slice to first ${((rates.at(-1) ?? 0) / (rates[0] ?? 1)).toFixed(2)}, ` +
        `${((after.statements - before.statements) / batches).toFixed(1)} statements per batch of ${Math.round((slice * slices) / batches)} events`
    )
    yield* say(
      `  longest gap of the event loop ${Math.max(...gaps).toFixed(1)} ms; a command meanwhile: median ${percentile(waits, 0.5).toFixed(1)} ms, ` +
        `99 % ${percentile(waits, 0.99).toFixed(1)} ms (${waits.length}); memory ${Math.round(process.memoryUsage.rss() / 1e6)} MB`
    )
  })

/** `slices` of 100,000 deltas. */
export const measure = (slices = 10) =>
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-bench-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const begun: Array<Streaming> = []
    const ready = yield* Deferred.make<void>()
    const agent = provider((streaming) => {
      if (begun.push(streaming) === agents) Deferred.unsafeDone(ready, Effect.void)
    })
    yield* say(`engine, ${agents} agents, hand-overs of ${chunk}, synchronous = FULL, Node ${process.version}`)
    const layer = Kit.layerOver(EventLogSqlite.layer({ file: join(directory, "log.db") }), { providers: [agent] })
    yield* Effect.gen(function* () {
      yield* Effect.forEach(Array.from({ length: agents }), () =>
        Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "go" } })
      )
      yield* Deferred.await(ready)
      yield* (yield* Engine).drain
      yield* bench(begun, slices)
    }).pipe(Effect.provide(layer))
    const start = performance.now()
    yield* Effect.provide(
      Effect.void,
      Layer.fresh(Kit.layerOver(EventLogSqlite.layer({ file: join(directory, "log.db") }), { providers: [agent] }))
    )
    yield* say(`  start over that log, recovery included: ${Math.round(performance.now() - start)} ms`)
  }).pipe(Effect.scoped)

export const run = measure()
