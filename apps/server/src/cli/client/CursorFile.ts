/** The cursor store of the command line: one small file per reader in `<data>/cursors`, replaced atomically. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { type CursorStore, CursorStoreError } from "@millrace/client/CursorStore"
import { isMissing, messageOf } from "../../NodeError.ts"

export const make = (dataDir: string): CursorStore => {
  const folder = join(dataDir, "cursors")
  const fileOf = (reader: string) => join(folder, encodeURIComponent(reader))
  const attempt = <A>(operation: () => A) =>
    Effect.try({
      try: operation,
      catch: (cause) =>
        new CursorStoreError({
          message: `Cannot read or write the cursor in ${folder}: ${messageOf(cause)}`
        })
    })
  return {
    load: (reader) =>
      attempt(() => {
        try {
          return readFileSync(fileOf(reader), "utf8")
        } catch (cause) {
          if (isMissing(cause)) return undefined
          throw cause
        }
      }),
    save: (reader, cursor) =>
      attempt(() => {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        const temporary = `${fileOf(reader)}.${process.pid}`
        writeFileSync(temporary, cursor, { mode: 0o600 })
        renameSync(temporary, fileOf(reader))
      })
  }
}
