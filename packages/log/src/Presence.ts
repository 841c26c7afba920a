/**
 * Whether the files that a log has open are still those that their paths name (L12). A program that has a removed file open can write it without an
 * error, and everything is lost when the program ends.
 */
import { statSync, type Stats } from "node:fs"
import { dirname } from "node:path"

export interface Presence {
  /** Why they are not, as a person reads it; undefined while they are. Looks at the file system: two calls of some microseconds. */
  readonly lost: () => string | undefined
}

const look = (path: string): Stats | undefined => {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // A parent is no directory any more, or may not be entered: what the path names cannot be reached.
    return undefined
  }
}

const isSame = (a: Stats, b: Stats) => a.ino === b.ino && a.dev === b.dev

/** The database and its WAL, both open. */
export const make = (database: string): Presence => {
  const directory = dirname(database)
  const folder = look(directory)
  const files = [database, `${database}-wal`].map((path) => ({ path, known: look(path) }))
  const problem = (): string | undefined => {
    for (const { path, known } of files) {
      if (known === undefined) continue
      const now = look(path)
      if (now !== undefined && isSame(now, known) && now.nlink > 0) continue
      const at = look(directory)
      if (at === undefined || folder === undefined || !isSame(at, folder))
        return `The data directory ${directory} was moved, removed or replaced while the server runs. Put it back, or restart the server with the directory's new path.`
      return now === undefined
        ? `${path} cannot be found any more: it was removed while the server runs. Restart the server; restore a backup first if events are missing.`
        : `${path} was replaced by another file while the server runs. Restart the server to use the file that is there now.`
    }
    return undefined
  }
  return { lost: problem }
}
