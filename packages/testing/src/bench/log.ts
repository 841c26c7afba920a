/**
 * The log compared with a bare loop over its SQLite driver. Both write the same rows (columns, index, wire JSON), in the same batches,
 * with the same pragmas, in the same run, alternating. The bare loop has its JSON prepared and runs only
 * BEGIN IMMEDIATE, one prepared INSERT per row, COMMIT; the log encodes, assigns, publishes to its ring, and wakes.
 */
import Sqlite from "@millrace/sqlite-driver"
import type { Envelope } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { Clock, Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const at = "2026-11-20T09:00:00.000Z"
const text = 'and then the "next" words of an answer, 40 to 60 characters\n'
const streams = 20

/** A durable delta as the engine writes it: 290 bytes on the wire. */
const event = (n: number) => {
  const id = `thr_01J${String(n % streams).padStart(20, "0")}`
  return {
    stream: `thread/${id}`,
    type: "item.delta",
    at,
    epoch: 1,
    data: { threadId: id, turnId: "trn_01JABCDEFGH", itemId: "itm_01JABCDEFGH", kind: "agent-message", text }
  }
}

/** Groups of envelopes with one event each, numbered from `first`. */
const groups = (first: number, count: number, size: number): ReadonlyArray<ReadonlyArray<Envelope>> =>
  Array.from({ length: count }, (_, g) =>
    Array.from({ length: size }, (__, i) => ({ events: [event(first + g * size + i)], rows: [] }))
  )

const millis = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeNanos
    yield* effect
    return Number((yield* Clock.currentTimeNanos) - start) / 1e6
  })

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const perSecond = (rows: number, ms: number) => `${Math.round(rows / ms)}k/s`
const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const openBare = (file: string) => {
  const db = new Sqlite(file)
  for (const pragma of ["auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = FULL"]) db.pragma(pragma)
  db.exec(`CREATE TABLE events (offset INTEGER PRIMARY KEY, stream INTEGER NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, json TEXT NOT NULL) STRICT;
           CREATE INDEX events_by_stream ON events (stream)`)
  const begin = db.prepare("BEGIN IMMEDIATE")
  const insert = db.prepare("INSERT INTO events (offset, stream, version, type, json) VALUES (?, ?, ?, ?, ?)")
  const commit = db.prepare("COMMIT")
  let offset = 0
  const rows = (group: ReadonlyArray<Envelope>) =>
    group.flatMap(({ events }) =>
      events.map(({ stream, type, epoch, data }) => {
        const version = Math.floor(offset++ / streams) + 1
        return [
          offset,
          (offset - 1) % streams,
          version,
          type,
          JSON.stringify({ offset, stream, version, type, at, epoch, data })
        ] as const
      })
    )
  const write = (batch: ReturnType<typeof rows>) => {
    begin.run()
    for (const row of batch) insert.run(row[0], row[1], row[2], row[3], row[4])
    commit.run()
  }
  return { rows, write, close: () => db.close() }
}

const ratio = (directory: string, size: number, count: number, rounds: number) =>
  Effect.gen(function* () {
    const bare = openBare(join(directory, `bare-${size}.db`))
    const log = yield* EventLogSqlite.make({ file: join(directory, `log-${size}.db`) })
    const rows = size * count
    const results: Array<{ readonly bare: number; readonly log: number }> = []
    for (let round = 0; round <= rounds; round++) {
      const batches = groups(round * rows, count, size)
      const ready = batches.map(bare.rows)
      const runBare = millis(Effect.sync(() => ready.forEach(bare.write)))
      const runLog = millis(Effect.forEach(batches, (batch) => log.append(batch), { discard: true }))
      // Alternates, and also alternates which one is first. The first round warms up.
      const first = yield* round % 2 === 0 ? runBare : runLog
      const second = yield* round % 2 === 0 ? runLog : runBare
      if (round > 0) results.push(round % 2 === 0 ? { bare: first, log: second } : { bare: second, log: first })
    }
    bare.close()
    const ratios = results.map((result) => result.bare / result.log)
    yield* say(
      `  batch ${String(size).padStart(4)}: bare ${perSecond(rows, median(results.map((r) => r.bare)))}, log ${perSecond(rows, median(results.map((r) => r.log)))}, ` +
        `ratio ${median(ratios).toFixed(2)} (rounds: ${ratios.map((r) => r.toFixed(2)).join(" ")})`
    )
    return median(ratios)
  }).pipe(Effect.scoped)

const statementsPerBatch = (log: Effect.Effect.Success<ReturnType<typeof EventLogSqlite.make>>) =>
  Effect.forEach([1, 64, 512], (size) =>
    Effect.gen(function* () {
      const before = (yield* log.stats).statements
      const batch = (groups(0, 1, size)[0] ?? []).map(({ events }, i): Envelope => ({
        events,
        rows: [
          { op: "put", collection: "items", key: `${size}-${i}`, parent: "p", event: 0, rank: "keep", value: { text } },
          { op: "delete", collection: "items", key: `${size}-${i - 1}` }
        ],
        receipt: { commandId: `${before}-${size}-${i}`, digest: "d", answer: {} }
      }))
      yield* log.append(batch)
      return `${size}: ${(yield* log.stats).statements - before}`
    })
  )

const flat = (directory: string) =>
  Effect.gen(function* () {
    const file = join(directory, "flat.db")
    const slice = 100_000
    const size = 256
    const slices: Array<number> = []
    yield* Effect.gen(function* () {
      const log = yield* EventLogSqlite.make({ file })
      yield* say(
        `statements per batch of events, rows, deletes and receipts, empty log: ${(yield* statementsPerBatch(log)).join(", ")}`
      )
      for (let n = 0; n < 10; n++) {
        let spent = 0
        // In portions, to keep the memory of the bench small.
        for (let done = 0; done < slice; done += size * 32) {
          const batches = groups(n * slice + done, Math.min(32, Math.ceil((slice - done) / size)), size)
          spent += yield* millis(Effect.forEach(batches, (batch) => log.append(batch), { discard: true }))
        }
        slices.push(spent)
        yield* say(`  ${n * 100}k to ${(n + 1) * 100}k events: ${perSecond(slice, spent)}`)
      }
      yield* say(`statements per batch, ${yield* log.head} events: ${(yield* statementsPerBatch(log)).join(", ")}`)
      const first = slices.slice(0, 3)
      const last = slices.slice(-3)
      yield* say(`flatness: last three slices / first three = ${(median(first) / median(last)).toFixed(2)} of the speed`)
    }).pipe(Effect.scoped)
    const opens: Array<number> = []
    for (let i = 0; i < 5; i++)
      opens.push(yield* millis(Effect.scoped(Effect.flatMap(EventLogSqlite.make({ file }), (log) => log.head))))
    yield* say(
      `open and close with 1,000,000 events: median ${median(opens).toFixed(1)} ms (${opens.map((ms) => ms.toFixed(1)).join(" ")})`
    )
  })

export const run = Effect.acquireUseRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-bench-"))),
  (directory) =>
    Effect.gen(function* () {
      yield* say(
        `log against bare better-sqlite3: same rows, batches and index, WAL, synchronous FULL, Node ${process.versions.node}`
      )
      yield* ratio(directory, 1, 2_000, 7)
      yield* ratio(directory, 64, 300, 7)
      const measured = yield* ratio(directory, 256, 100, 9)
      yield* say(`target: batch 256 at least 0.50 of bare: ${measured >= 0.5 ? "held" : "MISSED"} (${measured.toFixed(2)})`)
      yield* flat(directory)
    }),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)
