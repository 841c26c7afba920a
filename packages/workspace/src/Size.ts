/** Estimates the size of a repository without git, for a decision that must be made within milliseconds. Nothing else is decided by it. */
import { Effect } from "effect"
import { readFile, stat } from "node:fs/promises"
import { dirname, isAbsolute, join, resolve } from "node:path"

/** The index of a repository of about 5,000 files. */
const smallIndex = 512 * 1024

/** The git directory of the nearest `.git`, which is a directory, or a file that names one. */
const gitDirOf = async (directory: string): Promise<string | undefined> => {
  for (let at = directory; ; at = dirname(at)) {
    const path = join(at, ".git")
    const found = await stat(path).catch(() => undefined)
    if (found?.isDirectory() === true) return path
    if (found?.isFile() === true) {
      const [, named] = /^gitdir: (.+?)\n?$/.exec(await readFile(path, "utf8").catch(() => "")) ?? []
      return named === undefined ? undefined : resolve(at, named)
    }
    if (dirname(at) === at) return undefined
  }
}

/** Whether the repository of the directory tracks few files (about 5,000), so that a first checkpoint is likely to be quick. False: large, or not known. */
export const isSmall = (directory: string): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    const gitDir = isAbsolute(directory) ? await gitDirOf(directory) : undefined
    if (gitDir === undefined) return false
    const index = await stat(join(gitDir, "index")).catch(() => undefined)
    return index === undefined || index.size <= smallIndex
  })
