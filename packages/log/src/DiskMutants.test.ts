/** Mistakes of logs that keep, delete and copy on the disk, planted one at a time. The checks must find each. */
import { expect, it } from "@effect/vitest"
import { inModule, type ModuleMutant, findsEach, plant } from "@millrace/testing/MutantRunner"
import { Effect } from "effect"
import { crc32 } from "node:zlib"
import { checks } from "../test/DiskChecks.ts"
import type * as Packing from "./Packing.ts"
import type * as Segment from "./Segment.ts"
import type * as Sqlite from "./Sqlite.ts"
import type * as SqliteBlobs from "./SqliteBlobs.ts"
import type * as Storage from "./Storage.ts"

type Name = keyof typeof checks

const mutant = <Module>(
  check: Name,
  name: string,
  promise: string,
  module: string,
  change: (right: Module) => Partial<Module>
): ModuleMutant & { readonly check: Name } => ({ ...inModule(name, promise, `log/${module}`, change), check })

const mutants = [
  mutant<typeof Segment>("damagedSegment", "segments are read without their checksum", "L13", "Segment", (right) => ({
    open: (stored) => right.open({ ...stored, crc: crc32(stored.bytes) })
  })),
  mutant<typeof Packing>("killedPacking", "rows are deleted before their segment is committed", "L13", "Packing", (right) => ({
    make: (writer, db) => {
      const { pack, ...rest } = right.make(writer, db)
      const columns = ["offset", "stream", "version", "type", "json"]
      return {
        ...rest,
        pack: (options) =>
          Effect.suspend(() => {
            const rows = writer.maintain((current) => {
              const found = current.db
                .prepare(`SELECT ${columns.join(", ")} FROM events WHERE offset < ?`)
                .raw()
                .all(options.below)
              current.db.prepare("DELETE FROM events WHERE offset < ?").run(options.below)
              return found as ReadonlyArray<ReadonlyArray<string | number>>
            })
            writer.step("rows-deleted")
            writer.maintain((current) => {
              const insert = current.db.prepare(`INSERT INTO events (${columns.join(", ")}) VALUES (?, ?, ?, ?, ?)`)
              for (const row of rows) insert.run(...row)
            })
            return pack(options)
          })
      }
    }
  })),
  mutant<typeof Storage>("restoredEpoch", "a restored log has the epoch of the old one", "L18", "Storage", () => ({
    epochOf: () => "0".repeat(26)
  })),
  mutant<typeof Segment>("checkedBackup", "a backup copies segments unchecked", "L18", "Segment", (right) => ({
    contentOf: (stored) => Effect.orElseSucceed(right.contentOf(stored), () => Buffer.alloc(0))
  })),
  mutant<typeof SqliteBlobs>(
    "deletedThread",
    "a deletion leaves the blobs of the thread",
    "L14",
    "SqliteBlobs",
    ({ SqliteBlobs }) => {
      SqliteBlobs.prototype.forget = () => {}
      return {}
    }
  ),
  mutant<typeof Sqlite>(
    "deletedThread",
    "what is deleted stays in free pages (secure_delete is off)",
    "L14",
    "Sqlite",
    (right) => ({
      openWriter: (...given) => {
        const db = right.openWriter(...given)
        db.pragma("secure_delete = OFF")
        return db
      }
    })
  )
]

it.each(Object.keys(checks) as ReadonlyArray<Name>)("L13 L14 L18 %s holds", async (name) => {
  expect(await checks[name]()).toEqual([])
})

findsEach(mutants, async (one) => (await plant(one, () => import("../test/DiskChecks.ts"))).checks[one.check]())
