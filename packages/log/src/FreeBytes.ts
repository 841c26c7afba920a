import { statfsSync } from "node:fs"

/** Free bytes for this user on the file system of a directory. */
export type FreeBytes = (directory: string) => number

export const freeBytes: FreeBytes = (directory) => {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}
