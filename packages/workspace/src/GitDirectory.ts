/** Git directories are no part of a workspace's files: they hold credentials, hooks and other branches. */
import { dirname, join } from "node:path"
import { isDataDirectory } from "./DataDirectory.ts"
import { exists } from "./Exists.ts"

/** Characters that HFS+ leaves out of a name. Git refuses names that become `.git` without them, as it refuses those below. */
const ignorable = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g

/** Whether some file system may take the name for `.git`: by capitals, by characters that it ignores, or by a short name of NTFS. */
export const isGitName = (name: string): boolean => /^(\.git|git~1)[. ]*(:.*)?$/s.test(name.replace(ignorable, "").toLowerCase())

/** Whether a segment of the path is such a name. */
export const hasGitName = (path: string): boolean => path.split("/").some(isGitName)

/** Whether git recognises the directory: it has HEAD, objects and refs, or, for a linked work tree, HEAD and the name of the common directory. */
const isGitDirectory = async (path: string): Promise<boolean> =>
  (await exists(join(path, "HEAD"))) &&
  ((await exists(join(path, "commondir"))) || ((await exists(join(path, "objects"))) && (await exists(join(path, "refs")))))

/**
 * Which private directory the canonical path of a file below the canonical root is in: a git directory, whatever its name is (a bare repository, or one
 * of `--separate-git-dir`), or a data directory of Millrace.
 */
export const privateOf = async (root: string, path: string): Promise<"git" | "data" | undefined> => {
  if (hasGitName(path.slice(root.length))) return "git"
  for (let at = dirname(path); at.length >= root.length; at = dirname(at)) {
    if (await isGitDirectory(at)) return "git"
    if (await isDataDirectory(at)) return "data"
    if (dirname(at) === at) break
  }
  return undefined
}
