/**
 * Backs up a data directory into another directory (L18): `manifest.json`, and `objects` named by their content. A server may own the data
 * directory; it neither waits nor takes part. Only what the last backup does not have is written. The manifest is replaced last, by a rename: a backup
 * that is interrupted at any point leaves the earlier one complete. Then the objects that it no longer names are deleted.
 */
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { DateTime, Effect, Option } from "effect"
import * as DataDirectory from "../DataDirectory.ts"
import * as DataFiles from "../DataFiles.ts"
import * as EventLogSqlite from "../EventLogSqlite.ts"
import { freeBytes as ofDisk, type FreeBytes } from "../FreeBytes.ts"
import * as Sqlite from "../Sqlite.ts"
import { latest } from "../Migrations.ts"
import { BackupRefused } from "./BackupError.ts"
import { DatabaseCopy } from "./DatabaseCopy.ts"
import * as LargeValues from "./LargeValues.ts"
import * as Manifest from "./Manifest.ts"
import { Objects, sync } from "./Objects.ts"
import { copyName, lock, manifestPartial, refusal } from "./Target.ts"

/** The points at which a test can kill the process. */
export type Step = "begun" | "database" | "part" | "files" | "synced" | "manifest" | "replaced" | "cleaned"

export interface Options {
  readonly dataDir: string
  /** The directory of the backup; created if it does not exist. */
  readonly target: string
  readonly onProgress?: (label: string) => Effect.Effect<void>
  /** Only for tests. */
  readonly onStep?: (step: Step) => void
  /** Only for tests. */
  readonly freeBytes?: FreeBytes
}

export interface Summary {
  readonly at: string
  readonly head: number
  /** Objects and bytes of the whole backup, and of the part that this run added. */
  readonly objects: number
  readonly bytes: number
  readonly added: { readonly objects: number; readonly bytes: number }
  /** The parts that could not be read. The backup of everything else is complete. */
  readonly damaged: LargeValues.Damaged
}

const io = <A>(run: () => A) => Sqlite.attempt("backup", run)

/** The files of the data directory that a backup has, relative to it. */
const filesOf = (directory: string): ReadonlyArray<string> => {
  const walk = (path: string): ReadonlyArray<string> => {
    const full = join(directory, path)
    const stat = statSync(full, { throwIfNoEntry: false })
    if (stat?.isFile() === true) return [path]
    if (stat?.isDirectory() !== true || lstatSync(full).isSymbolicLink()) return []
    return readdirSync(full).flatMap((name) => walk(join(path, name)))
  }
  return readdirSync(directory)
    .filter((name) => DataFiles.of(name).backedUp)
    .flatMap(walk)
}

/** Undefined: the file was removed meanwhile. */
const contentOf = (file: string): Buffer | undefined => {
  try {
    return readFileSync(file)
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined
    throw cause
  }
}

/** The manifest of a backup; undefined if the directory has none. */
export const readManifest = (directory: string) =>
  Effect.flatMap(
    io(() => Manifest.read(directory)),
    (read) => read
  )

/** Tries, a second apart, to copy a log that erases words of deleted threads or rewrites segments. */
const maxTries = 60

/** The copy of a log that has no words of deleted threads, and its large values. A server erases them in the background; without one, this does. */
const opened = ({
  dataDir,
  onProgress,
  owned,
  partial
}: {
  readonly dataDir: string
  readonly partial: string
  /** Absent: a server owns the directory. */
  readonly owned: typeof DataDirectory.DataDirectory.Service | undefined
  readonly onProgress: (label: string) => Effect.Effect<void>
}) =>
  Effect.gen(function* () {
    const file = join(dataDir, "log.db")
    for (let tries = 0; tries < maxTries; tries++) {
      const copy = yield* Effect.acquireRelease(
        io(() => new DatabaseCopy(file, partial)),
        (made) =>
          Effect.sync(() => {
            made.close()
            rmSync(partial, { force: true })
          })
      )
      const { isErasing, logEpoch, schema } = yield* io(() => copy.source())
      if (schema !== latest())
        return yield* new BackupRefused({
          reason: "schema",
          message: `${file} has schema version ${schema}; this program backs up version ${latest()}. Start the server once with the program of that version, then back it up.`
        })
      const keys = isErasing ? undefined : yield* io(() => copy.keys())
      if (keys !== undefined) return { copy, logEpoch, keys }
      yield* io(() => {
        copy.close()
        rmSync(partial, { force: true })
      })
      yield* onProgress(isErasing ? "waiting until deleted threads are erased" : "waiting until the server has packed events")
      if (!isErasing || owned === undefined) yield* Effect.sleep("1 second")
      else
        yield* Effect.scoped(
          Effect.flatMap(EventLogSqlite.make({ file, anchor: owned.anchorFile }), ({ awaitErased }) => awaitErased)
        )
    }
    return yield* new BackupRefused({
      reason: "busy",
      message: `The server is still erasing deleted threads or packing events. Try again later. The earlier backup is unchanged.`
    })
  })

export const backup = Effect.fn("Backup.backup")(function* (given: Options) {
  const dataDir = resolve(given.dataDir)
  const target = resolve(given.target)
  const { freeBytes = ofDisk, onProgress = () => Effect.void, onStep = () => {} } = given
  const step = (reached: Step) => io(() => onStep(reached))
  const refused = yield* io(() => refusal(dataDir, target))
  if (refused !== undefined) return yield* refused
  yield* lock(target)
  // If no server runs, the backup owns the directory meanwhile, so a server that starts reports that and not a damaged log.
  const isOwned = Option.isSome(yield* DataDirectory.owner(dataDir))
  const owned = isOwned ? undefined : yield* DataDirectory.make(dataDir)
  // Nothing of a damaged backup is kept.
  const earlier = yield* Effect.catchIf(
    readManifest(target),
    (error) => error._tag === "BackupRefused" && error.reason === "damaged",
    () => Effect.void
  )
  const objects = new Objects(target, earlier === undefined ? new Map() : Manifest.objectsOf(earlier))
  const at = DateTime.formatIso(yield* DateTime.now)
  yield* io(() => {
    objects.open()
    rmSync(join(target, copyName), { force: true })
  })
  yield* step("begun")

  const partial = join(target, copyName)
  const { copy, keys, logEpoch } = yield* opened({ dataDir, partial, owned, onProgress })
  // Keys of another log may have other values.
  const large = LargeValues.make({ copy, objects, earlier: earlier?.logEpoch === logEpoch ? earlier.parts : [] })
  const names = yield* io(() => filesOf(dataDir))
  const sources = yield* io(() => {
    const size = copy.size()
    const files = names.reduce((sum, name) => sum + (statSync(join(dataDir, name), { throwIfNoEntry: false })?.size ?? 0), 0)
    return { needed: size - large.knownBytes(keys) + files }
  })
  const free = yield* io(() => freeBytes(target))
  if (free < sources.needed)
    return yield* new BackupRefused({
      reason: "space",
      message: `The backup needs up to ${sources.needed} bytes in ${target}; ${free} are free. Free some space, or choose another directory. The earlier backup is unchanged.`
    })

  yield* onProgress("copying the database")
  yield* io(() => copy.copy())
  yield* step("database")
  const { damaged, parts } = yield* large.copy(
    keys,
    (done) => onProgress(`copying segments and blobs, ${done} of ${keys.length}`),
    step("part")
  )
  const database = yield* io(() => {
    copy.finish()
    const position = copy.position()
    copy.close()
    return { ...position, stored: objects.copy(partial) }
  })

  yield* onProgress("copying other files")
  const files: Array<Manifest.DataFile> = []
  for (const path of names) {
    const content = yield* io(() => contentOf(join(dataDir, path)))
    if (content !== undefined) files.push({ path, ...(yield* io(() => objects.put(content))) })
  }
  yield* step("files")

  yield* onProgress("writing to the disk")
  for (const path of objects.unsynced) yield* io(() => sync(path))
  yield* step("synced")
  const { stored, ...position } = database
  const manifest: Manifest.Manifest = { version: 1, at, ...position, database: stored, parts, files }
  const named = Manifest.objectsOf(manifest)
  yield* io(() => {
    writeFileSync(join(target, manifestPartial), Manifest.render(manifest), { mode: 0o600 })
    sync(join(target, manifestPartial))
    onStep("manifest")
    renameSync(join(target, manifestPartial), join(target, Manifest.fileName))
    sync(target)
  })
  yield* step("replaced")
  // Deletes also the data of deleted threads in the earlier backup.
  yield* io(() => objects.keepOnly(named))
  yield* step("cleaned")
  const summary: Summary = {
    at,
    head: manifest.head,
    objects: named.size,
    bytes: [...named.values()].reduce((sum, bytes) => sum + bytes, 0),
    added: objects.added,
    damaged
  }
  return summary
}, Effect.scoped)
