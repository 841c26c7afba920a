/**
 * Writes to a data directory and maintains it at the same time: appends, packs, prunes, deletes threads, stores blobs, erases (`DATA SEED THREADS STEP N`). Prints one
 * JSON line for each event that a subscriber received (`event`), each acknowledged append (`acked`), each blob and each deletion before its append (`blob`, `deleting`), and before
 * each removal of old events the offset up to which (`trim`). Kills itself when it passes the step for the Nth time; ends after its last append otherwise.
 */
import { Effect, Stream } from "effect"
import { writeSync } from "node:fs"
import * as Blob from "@millrace/log/Blob"
import * as DataDirectory from "@millrace/log/DataDirectory"
import type { EventLog, NewEvent } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"

const [, , dataDir = "", seed = "1", earlier = "", step = "", at = "1"] = process.argv

let state = Number(seed)
/** A whole number from 0 to below the bound. */
const below = (bound: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
  return Math.floor(((state >>> 0) / 2 ** 32) * bound)
}
const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`)

let passed = 0
const onStep = (here: string) => {
  if (here === step && ++passed === Number(at)) process.kill(process.pid, "SIGKILL")
}

const batches = 40
/** Threads of this life, and some of earlier ones. Each has its own word, which everything that it says contains. */
const threads = [
  ...Array.from({ length: 3 }, (_, n) => `thread/thr_${seed}x${n}`),
  ...earlier.split(",").filter((name) => name !== "")
]
const wordOf = (thread: string) => `word-of-${thread.slice(7)}-`
const living = new Set(threads)

const event = (stream: string, type: string, data: object): NewEvent => ({
  stream,
  type,
  at: "2026-11-20T09:00:00.000Z",
  epoch: 1,
  data
})

const talk = (n: number) => {
  const stream = [...living][below(living.size)]!
  const text = `${wordOf(stream)}${n} é😀 `.repeat(1 + below(below(9) === 0 ? 400 : 12))
  const blob = below(4) === 0 ? Blob.plain(Buffer.from(`blob ${text}`), "text/plain") : undefined
  if (blob !== undefined) say({ blob: blob.hash, stream })
  return {
    events: Array.from({ length: 1 + below(6) }, (_, i) => event(stream, "item.delta", { text: `${i} ${text}` })),
    rows: [
      {
        op: "put" as const,
        collection: "items",
        key: `${stream}-${below(9)}`,
        parent: stream,
        event: 0,
        rank: "keep" as const,
        value: { text }
      }
    ],
    ...(blob === undefined ? {} : { blobs: [blob], references: [{ stream, hash: blob.hash }] })
  }
}

const remove = (stream: string) => {
  living.delete(stream)
  return {
    events: [event(stream, "thread.deleted", {})],
    rows: [{ op: "delete-children" as const, collection: "items", parent: stream }],
    forget: [stream]
  }
}

const append = (log: typeof EventLog.Service) =>
  Effect.gen(function* () {
    for (let n = 1; n <= batches; n++) {
      const stream = [...living][below(living.size)]!
      const isRemoval = n > 8 && living.size > 1 && below(10) === 0
      if (isRemoval) say({ deleting: stream })
      const committed = yield* log.append(isRemoval ? [remove(stream)] : Array.from({ length: 1 + below(3) }, () => talk(n)))
      say({ acked: committed.at(-1)?.last })
      yield* Effect.sleep(below(3))
    }
  })

const maintain = (log: typeof EventLog.Service) =>
  Effect.forever(
    Effect.gen(function* () {
      const head = yield* log.head
      const retained = yield* log.retainedFrom
      if (below(6) === 0 && head - retained > 200) {
        const upTo = retained + below(head - retained - 150)
        say({ trim: upTo })
        yield* log.trim(upTo)
      }
      const bound = head + 1 - below(40)
      for (let more = true; more;) more = (yield* log.pack({ below: bound, before: "9999", partial: true })).more
      yield* log.sweepBlobs(0)
      yield* Effect.sleep(1)
    })
  )

const program = Effect.gen(function* () {
  const directory = yield* DataDirectory.make(dataDir)
  const log = yield* EventLogSqlite.make({
    file: directory.logFile,
    anchor: directory.anchorFile,
    synchronous: "NORMAL",
    ringBytes: below(2) === 0 ? 1 : 100_000,
    onStep
  })
  yield* log.follow({ after: yield* log.head }).pipe(
    Stream.runForEach((page) => Effect.sync(() => page.events.forEach(({ json }) => say({ event: json })))),
    Effect.forkScoped
  )
  say({ ready: yield* log.head })
  yield* Effect.raceFirst(append(log), maintain(log))
  for (let more = true; more;) more = (yield* log.pack({ below: Infinity, before: "9999", partial: true })).more
  if (below(2) === 0) yield* log.awaitErased
}).pipe(Effect.scoped)

await Effect.runPromise(program)
