/**
 * The data directory and its one owner (L8). The lock is an exclusive lock of SQLite on a small file of its own: the operating system
 * drops it when the process ends, however it ends. Who holds it stands beside it in `owner.json`, for people and for the losers.
 *
 * A lock on a file does not outlive the file's removal: who removes `owner.db` under a running owner lets the next process lock a new one. So a new
 * owner also requires that nobody has the log's database open, and the running owner locks the new `owner.db` within two seconds.
 */
import { Clock, Context, Effect, Layer, Option, Schedule, Schema } from "effect"
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { dirname, join, resolve } from "node:path"
import { isAlive } from "./Pid.ts"
import * as Sqlite from "./Sqlite.ts"
import { StorageFailure } from "./Storage.ts"

/** The directory cannot be used. Nothing was changed in it. */
export class DataDirectoryUnusable extends Schema.TaggedError<DataDirectoryUnusable>()("DataDirectoryUnusable", {
  path: Schema.String,
  reason: Schema.Literal("not-a-directory", "not-writable", "io"),
  message: Schema.String
}) {}

/** Another process owns the directory. `pid` is absent when the owner has not said who it is. */
export class DataDirectoryOwned extends Schema.TaggedError<DataDirectoryOwned>()("DataDirectoryOwned", {
  path: Schema.String,
  pid: Schema.optional(Schema.Int),
  message: Schema.String
}) {}

/** What the owner says of itself; `details` is what it announced (its address, for example). */
export const Owner = Schema.Struct({
  pid: Schema.Int,
  since: Schema.String,
  details: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
})
export type Owner = typeof Owner.Type

export class DataDirectory extends Context.Tag("@millrace/log/DataDirectory")<
  DataDirectory,
  {
    /** Absolute. */
    readonly path: string
    /** The log's database: the `file` of EventLogSqlite. */
    readonly logFile: string
    /** The log's anchor: the `anchor` of EventLogSqlite. */
    readonly anchorFile: string
    /** Path of a file in the directory. */
    readonly file: (name: string) => string
    /** Adds to what `owner` tells others; replaces what was announced before. No secrets. */
    readonly announce: (details: Readonly<Record<string, unknown>>) => Effect.Effect<void, DataDirectoryUnusable>
  }
>() {}

const lockName = "owner.db"
const ownerName = "owner.json"
const logName = "log.db"
/** How often the owner compares its lock with the file that is there. */
const watchEvery = "2 seconds"
/** How often, and how long apart, a loser looks for the winner's pid: the winner writes it right after it has the lock. */
const looks = 20
const lookMillis = 25

const unusable = (path: string, cause: unknown): DataDirectoryUnusable => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const why = cause instanceof Error ? cause.message : String(cause)
  if (code === "EEXIST" || code === "ENOTDIR")
    return new DataDirectoryUnusable({
      path,
      reason: "not-a-directory",
      message: `${path} is not a directory. Choose another one with --data or MILLRACE_DATA, or move that file away.`
    })
  if (["EACCES", "EPERM", "EROFS", "ENOENT", "SQLITE_CANTOPEN", "SQLITE_READONLY"].includes(code))
    return new DataDirectoryUnusable({
      path,
      reason: "not-writable",
      message: `${path} is not writable for this user. Choose another directory with --data or MILLRACE_DATA, or change its owner.`
    })
  return new DataDirectoryUnusable({
    path,
    reason: "io",
    message: `${path} cannot be used: ${why}. Check the disk, or choose another directory with --data or MILLRACE_DATA.`
  })
}

const trying = <A>(path: string, run: () => A): Effect.Effect<A, DataDirectoryUnusable> =>
  Effect.try({
    try: run,
    catch: (cause) => unusable(path, cause instanceof StorageFailure && cause.cause !== undefined ? cause.cause : cause)
  })

/** Level by level: Node's own recursive way never returns where a parent refuses with ENOENT, as `/proc` does. */
const makeAll = (path: string): void => {
  if (existsSync(path)) return
  makeAll(dirname(path))
  mkdirSync(path, { mode: 0o700 })
  chmodSync(path, 0o700)
}

const prepare = (path: string) =>
  trying(path, () => {
    makeAll(path)
    if (!statSync(path).isDirectory()) throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  })

const decodeOwner = Schema.decodeUnknownOption(Schema.parseJson(Owner))

/** What `owner.json` says, when the process it names is alive. */
const saidOwner = (path: string): Option.Option<Owner> => {
  try {
    return Option.filter(decodeOwner(readFileSync(join(path, ownerName), "utf8")), ({ pid }) => isAlive(pid))
  } catch {
    // Not written yet, or gone again: nobody is named.
    return Option.none()
  }
}

const lookForOwner = (path: string, left: number): Effect.Effect<Option.Option<Owner>> =>
  Effect.suspend(() => {
    const found = saidOwner(path)
    return Option.isSome(found) || left === 0
      ? Effect.succeed(found)
      : Effect.zipRight(Effect.sleep(lookMillis), lookForOwner(path, left - 1))
  })

const writeOwner = (path: string, owner: Owner): void => {
  const temporary = join(path, `${ownerName}.${owner.pid}`)
  writeFileSync(temporary, `${JSON.stringify(owner)}\n`, { mode: 0o600 })
  renameSync(temporary, join(path, ownerName))
}

const owned = (path: string, owner: Option.Option<Owner>) =>
  new DataDirectoryOwned({
    path,
    ...Option.match(owner, { onNone: () => ({}), onSome: ({ pid }) => ({ pid }) }),
    message: Option.match(owner, {
      onNone: () => `${path} is used by another process. Stop it, or choose another directory with --data or MILLRACE_DATA.`,
      onSome: ({ pid, since }) =>
        `${path} is used by process ${pid} since ${since}. Use that server, stop it (kill ${pid}), or choose another directory with --data or MILLRACE_DATA.`
    })
  })

/** Whether `owner.json` is the one that this owner wrote. */
const isOurs = (path: string, self: Owner): boolean =>
  Option.exists(saidOwner(path), ({ pid, since }) => pid === self.pid && since === self.since)

/** Waits for programs that only look at the log, when no living owner is named: at most half a second. */
const isLogOpen = (path: string) =>
  trying(path, () => Sqlite.isOpen(join(path, logName))).pipe(
    Effect.repeat({
      while: (open) => open && Option.isNone(saidOwner(path)),
      schedule: Schedule.intersect(Schedule.spaced(lookMillis), Schedule.recurs(looks)).pipe(Schedule.passthrough)
    })
  )

interface Held {
  lock: Sqlite.Connection
  /** Of the locked file. */
  readonly file: { readonly ino: number; readonly dev: number }
}

const hold = (path: string, patience?: number): Held | undefined => {
  const file = join(path, lockName)
  const lock = Sqlite.lock(file, patience)
  return lock === undefined ? undefined : { lock, file: statSync(file) }
}

/** The file at its path is the one that is locked. */
const isHeld = (path: string, { file }: Held): boolean => {
  const there = statSync(join(path, lockName), { throwIfNoEntry: false })
  return there !== undefined && there.ino === file.ino && there.dev === file.dev
}

/**
 * Creates the directory (mode 0700) when it is not there and owns it until the scope closes. Whoever does not get the lock changes
 * nothing in the directory.
 */
export const make = Effect.fn("DataDirectory.make")(function* (directory: string) {
  const path = resolve(directory)
  yield* prepare(path)
  const folder = yield* trying(path, () => statSync(path))
  const since = new Date(yield* Clock.currentTimeMillis).toISOString()
  const self: Owner = { pid: process.pid, since }
  let owner = self
  const state: { held: Held | undefined; named: boolean } = yield* Effect.acquireRelease(
    trying(path, () => ({ held: hold(path), named: false })),
    (state) =>
      Effect.sync(() => {
        if (state.held === undefined) return
        // Still under the lock. Where somebody moved the directory away, another owner may be at its path.
        if (state.named && isOurs(path, self)) rmSync(join(path, ownerName), { force: true })
        Sqlite.close(state.held.lock)
      })
  )
  if (state.held === undefined || (yield* isLogOpen(path))) return yield* owned(path, yield* lookForOwner(path, looks))
  yield* trying(path, () => writeOwner(path, self))
  state.named = true

  /** Where `owner.db` was removed or replaced, the new one is locked as well. A moved directory takes its lock along. */
  const watch = trying(path, () => {
    const { held } = state
    const now = statSync(path, { throwIfNoEntry: false })
    if (held === undefined || now === undefined || now.ino !== folder.ino || isHeld(path, held)) return false
    const next = hold(path, 0)
    if (next === undefined) return false
    Sqlite.close(held.lock)
    state.held = next
    writeOwner(path, owner)
    return true
  }).pipe(
    Effect.flatMap((again) =>
      again
        ? Effect.logWarning(
            `${join(path, lockName)} was removed or replaced while this process owns ${path}. It is locked again.`
          )
        : Effect.void
    ),
    Effect.catchAll(({ message }) => Effect.logWarning(message)),
    Effect.delay(watchEvery),
    Effect.forever
  )
  yield* Effect.forkScoped(watch)

  return {
    path,
    logFile: join(path, logName),
    anchorFile: join(path, "anchor"),
    file: (name: string) => join(path, name),
    announce: (details: Readonly<Record<string, unknown>>) =>
      trying(path, () => {
        owner = { ...self, details }
        writeOwner(path, owner)
      })
  }
})

export const layer = (directory: string) => Layer.scoped(DataDirectory, make(directory))

/** Who owns the directory now. None when nobody does, also when a dead owner left its name behind. Changes nothing. */
export const owner = Effect.fn("DataDirectory.owner")(function* (directory: string) {
  const path = resolve(directory)
  return yield* Effect.sync(() => (Sqlite.isLocked(join(path, lockName)) ? saidOwner(path) : Option.none<Owner>()))
})
