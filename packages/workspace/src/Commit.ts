/**
 * Commits changes of a work tree as the person would: by their identity, with hooks, filters and signing as configured. Only the named files are committed,
 * or all changes of a worktree that belongs to a thread; whatever else is staged stays staged (W9).
 */
import { type Duration, Effect, Exit } from "effect"
import { join } from "node:path"
import * as PersonGit from "./PersonGit.ts"
import * as RawPath from "./RawPath.ts"
import { belowRoot, type Repository } from "./Repository.ts"

export interface Request {
  readonly repository: Repository
  /** The thread's directory, to which `paths` are relative. */
  readonly cwd: string
  readonly message: string
  /** Default: all changes. */
  readonly paths?: ReadonlyArray<string> | undefined
  /** Of `PersonGit.markOf`. */
  readonly mark: string
  /** The longest time of hooks and git. Default 5 minutes. */
  readonly deadline?: Duration.DurationInput | undefined
}

export interface Committed {
  /** The id of the new commit. */
  readonly commit: string
  readonly branch: string
  /** At most 500 characters. */
  readonly subject: string
}

/** Input of `--pathspec-from-file`: each path is exactly that file, whatever characters it has. */
const pathspecs = (paths: ReadonlyArray<RawPath.RawPath>) => RawPath.input(paths.map((path) => `:(top,literal)${path}`))
const fromInput = ["--pathspec-from-file=-", "--pathspec-file-nul"]

/** The changed files to commit. Refused if a path has no changes. */
const chosen = ({ cwd, paths, repository }: Request, changed: ReadonlyArray<PersonGit.Changed>) =>
  Effect.gen(function* () {
    if (paths === undefined) return changed
    const byPath = new Map(changed.map((one) => [one.path, one]))
    const below = yield* belowRoot(repository, cwd)
    const wanted = [...new Set(paths)].map((path) => ({
      path,
      found: byPath.get(RawPath.fromBytes(Buffer.from(join(below, path))))
    }))
    const unchanged = wanted.filter(({ found }) => found === undefined).map(({ path }) => path)
    if (unchanged.length > 0)
      return yield* PersonGit.refuse(
        "NothingToCommit",
        `Git knows no changed file ${unchanged.slice(0, 5).join(", ")}${unchanged.length > 5 ? ` and ${unchanged.length - 5} more` : ""}. Name files, relative to the thread's directory, that have changed and are not ignored. Nothing was committed.`
      )
    return wanted.flatMap(({ found }) => (found === undefined ? [] : [found]))
  })

/** The directories above the path. */
const above = (path: RawPath.RawPath): ReadonlyArray<RawPath.RawPath> =>
  [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index))

/** Lines of `ls-files --stage` of the files in whose place are new ones: a directory instead of a file, or the other way round. `add` removes them from the index. */
const replaced = (repository: Repository, untracked: ReadonlyArray<RawPath.RawPath>, tracked: ReadonlyArray<RawPath.RawPath>) => {
  const [files, directories] = [new Set(untracked), new Set(untracked.flatMap(above))]
  const gone = new Set(tracked.filter((path) => directories.has(path) || above(path).some((one) => files.has(one))))
  return gone.size === 0
    ? Effect.succeed([])
    : Effect.map(PersonGit.run(repository, ["ls-files", "--stage", "-z"]), ({ stdout }) =>
        RawPath.fields(stdout).filter((line) => gone.has(line.slice(line.indexOf("\t") + 1)))
      )
}

/** Removes the untracked files from the index that `add` has announced in it, unless a person has added them meanwhile. Restores these lines of the index. */
const forget = (repository: Repository, paths: ReadonlyArray<RawPath.RawPath>, lines: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { stdout } = yield* PersonGit.run(repository, [
      "diff",
      "--name-only",
      "-z",
      "--no-renames",
      "--diff-filter=A",
      "--no-ext-diff"
    ])
    const announced = new Set(RawPath.fields(stdout))
    const input = RawPath.input(paths.filter((path) => announced.has(path)))
    yield* PersonGit.run(repository, ["update-index", "--force-remove", "-z", "--stdin"], { input })
    if (lines.length === 0) return
    yield* PersonGit.run(repository, ["update-index", "-z", "--index-info"], { input: RawPath.input(lines) })
  }).pipe(
    Effect.catchAll(({ message }) =>
      Effect.logWarning(`New files of a refused commit are still announced in the index: ${message}`)
    )
  )

/** Commits these files and no others. The index is as before if git refuses. `changed`: all changed files. */
const only = (request: Request, files: ReadonlyArray<PersonGit.Changed>, changed: ReadonlyArray<PersonGit.Changed>) =>
  Effect.gen(function* () {
    const { deadline = "5 minutes", mark, message, repository } = request
    const untracked = files.filter(({ isUntracked }) => isUntracked).map(({ path }) => path)
    const tracked = changed.filter(({ isUntracked }) => !isUntracked).map(({ path }) => path)
    const lines = yield* replaced(repository, untracked, tracked)
    const announce =
      untracked.length === 0
        ? Effect.void
        : PersonGit.run(repository, ["add", "--intent-to-add", ...fromInput], { input: pathspecs(untracked), deadline })
    // Git would read a file that is a directory now as a repository. The directory's files replace it.
    const directories = new Set(untracked.flatMap(above))
    const commit = PersonGit.run(repository, ["commit", "--quiet", "--only", ...fromInput, "-m", message], {
      input: pathspecs(files.map(({ path }) => path).filter((path) => !directories.has(path))),
      env: PersonGit.marked("commit", mark),
      deadline,
      long: true
    })
    // A hook after the commit can fail or take too long: the commit exists nevertheless.
    const made = Effect.catchAll(Effect.as(commit, "HEAD"), (error) =>
      Effect.filterOrFail(
        PersonGit.earlier(repository, mark),
        (found) => found !== undefined,
        () => error
      )
    )
    return yield* Effect.zipRight(announce, made).pipe(
      Effect.onExit((exit) =>
        Exit.isSuccess(exit) || untracked.length === 0 ? Effect.void : forget(repository, untracked, lines)
      )
    )
  })

/**
 * Commits once: with a mark of an earlier attempt, returns what that made. Refused if there are no changes, no branch is checked out, an operation has not
 * ended, no identity is configured, or git or a hook fails. After a refusal HEAD, refs and index are as before.
 */
export const commit = Effect.fn("Commit.commit")(
  function* (request: Request) {
    const { deadline = "5 minutes", mark, repository } = request
    const branch = yield* PersonGit.branchOf(repository)
    const before = yield* PersonGit.earlier(repository, mark)
    if (before !== undefined) return { ...(yield* PersonGit.described(repository, before)), branch } satisfies Committed
    yield* PersonGit.idle(repository)
    yield* PersonGit.identified(repository)
    const changed = yield* PersonGit.changed(repository, deadline)
    const files = yield* chosen(request, changed)
    if (files.length === 0)
      return yield* PersonGit.refuse("NothingToCommit", "The work tree has no changes. Nothing was committed.")
    const made = yield* only(request, files, changed)
    return { ...(yield* PersonGit.described(repository, made)), branch } satisfies Committed
  },
  Effect.mapError((error) =>
    error._tag === "Refused" ? error : PersonGit.answered(error, "The commit was refused. Nothing was committed.")
  )
)
