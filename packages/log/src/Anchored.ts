/**
 * Opens a log together with its anchor (L12; see Anchor.ts). If log and anchor contradict each other, the log begins a new epoch. While the log is open,
 * the anchor file is written again if it is removed or replaced.
 */
import { serverStream } from "@millrace/contracts/Ids"
import { Effect, Either } from "effect"
import { compare } from "./Anchor.ts"
import * as AnchorFile from "./AnchorFile.ts"
import { prepare } from "./Batch.ts"
import { jsonAt } from "./RewindHistory.ts"
import type { SqliteReader } from "./SqliteReader.ts"
import type { SqliteWriter } from "./SqliteWriter.ts"
import { asFailure, guarded } from "./Sqlite.ts"
import { attempt, StorageFailure } from "./Storage.ts"

/** How often the files of an open log are compared with their paths. */
const watchEvery = "2 seconds"

/** Begins the epoch `next` if log and anchor contradict each other, and writes the anchor. `at`: the time of the `log.rewound` event. */
export const open = (
  path: string,
  file: string,
  log: { readonly writer: SqliteWriter; readonly reader: SqliteReader },
  next: { readonly epoch: string; readonly at: string }
) => {
  const { reader, writer } = log
  const database = AnchorFile.identify(file)
  const current = { epoch: writer.epoch(next.epoch), anchored: writer.isAnchored() }
  const position = reader.view(({ head, retainedFrom }) => ({ head, retainedFrom }))
  const rewound = compare(AnchorFile.read(path), {
    ...current,
    ...position,
    database,
    marks: AnchorFile.marks(path),
    event: (offset) => jsonAt(reader, offset)
  })
  const epoch = rewound === undefined ? current.epoch : next.epoch
  const event = { stream: serverStream, type: "log.rewound", at: next.at, epoch: 0, data: rewound }
  const head =
    rewound === undefined ? position.head : writer.rewind(epoch, Either.getOrThrow(prepare([{ events: [event], rows: [] }]))).head
  const anchor = new AnchorFile.AnchorFile(path, file, epoch)
  anchor.write(head, jsonAt(reader, head))
  anchor.renew()
  writer.setAnchored()
  return { epoch, rewound, anchor }
}

/** Closes the anchor after an orderly shutdown. Renames the mark, so that a copy made while the log was open does not match it. */
export const close = (anchor: AnchorFile.AnchorFile, filesArePresent: boolean): void => {
  try {
    if (filesArePresent) anchor.renew()
  } catch (cause) {
    // The mark may keep its old name. The next start may then miss a copied database, but never reports a false one.
    if (!(asFailure(cause) instanceof StorageFailure)) throw cause
  } finally {
    anchor.close()
  }
}

/** Every 2 seconds: logs when the files are lost or back, and rewrites the anchor if it was removed or replaced. Warns once if it cannot be written. */
export const watch = (anchor: AnchorFile.AnchorFile | undefined, lost: () => string | undefined) => {
  let before: string | undefined
  let unwritable = false
  const warnOnce = (message: string) => {
    const first = !unwritable
    unwritable = true
    return first
      ? Effect.logWarning(`The anchor of the log cannot be written: ${message}. The next start may not detect lost history.`)
      : Effect.void
  }
  const restoreAnchor = attempt("anchor", () => guarded(() => anchor !== undefined && anchor.restore())).pipe(
    Effect.flatMap((restored) => {
      if (anchor?.failure !== undefined) return warnOnce(anchor.failure.message)
      unwritable = false
      return restored ? Effect.logWarning("The anchor of the log was removed or replaced. It has been rewritten.") : Effect.void
    }),
    Effect.catchAll(({ message }) => warnOnce(message))
  )
  return Effect.suspend(() => {
    const now = lost()
    const changed = now !== before
    before = now
    if (now !== undefined)
      return changed ? Effect.logError(`${now} The server rejects commands until this is repaired.`) : Effect.void
    return changed
      ? Effect.zipRight(Effect.logInfo("The files of the log are available again. The server accepts commands."), restoreAnchor)
      : restoreAnchor
  }).pipe(Effect.delay(watchEvery), Effect.forever)
}
