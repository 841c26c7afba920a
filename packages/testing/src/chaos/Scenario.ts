/**
 * One run of a seed: a writer, readers of every kind, and faults. After each round of faults everything works again, and
 * every reader must have everything within a minute of virtual time.
 */
import type { StreamName } from "@millrace/contracts/Ids"
import type { Envelope, NewEvent } from "@millrace/log/EventLog"
import { Cause, Chunk, Clock, Effect, Exit, Random } from "effect"
import * as HistoryChecker from "../HistoryChecker.ts"
import * as Faults from "./Faults.ts"
import * as Readers from "./Readers.ts"
import * as World from "./World.ts"

const threads = ["a", "b", "c"] as const
const streamOf = (thread: string): StreamName => `thread/thr_${thread}`
/** Characters of several bytes, so that a cut can fall inside one. */
const texts = ["Grüße aus dem Mühlbach", "水車 🛶", "plain words", '"quoted"\n\nand broken', "data: not a field\nid: 7"]
const rounds = 2
/** Readers of random kinds: the next seed has the kinds that this one lacks. */
const readersPerRun = 5
const settleSeconds = 60
/** Batches without a later write: each may meet a reader that is about to sleep, and only its own wake-up can wake that reader. */
const quietBatches = 4

export interface Outcome {
  readonly violations: ReadonlyArray<string>
  readonly counts: Faults.Counts
  readonly log: ReadonlyArray<HistoryChecker.Row>
  readonly histories: ReadonlyArray<HistoryChecker.History>
}

const readers = [
  { name: "in process, all", kind: "in process", stream: undefined },
  { name: "in process, one thread", kind: "in process", stream: streamOf("a") },
  { name: "subscription, all", kind: "subscription", stream: undefined },
  { name: "subscription, deleted thread", kind: "subscription", stream: streamOf("c") },
  { name: "best effort, all", kind: "best effort", stream: undefined },
  { name: "best effort, one thread", kind: "best effort", stream: streamOf("b") },
  { name: "client, all", kind: "client", stream: undefined },
  { name: "sse, all", kind: "sse", stream: undefined },
  { name: "sse, one thread", kind: "sse", stream: streamOf("b") },
  { name: "sse, deleted thread", kind: "sse", stream: streamOf("c") },
  { name: "in process, deleted thread", kind: "in process", stream: streamOf("c") },
  { name: "poll, all", kind: "poll", stream: undefined },
  { name: "poll, one thread", kind: "poll", stream: streamOf("a") }
] as const

/** One written event; a marker in its data identifies it. */
interface Written {
  readonly marker: number
  readonly outcome: "acknowledged" | "refused" | "unknown"
}

const rowsOf = (world: World.World): ReadonlyArray<HistoryChecker.Row> =>
  world.storage.view((view) => view.events({ after: 0, limit: 100_000, maxBytes: Number.MAX_SAFE_INTEGER }).events)

/** Acknowledged events exist, rejected ones do not, and none exists twice (L2, L9). */
const checkWrites = (log: ReadonlyArray<HistoryChecker.Row>, written: ReadonlyArray<Written>): ReadonlyArray<string> => {
  const times = new Map<number, number>()
  for (const { json } of log) {
    const { data } = JSON.parse(json) as { readonly data: { readonly marker: number } }
    times.set(data.marker, (times.get(data.marker) ?? 0) + 1)
  }
  return written.flatMap(({ marker, outcome }) => {
    const found = times.get(marker) ?? 0
    const right = outcome === "unknown" ? found <= 1 : found === (outcome === "acknowledged" ? 1 : 0)
    return right ? [] : [`L2 write ${marker} was ${outcome} and is in the log ${found} times`]
  })
}

export const run = (subject: World.Subject): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    const faults = Faults.make(yield* Random.nextIntBetween(1, 2 ** 31))
    const world = yield* World.make(subject, faults)
    /** Serialises appends and restarts. */
    const owner = yield* Effect.makeSemaphore(1)
    const written: Array<Written> = []
    const histories: Array<HistoryChecker.History> = []
    /** Errors that no reader may get: rejections and defects. */
    const broken: Array<string> = []
    let deleted = false
    let marker = 0

    const event = (thread: string, type: string): Effect.Effect<NewEvent> =>
      Effect.gen(function* () {
        const text = texts[yield* Random.nextIntBetween(0, texts.length)] ?? ""
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        return { stream: streamOf(thread), type, at, epoch: 1, data: { threadId: `thr_${thread}`, marker: ++marker, text } }
      })

    /** One append and its possible outcomes. A crash ends the server. */
    const append = (envelopes: ReadonlyArray<Envelope>) =>
      Effect.gen(function* () {
        const { log } = yield* world.server
        faults.counts.appends++
        const exit = yield* Effect.exit(log.append(envelopes))
        const died = Exit.isFailure(exit) && !Cause.isFailure(exit.cause)
        const outcome = Exit.isSuccess(exit) ? "acknowledged" : died ? "unknown" : "refused"
        if (outcome === "refused") faults.counts.failedAppends++
        for (const { events } of envelopes)
          for (const { data } of events) written.push({ marker: (data as { readonly marker: number }).marker, outcome })
        if (died) {
          faults.counts.crashes++
          yield* world.restart({ drain: false })
        }
        return Exit.isSuccess(exit)
      }).pipe(owner.withPermits(1))

    const batch = Effect.gen(function* () {
      const envelopes: Array<Envelope> = []
      for (let n = yield* Random.nextIntBetween(1, 4); n > 0; n--) {
        const thread = threads[yield* Random.nextIntBetween(0, deleted ? 2 : 3)] ?? "a"
        const type = (yield* Random.next) < 0.25 ? "turn.completed" : "item.delta"
        const events = yield* Effect.replicateEffect(event(thread, type), yield* Random.nextIntBetween(1, 4))
        envelopes.push({ events, rows: [] })
      }
      yield* append(envelopes)
    })

    const remove = Effect.gen(function* () {
      if (deleted) return
      const deletion: Envelope = {
        events: [yield* event("c", "thread.deleted")],
        rows: [
          {
            op: "put",
            collection: World.threadCollection,
            key: "thr_c",
            parent: "",
            event: 0,
            rank: "keep",
            value: { deleted: true }
          }
        ]
      }
      yield* append([deletion])
      // After a crash only the log knows the outcome.
      deleted = rowsOf(world).some(({ type }) => type === "thread.deleted")
    })

    const join = (one: (typeof readers)[number]) =>
      Effect.gen(function* () {
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 3_000))
        const { log } = yield* world.server
        const start = (yield* Random.next) < 0.7 ? 0 : yield* log.head
        const reader = Readers.make(world, faults, { ...one, start })
        histories.push(reader.history)
        yield* reader.run
      }).pipe(Effect.catchAllCause((cause) => Effect.sync(() => broken.push(`${one.name}: ${Cause.pretty(cause)}`))))

    const trouble = Effect.gen(function* () {
      for (let n = yield* Random.nextIntBetween(0, 3); n > 0; n--) {
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 2_000))
        yield* world.restart({ drain: (yield* Random.next) < 0.4 }).pipe(owner.withPermits(1))
      }
    })

    const burst = Effect.gen(function* () {
      for (let n = yield* Random.nextIntBetween(4, 9); n > 0; n--) {
        yield* batch
        if ((yield* Random.next) < 0.08) yield* remove
        if ((yield* Random.next) < 0.6) yield* Effect.sleep(yield* Random.nextIntBetween(0, 700))
        if ((yield* Random.next) < 0.3) faults.release()
      }
    })

    const look = (settled: boolean): ReadonlyArray<string> => {
      const log = rowsOf(world)
      return [
        ...broken,
        ...HistoryChecker.checkLog(log),
        ...checkWrites(log, written),
        ...HistoryChecker.check(log, histories, { settled }).map(({ detail, reader, rule }) => `${rule}: ${reader}: ${detail}`)
      ]
    }

    /** No faults, one more batch; then only time passes. */
    const quiet = Effect.gen(function* () {
      yield* batch
      for (let second = 0; second < settleSeconds; second += 2) {
        yield* Effect.sleep("2 seconds")
        if (histories.length === readersPerRun && look(true).length === 0) return []
        const violations = look(false)
        if (violations.length > 0) return violations
      }
      return look(true)
    })

    const settle = Effect.gen(function* () {
      faults.active = false
      faults.release()
      for (let n = 1; n <= quietBatches; n++) {
        const violations = yield* quiet
        if (violations.length > 0) return violations
      }
      return []
    })

    const chosen = Chunk.toReadonlyArray(yield* Random.shuffle(readers)).slice(0, readersPerRun)
    yield* Effect.forEach(chosen, (one) => Effect.forkScoped(join(one)), { discard: true })
    for (let round = 1; round <= rounds; round++) {
      faults.active = true
      yield* Effect.all([burst, trouble], { concurrency: 2, discard: true })
      if (round === rounds) yield* remove
      const violations = yield* settle
      if (violations.length > 0 || round === rounds) return { violations, counts: faults.counts, log: rowsOf(world), histories }
    }
    return yield* Effect.dieMessage("there is at least one round")
  }).pipe(Effect.scoped)
