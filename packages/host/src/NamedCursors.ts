/** The saved positions of named readers on this machine, such as `millrace tail --reader NAME`: one small file per reader in `cursors/` of the data directory. */
import * as Cursor from "@millrace/contracts/Cursor"
import { Clock, Duration, Effect, Either } from "effect"
import { readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"

/** Retention waits this long for a reader that saved its position and ended. */
const usedWithin = Duration.days(1)

/** Maximum number of files that are read. A directory with more files does not hold cursors. */
const maxFiles = 1_000

/** The offsets of this log that named readers saved within the last day. A file that is not a cursor of this log is ignored. */
export const positions = (dataDir: string, logEpoch: string): Effect.Effect<ReadonlyArray<number>> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.promise(async () => {
      const folder = join(dataDir, "cursors")
      const names = await readdir(folder).catch((): ReadonlyArray<string> => [])
      const found: Array<number> = []
      for (const name of names.slice(0, maxFiles)) {
        const file = join(folder, name)
        // A reader replaces its file at any time.
        const saved = await stat(file).then(
          ({ mtimeMs }) => mtimeMs,
          () => 0
        )
        if (saved < now - Duration.toMillis(usedWithin)) continue
        const cursor = Cursor.parse(await readFile(file, "utf8").catch(() => ""))
        if (Either.isRight(cursor) && cursor.right.logEpoch === logEpoch) found.push(cursor.right.offset)
      }
      return found
    })
  )
