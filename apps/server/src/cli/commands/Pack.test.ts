import { expect, it } from "@effect/vitest"
import * as DataDirectory from "@millrace/log/DataDirectory"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { run } from "./PackProgram.ts"

const opened = (dataDir: string) =>
  Effect.flatMap(DataDirectory.make(dataDir), ({ anchorFile, logFile }) =>
    EventLogSqlite.make({ file: logFile, anchor: anchorFile })
  )

it.scopedLive(
  "L13 L17 log pack packs every event and shrinks the file; log prune removes the oldest; both refuse an owned directory",
  () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const where = { dataDir, url: undefined }
      const written = yield* Effect.gen(function* () {
        const log = yield* opened(dataDir)
        const at = "2026-11-20T09:00:00.000Z"
        for (let n = 0; n < 25; n++)
          yield* log.append(
            Array.from({ length: 100 }, (_, i) => ({
              events: [
                { stream: `project/prj_${i % 3}`, type: "note", at, epoch: 0, data: { text: `some words ${n} ${i} `.repeat(20) } }
              ],
              rows: []
            }))
          )
        const owned = yield* Effect.flip(run(where, undefined))
        expect(owned.message).toContain(`Process ${process.pid} uses ${dataDir}`)
        return (yield* log.read({ after: 0, limit: 2_500, maxBytes: 1e9 })).events.map(({ json }) => json)
      }).pipe(Effect.scoped)

      // Nothing is packed yet: events count with their JSON.
      expect(yield* run(where, { olderThanDays: 1, dryRun: true })).toMatchObject({
        packed: 0,
        removed: 2_500,
        removedBytes: written.reduce((sum, json) => sum + Buffer.byteLength(json), 0)
      })
      expect(yield* run(where, { olderThanDays: 3_650, dryRun: true })).toMatchObject({ removed: 0, retainedFrom: 0 })
      const packed = yield* run(where, undefined)
      expect(packed).toMatchObject({ packed: 2_500, removed: 0 })
      expect(packed.after.fileBytes).toBeLessThan(packed.before.fileBytes / 3)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* opened(dataDir)
          expect((yield* log.read({ after: 0, limit: 2_500, maxBytes: 1e9 })).events.map(({ json }) => json)).toEqual(written)
        })
      )

      const preview = yield* run(where, { maxBytes: 1, dryRun: true })
      expect(preview).toMatchObject({ packed: 0, removed: 2_500, retainedFrom: 2_500, removedBytes: packed.after.coldBytes })
      expect(preview.after).toEqual(packed.after)
      expect(yield* run(where, { olderThanDays: 3_650 })).toMatchObject({ packed: 0, removed: 0 })
      expect(yield* run(where, { maxBytes: 1 })).toMatchObject({ packed: 0, removed: 2_500 })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* opened(dataDir)
          expect([yield* log.retainedFrom, yield* log.head]).toEqual([2_500, 2_500])
        })
      )
    })
)
