/**
 * Merges the branch of a worktree into the branch that the project's directory has checked out, as the person would. The merge is computed without the
 * directory first; git merges only if that has no conflict, and no file that git does not track is in the way (W9).
 */
import { type Duration, Effect } from "effect"
import { lstat } from "node:fs/promises"
import { join } from "node:path"
import { exists } from "./Exists.ts"
import { isAbsent } from "./FileError.ts"
import type { GitError } from "./Git.ts"
import * as PersonGit from "./PersonGit.ts"
import * as RawPath from "./RawPath.ts"
import type { Repository } from "./Repository.ts"

export interface Request {
  /** The worktree. */
  readonly source: Repository
  /** The work tree of the project's directory. */
  readonly target: Repository
  /** Of `PersonGit.markOf`. */
  readonly mark: string
  /** The longest time of hooks and git. Default 5 minutes. */
  readonly deadline?: Duration.DurationInput | undefined
}

export interface Merged {
  /** The commit of the branch `into` after the merge. */
  readonly commit: string
  readonly branch: string
  readonly into: string
}

const listed = (paths: ReadonlyArray<RawPath.RawPath>): string =>
  `${paths.slice(0, 20).map(RawPath.shown).join(", ")}${paths.length > 20 ? ` and ${paths.length - 20} more` : ""}`

const hasChanges = (repository: Repository, untracked: "no" | "normal", deadline: Duration.DurationInput) =>
  Effect.map(
    PersonGit.run(repository, ["status", "--porcelain", "-z", `--untracked-files=${untracked}`], { deadline }),
    ({ stdout }) => stdout.length > 0
  )

const isAncestor = (repository: Repository, one: string, other: string) =>
  Effect.map(PersonGit.run(repository, ["merge-base", "--is-ancestor", one, other], { codes: [0, 1] }), ({ code }) => code === 0)

/** The tree of the merge. Refused with the paths that conflict. */
const merged = (target: Repository, branch: string, into: string, deadline: Duration.DurationInput) =>
  Effect.gen(function* () {
    const args = ["merge-tree", "--write-tree", "--name-only", "-z", "HEAD", `refs/heads/${branch}`]
    const { code, stdout } = yield* PersonGit.run(target, args, { codes: [0, 1], deadline })
    const [tree = "", ...rest] = RawPath.fields(stdout)
    if (code === 0) return tree
    const paths = rest.slice(0, rest.indexOf(""))
    return yield* PersonGit.refuse(
      "MergeConflict",
      `${branch} conflicts with ${into} in ${listed(paths)}. Merge ${into} into ${branch} in the worktree and resolve the conflicts there, or let the agent do it. Nothing was changed.`
    )
  })

/** Files that git does not track in the target, where the merge would write: git overwrites them without a question if they are ignored. */
const inTheWay = (target: Repository, tree: string) =>
  Effect.gen(function* () {
    const { stdout } = yield* PersonGit.run(target, ["diff-tree", "-r", "-z", "--name-status", "--no-renames", "HEAD", tree])
    const fields = RawPath.fields(stdout)
    const of = (status: string) => fields.filter((_, at) => at % 2 === 1 && fields[at - 1] === status)
    const [added, deleted] = [of("A"), new Set(of("D"))]
    const kind = (path: string) =>
      lstat(Buffer.concat([Buffer.from(`${target.root}/`), RawPath.toBytes(path)])).then(
        (info) => (info.isDirectory() ? "directory" : "file"),
        (cause: unknown) => (isAbsent(cause) ? "none" : "file")
      )
    return yield* Effect.promise(async () => {
      const found = new Set<string>()
      const known = new Set<string>()
      for (const path of added) {
        if ((await kind(path)) !== "none") found.add(path)
        for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
          const above = path.slice(0, at)
          if (known.has(above) || deleted.has(above)) continue
          known.add(above)
          if ((await kind(above)) === "file") found.add(above)
        }
      }
      return [...found]
    })
  })

/** After a failure: takes an incomplete merge back. Returns whether the target is as before. */
const undone = (target: Repository, head: string, deadline: Duration.DurationInput) =>
  Effect.gen(function* () {
    const isMerging = yield* Effect.promise(() => exists(join(target.gitDir, "MERGE_HEAD")))
    if (isMerging) yield* PersonGit.run(target, ["merge", "--abort"], { deadline })
    return (yield* PersonGit.headOf(target)) === head && !(yield* hasChanges(target, "no", deadline))
  }).pipe(Effect.orElseSucceed(() => false))

/**
 * Merges once: with a mark of an earlier attempt, returns what that made. Refused if a work tree has changes, an operation has not ended, the branches
 * conflict, or a file that git does not track would be replaced. After a refusal the target is as before, unless the message says that the merge is incomplete.
 */
export const merge = Effect.fn("Merge.merge")(
  function* ({ deadline = "5 minutes", mark, source, target }: Request) {
    const into = yield* PersonGit.branchOf(target)
    const branch = yield* PersonGit.branchOf(source)
    const before = yield* PersonGit.earlier(target, mark)
    if (before !== undefined) return { commit: before, branch, into } satisfies Merged
    for (const [repository, untracked] of [
      [source, "normal"],
      [target, "no"]
    ] as const) {
      yield* PersonGit.idle(repository)
      if (yield* hasChanges(repository, untracked, deadline))
        return yield* PersonGit.refuse(
          "GitRefused",
          `${repository.root} has changes that are not committed. ${repository === source ? "Commit them first: workspace.commit, millrace commit THREAD -m MESSAGE." : "Commit or stash them there first."} Nothing was merged.`
        )
    }
    const [ours, theirs] = ["HEAD", `refs/heads/${branch}`]
    const head = yield* PersonGit.headOf(target)
    if (yield* isAncestor(target, theirs, ours))
      return yield* PersonGit.refuse("NothingToCommit", `${into} has all commits of ${branch} already. Nothing was merged.`)
    const isFastForward = yield* isAncestor(target, ours, theirs)
    if (!isFastForward) yield* PersonGit.identified(target)
    const tree = isFastForward ? theirs : yield* merged(target, branch, into, deadline)
    const files = yield* inTheWay(target, tree)
    if (files.length > 0)
      return yield* PersonGit.refuse(
        "GitRefused",
        `The merge would replace files in ${target.root} that git does not track there: ${listed(files)}. Move them away first. Nothing was merged.`
      )
    const flags = ["--quiet", "--commit", "--no-squash", "--no-edit", "--no-autostash", "--no-overwrite-ignore", "--no-progress"]
    // As git words it for a branch without `refs/heads/`, which can also be the name of a tag.
    const title = `Merge branch '${branch}'${["main", "master"].includes(into) ? "" : ` into ${into}`}`
    const run = PersonGit.run(target, ["merge", ...flags, "-m", title, theirs], {
      env: PersonGit.marked("merge", mark),
      deadline,
      long: true
    })
    yield* Effect.catchAll(run, (error: GitError) =>
      Effect.gen(function* () {
        if ((yield* PersonGit.earlier(target, mark)) !== undefined) return
        if (yield* undone(target, head, deadline)) return yield* error
        return yield* PersonGit.refuse(
          "GitRefused",
          `${error.message} The merge is incomplete in ${target.root}: see git status there, and take it back with git merge --abort or git reset --merge.`
        )
      })
    )
    return { commit: yield* PersonGit.headOf(target), branch, into } satisfies Merged
  },
  Effect.mapError((error) =>
    error._tag === "Refused" ? error : PersonGit.answered(error, "The merge was refused. Nothing was merged.")
  )
)
