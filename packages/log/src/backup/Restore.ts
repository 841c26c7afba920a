/**
 * Restores a backup into a data directory (L18). First every checksum is checked; nothing is written before. A damaged object is refused unless the caller accepts the loss. The restored files are built and checked
 * in `restore.partial` of the data directory, then PendingRestore puts them in place. The log gets a new epoch and a `log.rewound` event, so that no client
 * continues with a cursor of events that the backup does not have.
 */
import { serverStream } from "@millrace/contracts/Ids"
import { randomBytes } from "node:crypto"
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join, resolve, sep } from "node:path"
import { DateTime, Effect, Either, Option } from "effect"
import { prepare } from "../Batch.ts"
import * as DataDirectory from "../DataDirectory.ts"
import { freeBytes as ofDisk, type FreeBytes } from "../FreeBytes.ts"
import * as Sqlite from "../Sqlite.ts"
import { SqliteWriter } from "../SqliteWriter.ts"
import { latest, migrate } from "../Migrations.ts"
import { epochOf } from "../Storage.ts"
import type { Problem } from "../Verify.ts"
import { readManifest } from "./Backup.ts"
import { BackupRefused } from "./BackupError.ts"
import { type Damage, ofParts, text } from "./Damage.ts"
import { fill } from "./DatabaseCopy.ts"
import * as Manifest from "./Manifest.ts"
import { digest, Objects, sync } from "./Objects.ts"
import * as PendingRestore from "./PendingRestore.ts"

/** The points at which a test can kill the process. */
export type Step = "checked" | "begun" | "database" | "filled" | "file" | "verified" | "rewound" | "synced" | PendingRestore.Step

export interface Options<E, R> {
  /** The directory of the backup. */
  readonly source: string
  readonly dataDir: string
  /** Moves the files that are in the data directory aside. Without it a data directory with files is refused. */
  readonly replace: boolean
  /** Restores also if objects of the backup are damaged or missing. The content of these objects is lost. */
  readonly acceptDamage?: boolean
  /** Checks the restored database; returns its problems. Unreadable events are no reason to refuse: the log had them when it was backed up. */
  readonly check: (file: string) => Effect.Effect<ReadonlyArray<Found>, E, R>
  readonly onProgress?: (label: string) => Effect.Effect<void>
  /** Only for tests. */
  readonly onStep?: (step: Step) => void
  readonly freeBytes?: FreeBytes
}

type Found = Pick<Problem, "problem" | "message">

export interface Summary {
  /** When the backup was made. */
  readonly at: string
  readonly head: number
  readonly logEpoch: string
  readonly previousEpoch: string
  /** Where the old files are. */
  readonly replaced: string | undefined
  /** The events that cannot be read, as `verify` reports them. */
  readonly unreadable: ReadonlyArray<string>
  /** Other parts that the backup does not have: values that were damaged in the log, and damaged objects that were accepted. */
  readonly lost: ReadonlyArray<Damage>
}

const io = <A>(run: () => A) => Sqlite.attempt("restore", run)

const damaged = (message: string) => new BackupRefused({ reason: "damaged", message: `${message} Nothing was changed.` })

/** The reason for which an object differs from the manifest. */
const wrong = (objects: Objects, object: string, bytes: number): string | undefined => {
  const found = statSync(objects.path(object), { throwIfNoEntry: false })
  if (found === undefined) return `${objects.path(object)} is missing.`
  return found.size === bytes && digest(objects.path(object)).object === object
    ? undefined
    : `${objects.path(object)} is damaged: its checksum differs.`
}

/** Begins the epoch of the restored log, in its file. Returns the head. */
const rewind = (file: string, epoch: string, at: string, manifest: Manifest.Manifest): number => {
  const { head, logEpoch } = manifest
  const data = { from: head, to: head, reason: `Restored from a backup of ${manifest.at}.`, previousEpoch: logEpoch }
  const event = { stream: serverStream, type: "log.rewound", at, epoch: 0, data }
  const writer = new SqliteWriter(() => Sqlite.openWriter(file, "FULL"))
  try {
    const placed = writer.rewind(epoch, Either.getOrThrow(prepare([{ events: [event], rows: [] }])))
    // The restored directory has no anchor; its first start writes one.
    writer.clearAnchored()
    return placed.head
  } finally {
    writer.close()
  }
}

/** The parts of the backup that these objects hold. */
const heldBy = ({ files, parts }: Manifest.Manifest, objects: ReadonlySet<string>): ReadonlyArray<Damage> => [
  ...ofParts(parts.filter(({ object }) => objects.has(object))),
  ...files.filter(({ object }) => objects.has(object)).map(({ path }): Damage => ({ kind: "file", path }))
]

const isWithin = (path: string): boolean => {
  const at = resolve("/x", path)
  return at.startsWith(`/x${sep}`) && !path.startsWith(sep)
}

export const restore = Effect.fn("Restore.restore")(function* <E, R>(given: Options<E, R>) {
  const source = resolve(given.source)
  const dataDir = resolve(given.dataDir)
  const { freeBytes = ofDisk, onProgress = () => Effect.void, onStep = () => {}, replace } = given
  const step = (reached: Step) => io(() => onStep(reached))
  const manifest = yield* readManifest(source)
  if (manifest === undefined)
    return yield* new BackupRefused({
      reason: "foreign",
      message: `${source} holds no complete backup: it has no manifest.json.`
    })
  if (manifest.schema > latest())
    return yield* new BackupRefused({
      reason: "newer",
      message: `The backup has schema version ${manifest.schema}; this program knows versions up to ${latest()}. Restore it with the newer program.`
    })
  if (!manifest.files.every(({ path }) => isWithin(path)))
    return yield* damaged("The manifest names files outside the data directory.")
  const held = yield* io(() => (existsSync(dataDir) ? PendingRestore.replacedBy(dataDir) : []))
  const owner = yield* DataDirectory.owner(dataDir)
  if (Option.isNone(owner) && held.length > 0 && !replace)
    return yield* new BackupRefused({
      reason: "occupied",
      message: `${dataDir} already holds ${held.slice(0, 5).join(", ")}${held.length > 5 ? ", …" : ""}. To move these files aside and restore: --replace. Nothing was changed.`
    })
  const objects = new Objects(source)
  const named = [...Manifest.objectsOf(manifest)]
  const wrongs = new Map<string, string>()
  if (Option.isNone(owner))
    for (const [n, [object, bytes]] of named.entries()) {
      if (n % 100 === 0) yield* onProgress(`checking the backup, ${n} of ${named.length} objects`)
      const reason = yield* io(() => wrong(objects, object, bytes))
      if (reason !== undefined) wrongs.set(object, reason)
      yield* Effect.yieldNow()
    }
  const isSound = ({ object }: Manifest.Stored) => !wrongs.has(object)
  const [first] = wrongs.values()
  if (!isSound(manifest.database)) return yield* damaged(wrongs.get(manifest.database.object)!)
  if (first !== undefined && given.acceptDamage !== true)
    return yield* damaged(
      `${first} Use another backup if you have one. To restore this one without ${text(heldBy(manifest, new Set(wrongs.keys())))}: --accept-damage.`
    )
  yield* step("checked")

  // Fails if a server owns it.
  yield* DataDirectory.make(dataDir)
  const built = join(dataDir, PendingRestore.partial)
  const fresh = join(built, "new")
  const file = join(fresh, "log.db")
  // The database may be written twice: by the checkpoint of its WAL.
  const needed = named.reduce((sum, [, bytes]) => sum + bytes, 0) + manifest.database.bytes
  const free = yield* io(() => freeBytes(dataDir))
  if (free < needed)
    return yield* new BackupRefused({
      reason: "space",
      message: `The restored files need ${needed} bytes in ${dataDir}; ${free} are free. Free some space. Nothing was changed.`
    })
  const { epoch, head, unreadable } = yield* Effect.gen(function* () {
    yield* io(() => {
      rmSync(built, { recursive: true, force: true })
      mkdirSync(fresh, { recursive: true, mode: 0o700 })
    })
    yield* step("begun")
    yield* onProgress("restoring the database")
    yield* io(() => copyFileSync(objects.path(manifest.database.object), file))
    yield* step("database")
    yield* io(() => {
      const db = Sqlite.openWriter(file, "NORMAL")
      try {
        fill(db, manifest.parts, (part) => (isSound(part) ? readFileSync(objects.path(part.object)) : new Uint8Array()))
      } finally {
        Sqlite.close(db)
      }
    })
    yield* step("filled")
    yield* onProgress("checking the log")
    yield* migrate(file, "FULL")
    const problems = yield* given.check(file)
    const problem = problems.find((found) => found.problem !== "unreadable")
    if (problem !== undefined) return yield* damaged(`The log of the backup is damaged: ${problem.message}`)
    const unreadable = problems.map(({ message }) => message)
    yield* step("verified")
    const at = DateTime.formatIso(yield* DateTime.now)
    const epoch = epochOf(randomBytes(26).map((byte) => byte & 31))
    const head = yield* io(() => rewind(file, epoch, at, manifest))
    yield* step("rewound")
    for (const { object, path } of manifest.files.filter(isSound)) {
      yield* io(() => {
        mkdirSync(join(fresh, dirname(path)), { recursive: true, mode: 0o700 })
        writeFileSync(join(fresh, path), readFileSync(objects.path(object)), { mode: 0o600 })
      })
      yield* step("file")
    }
    yield* onProgress("writing to the disk")
    yield* io(() => {
      // A migration of this restore left a copy; the backup itself is one.
      for (const name of readdirSync(fresh)) if (name.endsWith(".backup")) rmSync(join(fresh, name))
      const all = readdirSync(fresh, { recursive: true, encoding: "utf8" })
      for (const name of [...all, "."]) sync(join(fresh, name))
    })
    yield* step("synced")
    return { epoch, head, unreadable }
  }).pipe(Effect.tapErrorCause(() => Effect.sync(() => rmSync(built, { recursive: true, force: true }))))
  const replaced = yield* io(() => {
    PendingRestore.commit(dataDir)
    return PendingRestore.finish(dataDir, onStep)
  })
  const summary: Summary = {
    at: manifest.at,
    head,
    logEpoch: epoch,
    previousEpoch: manifest.logEpoch,
    replaced,
    unreadable,
    lost: [
      ...ofParts(manifest.parts.filter((part) => part.damaged === true)),
      ...heldBy(manifest, new Set(wrongs.keys()))
    ].filter(({ kind }) => kind !== "events")
  }
  return summary
}, Effect.scoped)
