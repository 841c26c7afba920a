/**
 * The log on the disk. 300 answers of 500 words through a whole host, then packed: bytes per character of streamed text, processor time of packing per event,
 * the longest hold of the event loop, a cold read against a hot one, delivery while packing against without, and the time to open the log.
 * `--events N`: opens a log with that many packed events. `--file`: only the file of the host.
 */
import * as Host from "@millrace/host/Host"
import * as Pace from "@millrace/host/internal/Pace"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import Sqlite from "@millrace/sqlite-driver"
import { Clock, Context, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import { command } from "../Orchestration.ts"
import * as ScriptedProvider from "../ScriptedProvider.ts"

const answers = 300
const wordsOfAnswer = 500
/** Threads that stream at the same time, each with an equal part of the answers. */
const threads = 20
const rounds = 15
const filler = "2026-11-20T09:00:00.000Z"

const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))
const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const p99 = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN
const held = (name: string, value: number, isHeld: boolean, target: string) =>
  say(`  ${name}: ${value.toFixed(2)} (target ${target}: ${isHeld ? "held" : "MISSED"})`)

const randoms = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0
  return (seed >>> 0) / 2 ** 32
}
const random = randoms(16)
/** Words of a vocabulary of 8,000; a word is the more frequent the smaller its number. */
const words = (count: number) =>
  Array.from({ length: count }, () => {
    const n = Math.floor(8_000 ** random())
    return `${["th", "an", "con", "re", "of", "st"][n % 6]}${n.toString(36)} `
  })

let characters = 0
/** An answer in pieces of three to five words; the engine joins what arrives within 25 ms, so each piece is one event. */
const provider = ScriptedProvider.make({
  turn: (turn) =>
    Effect.gen(function* () {
      yield* turn.start
      const itemId = yield* turn.newItem
      yield* turn.emit({ _tag: "ItemStarted", turnId: turn.turnId, itemId, kind: "agent-message", content: {} })
      let text = ""
      for (let left = wordsOfAnswer; left > 0;) {
        const piece = words(Math.min(left, 3 + Math.floor(random() * 3)))
        left -= piece.length
        text += piece.join("")
        yield* turn.emit({ _tag: "ItemDelta", turnId: turn.turnId, itemId, kind: "agent-message", text: piece.join("") })
        yield* Effect.sleep("26 millis")
      }
      characters += text.length
      yield* turn.emit({
        _tag: "ItemCompleted",
        turnId: turn.turnId,
        itemId,
        kind: "agent-message",
        status: "completed",
        content: { text }
      })
      yield* turn.complete
    })
})

const cpu = () => {
  const { system, user } = process.cpuUsage()
  return user + system
}

/** Processor time in microseconds, and the longest hold of the event loop in milliseconds. */
const measured = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const before = cpu()
    const value = yield* effect
    const micros = cpu() - before
    delay.disable()
    return { value, micros, hold: Math.max(0, delay.max / 1e6 - 1) }
  })

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void
/** Collects garbage first: that of what came before is not work of what is measured. */
const collected = Effect.zipRight(Effect.sync(collect), Effect.sleep("200 millis"))

type Log = typeof EventLog.Service

/** Lets the event loop run, as the host's fibers do. */
const yielding = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

const packAll = (log: Log, partial: boolean, between: Effect.Effect<void> = yielding) =>
  Effect.gen(function* () {
    const below = (yield* log.head) + 1
    let events = 0
    let pages = 0
    for (let more = true; more;) {
      const step = yield* log.pack({ below, before: "9999", partial, between })
      events += step.events
      pages += step.pages
      more = step.more
    }
    return { events, pages }
  })

/** MB of JSON per second. */
const readAll = (log: Log) =>
  Effect.gen(function* () {
    const head = yield* log.head
    const start = performance.now()
    let bytes = 0
    for (let after = 0; after < head;) {
      const page = yield* log.read({ after })
      for (const { json } of page.events) bytes += json.length
      after = page.upTo
    }
    return bytes / 1_000 / (performance.now() - start)
  })

const delta = (n: number) => ({
  stream: `thread/thr_01J${String(n % 20).padStart(20, "0")}`,
  type: "item.delta",
  at: filler,
  epoch: 1,
  data: { turnId: "trn_01JABCDEFGH", itemId: `itm_01JABCDEFGH${n % 20}`, kind: "agent-message", text: words(4).join("") }
})
const fill = (log: Log, count: number) =>
  Effect.gen(function* () {
    for (let n = 0; n < count; n += 500)
      yield* log.append(Array.from({ length: Math.min(500, count - n) }, (_, i) => ({ events: [delta(n + i)], rows: [] })))
  })

/** p99 in milliseconds from an append to its delivery to a follower, with an append every 2 ms. */
const delivery = (log: Log, appends: number) =>
  Effect.gen(function* () {
    const began = new Map<number, number>()
    const times: Array<number> = []
    const after = yield* log.head
    const done = yield* Deferred.make<void>()
    const follower = yield* Effect.fork(
      log.follow({ after }).pipe(
        Stream.runForEach((page) => {
          const now = performance.now()
          for (const { offset } of page.events) times.push(now - (began.get(offset) ?? now))
          return times.length >= appends ? Deferred.succeed(done, undefined) : Effect.void
        })
      )
    )
    for (let n = 1; n <= appends; n++) {
      began.set(after + n, performance.now())
      yield* log.append([{ events: [delta(n)], rows: [] }])
      yield* Effect.sleep("2 millis")
    }
    yield* Deferred.await(done)
    yield* Fiber.interrupt(follower)
    return p99(times)
  })

const throughHost = (directory: string) =>
  Effect.gen(function* () {
    const file = join(directory, "host.db")
    yield* Effect.scoped(
      Effect.gen(function* () {
        const store = Layer.succeed(EventLog, yield* EventLogSqlite.make({ file }))
        const context = yield* Layer.build(
          Host.layerMemory({
            adapters: [provider.adapter],
            store,
            directories: [directory],
            engine: { places: { agents: 0, agentsPerProvider: 0, agentsPerToken: 0 } }
          })
        )
        const host = Context.get(context, Host.Host)
        const toTheEnd = (threadId: string, after: string) =>
          host.follow({ after, stream: `thread/${threadId}` }).pipe(
            Stream.takeUntil((frame) => frame._tag === "event" && frame.event.type === "turn.completed"),
            Stream.runDrain
          )
        const thread = Effect.gen(function* () {
          const first = { provider: "scripted", cwd: directory, turn: { text: words(20).join("") } }
          const { cursor, threadId } = yield* host.dispatch(command("thread.create", first), "bench")
          if (threadId === undefined) return
          yield* toTheEnd(threadId, cursor)
          for (let n = 1; n < answers / threads; n++) {
            const next = yield* host.dispatch(command("turn.start", { threadId, text: words(20).join("") }), "bench")
            yield* toTheEnd(threadId, next.cursor)
          }
        })
        yield* Effect.forEach(Array.from({ length: threads }), () => thread, { concurrency: threads, discard: true })
      })
    )
    const log = yield* EventLogSqlite.make({ file, ringBytes: 1 })
    const hot = yield* log.disk
    const head = yield* log.head
    yield* say(`${answers} answers of ${wordsOfAnswer} words: ${head} events, ${characters} characters of streamed text`)
    yield* say(`  hot: ${((hot.fileBytes - hot.freeBytes) / characters).toFixed(1)} bytes per character`)
    yield* packAll(log, true)
    const cold = yield* log.disk
    const perCharacter = cold.fileBytes / characters
    yield* held("packed, bytes on the disk per character", perCharacter, perCharacter <= 3, "3")
    yield* say(
      `  of these in segments: ${(cold.coldBytes / characters).toFixed(2)}, free: ${(cold.freeBytes / characters).toFixed(2)}`
    )
    const db = new Sqlite(file, { readonly: true })
    const trees = db
      .prepare("SELECT name, sum(pgsize) AS bytes, sum(unused) AS unused FROM dbstat GROUP BY name ORDER BY 2 DESC")
      .all()
    db.close()
    yield* say("  pages of each table and index, and the unused part of them:")
    for (const { bytes, name, unused } of trees as ReadonlyArray<{ name: string; bytes: number; unused: number }>)
      if (bytes / characters >= 0.01)
        yield* say(`    ${name} ${(bytes / characters).toFixed(2)} (${(unused / characters).toFixed(2)})`)
  }).pipe(Effect.scoped)

const packing = (directory: string) =>
  Effect.gen(function* () {
    const log = yield* EventLogSqlite.make({ file: join(directory, "packing.db"), ringBytes: 1 })
    const results: Array<{ readonly micros: number; readonly hold: number; readonly vacuum: number; readonly ratio: number }> = []
    let hot = 0
    for (let round = 0; round <= 3; round++) {
      yield* fill(log, 40_000)
      if (round === 0) hot = yield* readAll(log)
      const head = yield* log.head
      const steps: Array<number> = []
      let events = 0
      yield* collected
      const packed = yield* measured(
        Effect.gen(function* () {
          while (events < 40_000) events += (yield* log.pack({ below: head + 1, before: "9999", between: yielding })).events
        })
      )
      const vacuum = yield* measured(packAll(log, false))
      const cold = yield* readAll(log)
      steps.push(cold)
      if (round > 0) results.push({ micros: packed.micros / events, hold: packed.hold, vacuum: vacuum.hold, ratio: cold / hot })
    }
    const of = (key: keyof (typeof results)[number]) => median(results.map((result) => result[key]))
    yield* say("packing 40,000 deltas at a time, medians of 3 rounds")
    yield* held("microseconds of CPU per event", of("micros"), of("micros") <= 5, "5")
    yield* held("longest hold of the event loop by packing, ms", of("hold"), of("hold") <= 10, "10")
    yield* held("longest hold of the event loop by vacuum, ms", of("vacuum"), of("vacuum") <= 10, "10")
    yield* held("cold read / hot read", of("ratio"), of("ratio") >= 0.5, "0.5")
    const pairs: Array<number> = []
    let packedMeanwhile = 0
    /** With 20,000 events that are not packed; packs them during the measurement or after it. */
    const measure = (busy: boolean) =>
      Effect.gen(function* () {
        yield* fill(log, 20_000)
        yield* collected
        const { coldUpTo } = yield* log.disk
        const worker = busy ? yield* Effect.fork(Pace.background(log)((between) => packAll(log, false, between))) : undefined
        const result = yield* delivery(log, 500)
        if (worker !== undefined) {
          packedMeanwhile += (yield* log.disk).coldUpTo - coldUpTo
          yield* Fiber.interrupt(worker)
        }
        yield* packAll(log, false)
        return result
      })
    for (let round = 0; round < rounds; round++) {
      const first = yield* measure(round % 2 === 0)
      const second = yield* measure(round % 2 === 1)
      pairs.push(round % 2 === 0 ? first / second : second / first)
    }
    yield* say(`  packed during a measurement: ${Math.round(packedMeanwhile / rounds)} events`)
    yield* say(`  p99 of delivery while packing / without, each pair: ${pairs.map((ratio) => ratio.toFixed(2)).join(" ")}`)
    yield* held(`their median, ${rounds} pairs`, median(pairs), median(pairs) <= 1.1, "1.1")
  }).pipe(Effect.scoped)

const opening = (directory: string, count: number) =>
  Effect.gen(function* () {
    const file = join(directory, "opening.db")
    yield* Effect.scoped(
      Effect.flatMap(EventLogSqlite.make({ file, synchronous: "NORMAL", ringBytes: 1 }), (log) =>
        Effect.gen(function* () {
          for (let done = 0; done < count; done += 100_000) {
            yield* fill(log, Math.min(100_000, count - done))
            yield* packAll(log, true)
          }
        })
      )
    )
    const times: Array<number> = []
    for (let n = 0; n < 5; n++) {
      const start = yield* Clock.currentTimeNanos
      yield* Effect.scoped(Effect.flatMap(EventLogSqlite.make({ file }), (log) => log.read({ after: 0, limit: 1 })))
      times.push(Number((yield* Clock.currentTimeNanos) - start) / 1e6)
    }
    yield* held(`open a log of ${count} events and read the first, ms`, median(times), median(times) <= 500, "500")
  })

export const run = Effect.acquireUseRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-disk-"))),
  (directory) =>
    Effect.gen(function* () {
      yield* throughHost(directory)
      if (process.argv.includes("--file")) return
      yield* packing(directory)
      const at = process.argv.indexOf("--events")
      yield* opening(directory, at < 0 ? 200_000 : Number(process.argv[at + 1]))
    }),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)
