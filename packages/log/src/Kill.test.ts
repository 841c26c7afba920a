import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { plain } from "./Blob.ts"
import { EventLog } from "./EventLog.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import * as Query from "./Query.ts"
import { bytesOf, range } from "./suite/subject.ts"
import { verify } from "./Verify.ts"
import { bundled, start } from "../test/child.ts"

const points = [
  "begin",
  "streams",
  "blobs",
  "events",
  "rows",
  "deletes",
  "receipts",
  "commit",
  "committed",
  "published",
  "woken",
  "acknowledged"
]

describe("SIGKILL", () => {
  it.live("L2 L22 at every boundary of a commit: reopening finds what was delivered or acknowledged, with equal content", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const program = yield* bundled("append-child")
        yield* Effect.forEach(
          points,
          (point, i) =>
            Effect.scoped(
              Effect.gen(function* () {
                const batch = (i % 3) + 2
                const file = `${yield* temporaryDirectory}/log.db`
                const child = yield* start(program, [file, point, String(batch)])
                const { lines, signal } = yield* child.end
                expect([point, signal]).toEqual([point, "SIGKILL"])
                const log = yield* EventLogSqlite.make({ file })
                const page = yield* log.read({ after: 0 })
                const present = bytesOf([page])
                const delivered = lines.filter((line) => line.startsWith("d")).map((line) => line.slice(1))
                const acknowledged = lines.filter((line) => line.startsWith("a")).map((line) => Number(line.slice(1)))
                // The delivered events are a prefix of the stored ones, byte for byte.
                expect(delivered).toEqual(present.slice(0, delivered.length))
                expect(Math.max(0, ...acknowledged)).toBeLessThanOrEqual(page.head)
                // Whole batches, with their rows and receipts.
                const isIn = ["committed", "published", "woken", "acknowledged"].includes(point)
                const batches = isIn ? batch : batch - 1
                expect([point, page.head]).toEqual([point, batches * 3])
                const {
                  page: { rows }
                } = yield* log.query({ page: Query.rows(Query.collection("items"), { limit: 100, order: "oldest" }) })
                expect(rows.map(({ key }) => key)).toEqual(range(0, 2).map((n) => `${batches}-${n}`))
                const receipts = yield* log.receipts(
                  range(1, batches).flatMap((n) => range(0, 2).map((m) => `${n * 3 - 2}-${m}`))
                )
                expect(receipts.size).toBe(batches * 3)
                // Each batch names a different blob, which is there exactly if its events are (L22).
                for (const n of range(1, 6)) {
                  const found = yield* log.getBlob(plain(Buffer.from(`blob ${n}`), "").hash)
                  expect([point, n, found !== undefined]).toEqual([point, n, n <= batches])
                }
                expect((yield* Effect.provideService(verify(), EventLog, log)).problems).toEqual([])
              })
            ),
          { concurrency: 3, discard: true }
        )
      })
    )
  )
})
