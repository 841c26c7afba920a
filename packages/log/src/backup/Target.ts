/** The directory of a backup: what may be in it, and the lock that only one backup holds. */
import { existsSync, mkdirSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs"
import { dirname, join, sep } from "node:path"
import { Effect } from "effect"
import * as Sqlite from "../Sqlite.ts"
import { BackupRefused } from "./BackupError.ts"
import * as Manifest from "./Manifest.ts"

const lockName = "lock.db"
/** The database while it is copied. */
export const copyName = "database.partial"
export const manifestPartial = `${Manifest.fileName}.partial`
const ours: ReadonlySet<string> = new Set([
  Manifest.fileName,
  manifestPartial,
  "objects",
  copyName,
  `${copyName}-journal`,
  lockName,
  `${lockName}-journal`
])

const io = <A>(run: () => A) => Sqlite.attempt("backup", run)

/** The path itself, or the nearest directory above it that exists; without symbolic links. */
const real = (path: string): string => (existsSync(path) ? realpathSync(path) : real(dirname(path)))
const isInside = (path: string, directory: string): boolean => `${path}${sep}`.startsWith(`${directory}${sep}`)

/** Refuses a directory that must not be written to. Changes nothing. */
export const refusal = (dataDir: string, target: string): BackupRefused | undefined => {
  if (!existsSync(join(dataDir, "log.db")))
    return new BackupRefused({
      reason: "no-log",
      message: `There is no log in ${dataDir}. Set the data directory with --data or MILLRACE_DATA.`
    })
  if (isInside(real(target), realpathSync(dataDir)))
    return new BackupRefused({
      reason: "inside",
      message: `${target} is inside the data directory. Choose a directory elsewhere, on another disk if possible.`
    })
  if (!existsSync(target)) return undefined
  const other = statSync(target).isDirectory() ? readdirSync(target).find((name) => !ours.has(name)) : "a file"
  return other === undefined
    ? undefined
    : new BackupRefused({
        reason: "foreign",
        message: `${target} holds something else (${other}). Choose an empty directory, or one that holds only a backup.`
      })
}

/** Creates the directory and holds its lock until the scope closes. Fails if another backup into it is running. */
export const lock = (target: string) =>
  Effect.acquireRelease(
    io(() => {
      mkdirSync(target, { recursive: true, mode: 0o700 })
      writeFileSync(join(target, lockName), "", { flag: "a", mode: 0o600 })
      return Sqlite.lock(join(target, lockName), 0)
    }),
    (held) => (held === undefined ? Effect.void : Effect.sync(() => Sqlite.close(held)))
  ).pipe(
    Effect.filterOrFail(
      (held) => held !== undefined,
      () => new BackupRefused({ reason: "busy", message: `Another backup into ${target} is running. Wait until it ends.` })
    )
  )
