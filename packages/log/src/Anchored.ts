/** A log with an anchor (L12): compares both at the start, begins a new epoch if they contradict, and maintains the file while the log is open. */
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

/** Begins a new epoch if log and anchor contradict, and writes the anchor. `at`: the time of the `log.rewound` event. */
export const open = (
  path: string,
  file: string,
  log: { readonly writer: SqliteWriter; readonly reader: SqliteReader },
  fresh: { readonly epoch: string; readonly at: string }
) => {
  const { reader, writer } = log
  const database = AnchorFile.identify(file)
  const known = { epoch: writer.epoch(fresh.epoch), anchored: writer.isAnchored() }
  const position = reader.view(({ head, retainedFrom }) => ({ head, retainedFrom }))
  const rewound = compare(AnchorFile.read(path), {
    ...known,
    ...position,
    database,
    marks: AnchorFile.marks(path),
    event: (offset) => jsonAt(reader, offset)
  })
  const epoch = rewound === undefined ? known.epoch : fresh.epoch
  const event = { stream: "server", type: "log.rewound", at: fresh.at, epoch: 0, data: rewound }
  const head =
    rewound === undefined ? position.head : writer.rewind(epoch, Either.getOrThrow(prepare([{ events: [event], rows: [] }]))).head
  const anchor = new AnchorFile.AnchorFile(path, file, epoch)
  anchor.write(head, jsonAt(reader, head))
  anchor.renew()
  writer.setAnchored()
  return { epoch, rewound, anchor }
}

/** The orderly end. Renames the mark, so that a copy made while the log was open does not match it. */
export const close = (anchor: AnchorFile.AnchorFile, isThere: boolean): void => {
  try {
    if (isThere) anchor.renew()
  } catch (cause) {
    // With the old name, the next start detects fewer copies. It reports nothing false.
    if (!(asFailure(cause) instanceof StorageFailure)) throw cause
  } finally {
    anchor.close()
  }
}

/** Logs when the files are lost, when they are back, and when the anchor cannot be written. */
export const watch = (anchor: AnchorFile.AnchorFile | undefined, lost: () => string | undefined) => {
  let before: string | undefined
  let unwritable = false
  const cannot = (message: string) => {
    const first = !unwritable
    unwritable = true
    return first
      ? Effect.logWarning(`The anchor of the log cannot be written: ${message}. The next start may not detect lost history.`)
      : Effect.void
  }
  const tend = attempt("anchor", () => guarded(() => anchor !== undefined && anchor.tend())).pipe(
    Effect.flatMap((again) => {
      if (anchor?.failure !== undefined) return cannot(anchor.failure.message)
      unwritable = false
      return again ? Effect.logWarning("The anchor of the log was removed or replaced. It has been rewritten.") : Effect.void
    }),
    Effect.catchAll(({ message }) => cannot(message))
  )
  return Effect.suspend(() => {
    const now = lost()
    const changed = now !== before
    before = now
    if (now !== undefined) return changed ? Effect.logError(`${now} No command is accepted until then.`) : Effect.void
    return changed
      ? Effect.zipRight(Effect.logInfo("The files of the log are available again. The server accepts commands."), tend)
      : tend
  }).pipe(Effect.delay(watchEvery), Effect.forever)
}
