// The files of the repository, for the checks: tracked ones and new ones, without ignored ones such as node_modules. (Node 22's recursive `readdir`
// follows the links below node_modules, in circles.)
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"

export const root = resolve(import.meta.dirname, "..")

/** Paths relative to the root that match one of the patterns of `git ls-files`. */
export const files = (...patterns) =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns], { cwd: root, encoding: "utf8" })
    .split("\n")
    .filter((file) => file !== "" && existsSync(join(root, file)))
