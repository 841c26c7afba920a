/** The state of the repository of a directory: branch, distance from its upstream, changes. Reads only; no filter of the repository runs. */
import { defined } from "@millrace/contracts/Defined"
import type { GitSummary } from "@millrace/contracts/Workspace"
import { Effect } from "effect"
import { Git, type GitError } from "./Git.ts"

const deadline = "10 seconds"
/** About 100,000 changed files. More are not counted. */
const maxBytes = 16 * 1024 * 1024

const none: GitSummary = { repository: false, dirty: false }

/**
 * Environment that turns off the filters of the person's and the repository's configuration. `git status` runs them to compare a file whose time has
 * changed, and an agent may have written that configuration. Not by `-c`: git ends the key at the first `=`, which the name of a filter may contain.
 */
export const withoutFilters = (cwd: string) =>
  Effect.gen(function* () {
    const git = yield* Git
    const { stdout } = yield* git.run(
      ["config", "-z", "--name-only", "--get-regexp", "^filter\\..*\\.(clean|smudge|process|required)$"],
      {
        cwd,
        deadline,
        codes: [0, 1]
      }
    )
    const keys = stdout
      .toString("utf8")
      .split("\0")
      .filter((key) => key !== "")
    const variables = keys.flatMap((key, n) => [
      [`GIT_CONFIG_KEY_${n}`, key],
      [`GIT_CONFIG_VALUE_${n}`, key.endsWith(".required") ? "false" : ""]
    ])
    return Object.fromEntries([["GIT_CONFIG_COUNT", String(keys.length)], ...variables])
  })

/** Parses `git status --porcelain=v2 --branch -z`. */
const parse = (output: string): GitSummary => {
  let [changed, untracked, conflicts] = [0, 0, 0]
  const head: { branch?: string; commit?: string; upstream?: string; ahead?: number; behind?: number } = {}
  const fields = output.split("\0")
  for (let at = 0; at < fields.length; at++) {
    const line = fields[at] ?? ""
    const value = (name: string) => (line.startsWith(`# ${name} `) ? line.slice(name.length + 3) : undefined)
    const [oid, branch, upstream, distance] = [
      value("branch.oid"),
      value("branch.head"),
      value("branch.upstream"),
      value("branch.ab")
    ]
    if (oid !== undefined && oid !== "(initial)") head.commit = oid
    if (branch !== undefined && branch !== "(detached)") head.branch = branch
    if (upstream !== undefined) head.upstream = upstream
    const [, ahead, behind] = /^\+(\d+) -(\d+)$/.exec(distance ?? "") ?? []
    if (ahead !== undefined && behind !== undefined) {
      head.ahead = Number(ahead)
      head.behind = Number(behind)
    }
    if (line.startsWith("? ")) untracked++
    else if (/^[12u] /.test(line)) changed++
    if (line.startsWith("u ")) conflicts++
    // The next field is the path that the file was renamed from.
    if (line.startsWith("2 ")) at++
  }
  return {
    repository: true,
    ...defined(head),
    changed,
    untracked,
    conflicts,
    dirty: changed + untracked > 0
  }
}

/** `cwd`: an existing directory. */
export const read = (cwd: string): Effect.Effect<GitSummary, GitError, Git> =>
  Effect.gen(function* () {
    const git = yield* Git
    const asked = yield* git.run(["rev-parse", "--is-inside-work-tree", "--show-prefix"], { cwd, deadline, codes: [0, 128] })
    const [, prefix] = /^true\n([^]*)\n$/.exec(asked.stdout.toString("utf8")) ?? []
    if (prefix === undefined) return none
    const env = yield* withoutFilters(cwd)
    const args = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--ignore-submodules=dirty"]
    const { stdout } = yield* git.run(args, { cwd, env, deadline, maxBytes })
    return { ...parse(stdout.toString("utf8")), ...(prefix !== "" && { prefix }) }
  })
