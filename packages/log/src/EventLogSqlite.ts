/** The log in one SQLite file: WAL, one writer, reads on a separate connection. */
import { DateTime, Effect, Layer } from "effect"
import { randomBytes } from "node:crypto"
import type { Rewound } from "./Anchor.ts"
import * as Anchored from "./Anchored.ts"
import type { AnchorFile } from "./AnchorFile.ts"
import * as Eraser from "./Eraser.ts"
import { EventLog } from "./EventLog.ts"
import * as DiskUsage from "./DiskUsage.ts"
import { migrate, type Migrations } from "./Migrations.ts"
import * as Packing from "./Packing.ts"
import * as Presence from "./Presence.ts"
import { Scrubber } from "./Scrubber.ts"
import * as Sqlite from "./Sqlite.ts"
import type { SqliteBlobs } from "./SqliteBlobs.ts"
import { SqliteReader } from "./SqliteReader.ts"
import { SqliteWriter } from "./SqliteWriter.ts"
import { attempt, epochOf, type StepHook, type Storage, StorageFailure } from "./Storage.ts"
import * as StoredLog from "./StoredLog.ts"

export interface Options extends StoredLog.Options {
  /** Path of the database; created if it does not exist. Its directory must exist (DataDirectory). */
  readonly file: string
  /** Path of the anchor, which detects lost history (L12). Default: none. */
  readonly anchor?: string
  /** Default FULL: an acknowledged append survives power loss. NORMAL survives the death of the process. */
  readonly synchronous?: Sqlite.Synchronous
  /** The database does not grow beyond this; appends then fail with reason `full` until events are trimmed. Default: no bound. */
  readonly maxFileBytes?: number
  /** Only for tests. */
  readonly onStep?: StepHook
  /** Only for tests of migrations. */
  readonly migrations?: Migrations
}

const newEpoch = (): string => epochOf(randomBytes(26).map((byte) => byte & 31))

interface Connected extends Storage {
  readonly writer: SqliteWriter
  readonly scrubber: Scrubber
  readonly close: () => void
  /** The rewind, if the anchor contradicted the database. */
  readonly rewound: Rewound | undefined
  readonly anchor: AnchorFile | undefined
  readonly pack: (typeof EventLog.Service)["pack"]
  readonly disk: (typeof EventLog.Service)["disk"]
  readonly segmentAfter: (typeof EventLog.Service)["segmentAfter"]
}

const connect = (options: Options, synchronous: Sqlite.Synchronous, at: string): Connected => {
  let presence: Presence.Presence | undefined
  /** Also called before a connection is replaced, because the new connection must not create the file again after its removal. */
  const requireFiles = () => {
    const lost = presence?.lost()
    if (lost !== undefined) throw new StorageFailure("lost", lost)
  }
  const writer = new SqliteWriter(() => {
    requireFiles()
    return Sqlite.openWriter(options.file, synchronous, options.maxFileBytes)
  }, options.onStep)
  let connection: Sqlite.Connection | undefined
  let scrubber: Scrubber | undefined
  try {
    const scrubbed = Sqlite.guarded(() => new Scrubber(options.file, writer))
    scrubber = scrubbed
    const created = writer.epoch(newEpoch())
    const db = Sqlite.openReader(options.file)
    connection = db
    const reader = Sqlite.guarded(() => new SqliteReader(db))
    const { anchor, epoch, rewound } =
      options.anchor === undefined
        ? { epoch: created, rewound: undefined, anchor: undefined }
        : Sqlite.guarded(() => Anchored.open(options.anchor!, options.file, { writer, reader }, { epoch: newEpoch(), at }))
    const { lost } = (presence = Presence.make(options.file))
    const write = <A>(step: (blobs: SqliteBlobs) => A): A => {
      requireFiles()
      return writer.blobs(step)
    }
    const packing = Packing.make(writer, db)
    return {
      epoch,
      writer,
      scrubber: scrubbed,
      rewound,
      anchor,
      pack: (how) => Effect.zipRight(attempt("pack", requireFiles), packing.pack(how)),
      disk: DiskUsage.of(options.file, db),
      segmentAfter: packing.segmentAfter,
      commit: (batch) => {
        requireFiles()
        const placed = writer.commit(batch)
        const last = placed.events.at(-1)
        if (last !== undefined) anchor?.write(placed.head, last.json)
        return placed
      },
      view: (read) => reader.view(read),
      receipts: (commandIds) => reader.receipts(commandIds),
      blobs: {
        begin: (at) => write((blobs) => blobs.begin(at)),
        addPart: (id, part, content) => write((blobs) => blobs.addPart(id, part, content)),
        finish: (id, head, at, how) => write((blobs) => blobs.finish(id, head, at, how)),
        abandon: (id) => write((blobs) => blobs.abandon(id)),
        find: (hash) => Sqlite.guarded(() => reader.blobs.find(hash)),
        part: (id, part) => Sqlite.guarded(() => reader.blobs.part(id, part)),
        sweep: (before) => write((blobs) => blobs.sweep(before))
      },
      trim: (upTo) => {
        requireFiles()
        writer.trim(upTo)
      },
      statements: () => writer.statements,
      lost: () => presence?.lost(),
      /** Closes the reader first: the last connection to close checkpoints the WAL, and the reader cannot write. */
      close: () => {
        const filesArePresent = lost() === undefined
        presence = undefined
        Sqlite.close(db)
        writer.close()
        scrubbed.close()
        if (anchor !== undefined) Anchored.close(anchor, filesArePresent)
      }
    }
  } catch (cause) {
    if (connection !== undefined) Sqlite.close(connection)
    writer.close()
    scrubber?.close()
    throw cause
  }
}

/** Opening reads two events at most: its cost does not depend on the length of the log (L7). */
export const make = Effect.fn("EventLogSqlite.make")(function* (options: Options) {
  const synchronous = options.synchronous ?? "FULL"
  yield* migrate(options.file, synchronous, options.migrations)
  const at = DateTime.formatIso(yield* DateTime.now)
  const storage = yield* Effect.acquireRelease(
    attempt("open", () => connect(options, synchronous, at)),
    ({ close }) => Effect.sync(close)
  )
  const { rewound } = storage
  if (rewound !== undefined)
    yield* Effect.logWarning(
      `${rewound.reason} The log continues after event ${rewound.to} with a new epoch, ${storage.epoch}: clients with an older cursor get 409 CursorForeign and take a new snapshot.`
    )
  yield* Effect.forkScoped(Anchored.watch(storage.anchor, storage.lost))
  // One step of packing at a time.
  const packing = yield* Effect.makeSemaphore(1)
  const pack: typeof storage.pack = (how) => packing.withPermits(1)(storage.pack(how))
  const eraser = yield* Eraser.make(storage, options.file)
  const commit: Storage["commit"] = (batch) => {
    const placed = storage.commit(batch)
    if (placed.forgotten.size > 0) eraser.wake()
    return placed
  }
  return yield* StoredLog.make(
    { ...storage, commit },
    { ...options, awaitErased: eraser.done, pack, disk: storage.disk, segmentAfter: storage.segmentAfter }
  )
})

export const layer = (options: Options) => Layer.scoped(EventLog, make(options))
