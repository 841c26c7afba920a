/** How much of the disk a directory takes. */
import type { Stats } from "node:fs"
import { lstat, readdir } from "node:fs/promises"
import { join } from "node:path"

/** Files whose size is read at the same time. */
const batch = 64

/**
 * Bytes on the disk of the files in the directory, at any depth; links are not followed. A file that cannot be read, or that disappears meanwhile, counts
 * as nothing. `undefined`: it was aborted.
 */
export const of = async (directory: string, signal: AbortSignal): Promise<number | undefined> => {
  let bytes = 0
  const waiting = [directory]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const entries = await readdir(next, { withFileTypes: true }).catch(() => [])
    const path = next
    const files: Array<string> = []
    for (const entry of entries) (entry.isDirectory() ? waiting : files).push(join(path, entry.name))
    for (let at = 0; at < files.length; at += batch) {
      if (signal.aborted) return undefined
      const found = await Promise.all(
        files.slice(at, at + batch).map((file) => lstat(file).catch((): Pick<Stats, "blocks"> => ({ blocks: 0 })))
      )
      // A block of `stat` has 512 bytes.
      for (const { blocks } of found) bytes += blocks * 512
    }
    if (signal.aborted) return undefined
  }
  return bytes
}
