/**
 * What acts of a person in a work tree share: the checks before git changes anything, the errors, and the mark by which a repeated command finds what an
 * earlier attempt has done.
 */
import { cutStart } from "@millrace/contracts/Text"
import type { Duration } from "effect"
import { Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { basename, join } from "node:path"
import { exists } from "./Exists.ts"
import { Git, type GitBusy, type GitFailed, type GitMissing, type GitOptions, type GitTimeout } from "./Git.ts"
import { operations } from "./Operations.ts"
import * as RawPath from "./RawPath.ts"
import type { Repository } from "./Repository.ts"
import * as WorktreeRecord from "./WorktreeRecord.ts"

/** Git did not do it, and nothing was changed. `message` has the end of git's output, or what to do. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  rule: Schema.Literal("NothingToCommit", "IdentityMissing", "MergeConflict", "GitRefused", "PullRequestRefused"),
  message: Schema.String
}) {}

export type ActError = Refused | GitMissing | GitBusy

export const refuse = (rule: Refused["rule"], message: string) => new Refused({ rule, message })

/** Maximum characters of git's output in an error. */
const maxOutput = 2000

/** The output without the passwords of URLs. */
export const shown = (output: string): string => cutStart(output.replaceAll(/:\/\/[^\s/@]*@/g, "://"), maxOutput)

/** The answer for a failure of git. An act of a person is not tried again by itself, so a failure or a timeout is an answer. */
export const answered = (error: GitMissing | GitFailed | GitTimeout | GitBusy, what: string): ActError => {
  switch (error._tag) {
    case "GitFailed":
      return refuse("GitRefused", `${what} ${error.stderr === "" ? error.message : `Git says: ${shown(error.stderr)}`}`)
    case "GitTimeout":
      return refuse("GitRefused", `${what} ${error.message} A hook or a signature may wait for something.`)
    default:
      return error
  }
}

/** Runs git as the person in the work tree. */
export const run = (
  { root: cwd }: Pick<Repository, "root">,
  args: ReadonlyArray<string>,
  options: Omit<GitOptions, "cwd" | "asPerson"> = {}
) => Effect.flatMap(Git, (git) => git.run(args, { cwd, asPerson: true, ...options }))

const text = (...parameters: Parameters<typeof run>) =>
  Effect.map(run(...parameters), ({ code, stdout }) => (code === 0 ? stdout.toString("utf8").trim() : undefined))

/** The record of the worktree, if the server created this work tree for a thread. `home`: the directory of the worktrees. */
export const recordOf = ({ root }: Repository, home: string) =>
  Effect.map(
    Effect.promise(() => WorktreeRecord.read(home, basename(root))),
    (record) => (record?.root === root ? record : undefined)
  )

/** The commit that is checked out. Refused if there is none yet. */
export const headOf = (repository: Repository) =>
  Effect.filterOrFail(
    text(repository, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], { codes: [0, 1, 128] }),
    (commit) => commit !== undefined,
    () => refuse("GitRefused", `${repository.root} has no commit yet. Nothing was changed.`)
  )

/** Refused while a merge, a rebase or the like has not ended. */
export const idle = ({ gitDir, root }: Repository) =>
  Effect.forEach(Object.entries(operations), ([name, operation]) =>
    Effect.flatMap(
      Effect.promise(() => exists(join(gitDir, name))),
      (isThere) =>
        isThere
          ? refuse(
              "GitRefused",
              `A ${operation} in ${root} has not ended. Complete it or abort it with git. Nothing was changed.`
            )
          : Effect.void
    )
  )

/** The branch that is checked out. Refused on a detached HEAD. */
export const branchOf = (repository: Repository) =>
  Effect.filterOrFail(
    text(repository, ["symbolic-ref", "--quiet", "HEAD"], { codes: [0, 1] }),
    (ref) => ref !== undefined,
    () =>
      refuse(
        "GitRefused",
        `No branch is checked out in ${repository.root} (detached HEAD). Create one there with git switch -c NAME. Nothing was changed.`
      )
  ).pipe(Effect.map((ref) => ref.replace(/^refs\/heads\//, "")))

/** Refused unless a name and an e-mail address are configured: git would make them up from the name of the machine. */
export const identified = (repository: Repository) =>
  Effect.catchTag(run(repository, ["-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"]), "GitFailed", ({ stderr }) =>
    refuse(
      "IdentityMissing",
      `Git knows no name or e-mail address for the commit. On the server's machine, set them with git config user.name NAME and git config user.email ADDRESS in ${repository.root}, or with --global. Nothing was changed. Git says: ${shown(stderr)}`
    )
  )

/** One changed path of a work tree. */
export interface Changed {
  readonly path: RawPath.RawPath
  readonly isUntracked: boolean
}

/** The changed and untracked files that are not ignored, by paths from the root. Repositories inside of the work tree are left out. */
export const changed = (repository: Repository, deadline: Duration.DurationInput) =>
  Effect.flatMap(
    run(repository, ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"], {
      deadline
    }),
    ({ stdout, truncated }) =>
      truncated
        ? refuse("GitRefused", "Too many files have changed (64 MiB of names). Nothing was changed.")
        : Effect.succeed(
            RawPath.fields(stdout)
              .map((line): Changed => ({ path: line.slice(3), isUntracked: line.startsWith("??") }))
              .filter(({ path }) => !path.endsWith("/"))
          )
  )

/** Marks what git does for a command in the reflog, so that a repeated command finds it. */
export const markOf = (commandId: string, digest: string): string =>
  createHash("sha256").update(`${commandId} ${digest}`).digest("hex").slice(0, 32)

/** The environment with which git writes the mark. */
export const marked = (action: string, mark: string) => ({ GIT_REFLOG_ACTION: `${action} (millrace ${mark})` })

/** Entries of the reflog in which an act is looked for, the latest ones. */
const maxEntries = 1000

/**
 * The commit that an earlier attempt has made and that HEAD still has. A hook of a refused commit may write the mark too, for example by `git reset`: an entry
 * counts only if HEAD went forward with it. `undefined`: none, or the repository keeps no reflog.
 */
export const earlier = (repository: Repository, mark: string) =>
  Effect.gen(function* () {
    const args = ["log", "--walk-reflogs", `-${maxEntries}`, "--no-show-signature", "--format=%H%x09%gs", "HEAD", "--"]
    const entries = ((yield* text(repository, args, { codes: [0, 128] })) ?? "").split("\n").map((line) => {
      const [commit = "", action = ""] = line.split("\t")
      return { commit, isMarked: action.includes(`(millrace ${mark})`) }
    })
    const contains = (commit: string, older: string) =>
      Effect.map(
        run(repository, ["merge-base", "--is-ancestor", older, commit], { codes: [0, 1, 128] }),
        ({ code }) => code === 0
      )
    const marked = entries.flatMap(({ commit, isMarked }, at) => (isMarked ? [{ commit, before: entries[at + 1]?.commit }] : []))
    const forward = ({ before, commit }: (typeof marked)[number]) =>
      before === undefined ? Effect.succeed(true) : before === commit ? Effect.succeed(false) : contains(commit, before)
    const [latest] = marked
    if (latest === undefined || !(yield* Effect.exists(marked, forward))) return undefined
    return (yield* contains("HEAD", latest.commit)) ? latest.commit : undefined
  })

/** The commit's id and subject, at most 500 characters. */
export const described = (repository: Repository, commit: string) =>
  Effect.map(run(repository, ["log", "-1", "--no-show-signature", "--format=%H%x00%s", commit, "--"]), ({ stdout }) => {
    const [id = commit, subject = ""] = stdout.toString("utf8").trim().split("\0")
    return { commit: id, subject: subject.slice(0, 500) }
  })
