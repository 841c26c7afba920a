/**
 * Checks whether the files that a log has open are still the files at their paths (L12). Writes to a removed file succeed without an error and are lost
 * when the process ends.
 */
import { statSync, type Stats } from "node:fs"
import { dirname } from "node:path"

export interface Presence {
  /** A message for people if a file was moved, removed or replaced. Otherwise `undefined`. Makes two calls to the file system, of some microseconds. */
  readonly lost: () => string | undefined
}

const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // A parent is no longer a directory, or access is denied: the path cannot be reached.
    return undefined
  }
}

const isSame = (a: Stats, b: Stats) => a.ino === b.ino && a.dev === b.dev

/** Watches the database and its WAL. Both must be open. */
export const make = (database: string): Presence => {
  const directory = dirname(database)
  const folder = statOf(directory)
  const files = [database, `${database}-wal`].map((path) => ({ path, known: statOf(path) }))
  const problem = (): string | undefined => {
    for (const { path, known } of files) {
      if (known === undefined) continue
      const now = statOf(path)
      if (now !== undefined && isSame(now, known) && now.nlink > 0) continue
      const at = statOf(directory)
      if (at === undefined || folder === undefined || !isSame(at, folder))
        return `The data directory ${directory} was moved, removed or replaced while the server was running. Put it back, or restart the server with the directory's new path.`
      return now === undefined
        ? `${path} no longer exists: it was removed while the server was running. Restart the server; restore a backup first if events are missing.`
        : `${path} was replaced by another file while the server was running. Restart the server to use the new file.`
    }
    return undefined
  }
  return { lost: problem }
}
