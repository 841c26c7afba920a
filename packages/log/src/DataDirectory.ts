/**
 * The data directory and its single owner (L8). The lock is an exclusive SQLite lock on a separate small file, `owner.db`: the operating
 * system releases it when the process ends, however it ends. `owner.json` names the owner, for people and for processes that do not get the lock.
 *
 * A lock does not survive the removal of its file: if `owner.db` is removed while an owner runs, another process can create and lock a new file. So a
 * new owner also requires that no process has the log's database open, and the running owner locks the new `owner.db` within two seconds.
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
import * as PendingRestore from "./backup/PendingRestore.ts"
import { isAlive } from "./Pid.ts"
import * as Sqlite from "./Sqlite.ts"
import { StorageFailure } from "./Storage.ts"

/** The directory cannot be used. Nothing was changed in it. */
export class DataDirectoryUnusable extends Schema.TaggedError<DataDirectoryUnusable>()("DataDirectoryUnusable", {
  path: Schema.String,
  reason: Schema.Literal("not-a-directory", "not-writable", "io"),
  message: Schema.String
}) {}

/** Another process owns the directory. `pid` is absent if the owner has not written `owner.json` yet. */
export class DataDirectoryOwned extends Schema.TaggedError<DataDirectoryOwned>()("DataDirectoryOwned", {
  path: Schema.String,
  pid: Schema.optional(Schema.Int),
  message: Schema.String
}) {}

/** The content of `owner.json`. `details`: the values that the owner announced, for example its address. */
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
    /** The search index. Derived from the log: it can be removed while no server runs. */
    readonly searchFile: string
    /** Path of a file in the directory. */
    readonly file: (name: string) => string
    /** Sets the `details` that `owner` returns to other processes; replaces the earlier details. They must not contain secrets. */
    readonly announce: (details: Readonly<Record<string, unknown>>) => Effect.Effect<void, DataDirectoryUnusable>
  }
>() {}

const lockName = "owner.db"
const ownerName = "owner.json"
const logName = "log.db"
/** How often the owner checks that the file at the lock's path is the locked file. */
const watchEvery = "2 seconds"
/** Polls of `owner.json` by a process that did not get the lock, and the pause between them. The owner writes its pid right after it gets the lock. */
const polls = 20
const pollMillis = 25

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

/** Creates each level separately: Node's recursive `mkdirSync` never returns if a parent fails with ENOENT, as `/proc` does. */
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

/** The owner in `owner.json`, if its process is alive. */
const namedOwner = (path: string): Option.Option<Owner> => {
  try {
    return Option.filter(decodeOwner(readFileSync(join(path, ownerName), "utf8")), ({ pid }) => isAlive(pid))
  } catch {
    // The file is not written yet, or already removed, so no owner is named.
    return Option.none()
  }
}

const pollOwner = (path: string, left: number): Effect.Effect<Option.Option<Owner>> =>
  Effect.suspend(() => {
    const found = namedOwner(path)
    return Option.isSome(found) || left === 0
      ? Effect.succeed(found)
      : Effect.zipRight(Effect.sleep(pollMillis), pollOwner(path, left - 1))
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

/** In a git repository, the directory is no part of a commit or of a thread's files. A file of this name that exists stays as it is. */
const hideFromGit = (path: string): void => {
  const file = join(path, ".gitignore")
  if (!existsSync(file)) writeFileSync(file, "# The data of Millrace.\n*\n", { mode: 0o600 })
}

/** Whether this owner wrote `owner.json`. */
const isOurs = (path: string, self: Owner): boolean =>
  Option.exists(namedOwner(path), ({ pid, since }) => pid === self.pid && since === self.since)

/** Whether any process has the log open. If no living owner is named, waits up to half a second for programs that only read the log. */
const isLogOpen = (path: string) =>
  trying(path, () => Sqlite.isOpen(join(path, logName))).pipe(
    Effect.repeat({
      while: (open) => open && Option.isNone(namedOwner(path)),
      schedule: Schedule.intersect(Schedule.spaced(pollMillis), Schedule.recurs(polls)).pipe(Schedule.passthrough)
    })
  )

interface Held {
  lock: Sqlite.Connection
  /** The identity of the locked file. */
  readonly file: { readonly ino: number; readonly dev: number }
}

const hold = (path: string, patience?: number): Held | undefined => {
  const file = join(path, lockName)
  const lock = Sqlite.lock(file, patience)
  return lock === undefined ? undefined : { lock, file: statSync(file) }
}

/** Whether the file at the lock's path is the locked file. */
const isHeld = (path: string, { file }: Held): boolean => {
  const there = statSync(join(path, lockName), { throwIfNoEntry: false })
  return there !== undefined && there.ino === file.ino && there.dev === file.dev
}

/**
 * Creates the directory (mode 0700) if it does not exist and owns it until the scope closes. A process that does not get the lock
 * changes nothing in the directory.
 */
export const make = Effect.fn("DataDirectory.make")(function* (directory: string) {
  const path = resolve(directory)
  yield* prepare(path)
  const folder = yield* trying(path, () => statSync(path))
  const since = new Date(yield* Clock.currentTimeMillis).toISOString()
  const self: Owner = { pid: process.pid, since }
  let owner = self
  const state: { held: Held | undefined; named: boolean; fault?: string } = yield* Effect.acquireRelease(
    trying(path, () => ({ held: hold(path), named: false })),
    (state) =>
      Effect.sync(() => {
        if (state.held === undefined) return
        // The lock is still held. If the directory was moved away, another owner may be at its path.
        if (state.named && isOurs(path, self)) rmSync(join(path, ownerName), { force: true })
        Sqlite.close(state.held.lock)
      })
  )
  if (state.held === undefined || (yield* isLogOpen(path))) return yield* owned(path, yield* pollOwner(path, polls))
  yield* trying(path, () => writeOwner(path, self))
  state.named = true
  yield* trying(path, () => hideFromGit(path))
  // Before anything opens the log: a restore was interrupted after it replaced the first file (L18).
  const replaced = yield* trying(path, () => PendingRestore.finish(path))
  if (replaced !== undefined)
    yield* Effect.logWarning(`An interrupted restore of ${path} was finished. The old files are in ${replaced}.`)

  /** If `owner.db` was removed or replaced, locks the new file. A moved directory keeps its lock. Logs a fault once. */
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
    Effect.flatMap((relocked) =>
      relocked
        ? Effect.logWarning(
            `${join(path, lockName)} was removed or replaced while this process owns ${path}. The process has locked it again.`
          )
        : Effect.void
    ),
    Effect.matchEffect({
      onFailure: ({ message }) =>
        Effect.when(Effect.logWarning(message), () => {
          const isNew = state.fault !== message
          state.fault = message
          return isNew
        }),
      onSuccess: () => Effect.sync(() => delete state.fault)
    }),
    Effect.delay(watchEvery),
    Effect.forever
  )
  yield* Effect.forkScoped(watch)

  return {
    path,
    logFile: join(path, logName),
    anchorFile: join(path, "anchor"),
    searchFile: join(path, "search.db"),
    file: (name: string) => join(path, name),
    announce: (details: Readonly<Record<string, unknown>>) =>
      trying(path, () => {
        owner = { ...self, details }
        writeOwner(path, owner)
      })
  }
})

export const layer = (directory: string) => Layer.scoped(DataDirectory, make(directory))

/** The current owner of the directory. None if no process holds the lock, even if a dead owner left its `owner.json`. Changes nothing. */
export const owner = Effect.fn("DataDirectory.owner")(function* (directory: string) {
  const path = resolve(directory)
  return yield* Effect.sync(() => (Sqlite.isLocked(join(path, lockName)) ? namedOwner(path) : Option.none<Owner>()))
})
