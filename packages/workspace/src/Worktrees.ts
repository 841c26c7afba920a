/**
 * Worktrees of threads, in the data directory. Each step leaves either nothing or what `discard` and `release` remove: the record exists before git creates
 * anything (W6). The person's own work tree, index, HEAD and stash are not touched.
 */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { lstat, mkdir, readFile, realpath, rm, stat } from "node:fs/promises"
import { isAbsolute, join, relative, sep } from "node:path"
import * as FileCalls from "@millrace/contracts/FileCalls"
import { make as makePermits } from "@millrace/contracts/Permits"
import { Git, type GitError, GitFailed, type GitOptions } from "./Git.ts"
import { isAbsent, unlessAbsent } from "./FileError.ts"
import * as KeyedPermits from "./KeyedPermits.ts"
import { operations } from "./Operations.ts"
import * as Ports from "./Ports.ts"
import * as RawPath from "./RawPath.ts"
import * as Repository from "./Repository.ts"
import { withoutFilters } from "./Summary.ts"
import * as WorktreeRecord from "./WorktreeRecord.ts"

/** The worktree cannot be created as asked. Nothing was created. */
export class WorktreeRefused extends Schema.TaggedError<WorktreeRefused>()("WorktreeRefused", { message: Schema.String }) {}

export interface Wanted {
  /** The id of its thread. */
  readonly id: string
  /** An existing directory in a work tree. */
  readonly directory: string
  /** What a new branch begins at: a branch, a tag, a commit, or a full ref, which is fetched from `origin` if the repository does not have it. Default: HEAD. */
  readonly base?: string | undefined
  /** A branch that exists, or the name of a new branch. Default: `millrace/ID`. */
  readonly branch?: string | undefined
}

export interface Created {
  /** The directory of the thread: as far below the worktree's root as `directory` is below its root. */
  readonly cwd: string
  readonly branch: string
  readonly commit: string
}

/** What would be lost with a worktree. */
export interface Unsaved {
  /** Changed, staged or untracked files, files whose changes git ignores, or a merge or rebase that has not ended. */
  readonly dirty: boolean
  /** Commits made in it that are on no other branch and on no remote, also of a detached HEAD that it has left. */
  readonly unpushed: number
}

/** Steps of a creation and a removal after which a crash is tested. */
export type Step = "recorded" | "added" | "ready" | "unlocked" | "removed" | "branch-deleted"

export interface Options {
  /** Absolute path of the directory of the worktrees and their records. */
  readonly home: string
  /** For tests. */
  readonly onStep?: (step: Step) => Effect.Effect<void>
}

/** A checkout of a large repository takes minutes on a slow disk. */
const checkoutDeadline = "5 minutes"
const fetchDeadline = "1 minute"
/** Detached heads that are looked at, the latest ones. */
const maxLeft = 100

export class Worktrees extends Context.Tag("@millrace/workspace/Worktrees")<
  Worktrees,
  {
    readonly create: (wanted: Wanted) => Effect.Effect<Created, WorktreeRefused | GitError>
    /** Removes the worktree also with changes. Its new branch goes with it, unless the branch has new commits. For a creation that did not end. */
    readonly discard: (id: string) => Effect.Effect<void, GitError>
    /** Removes the worktree if nothing is lost with it; returns what would be. `undefined`: it is removed, or there was none. Its branch stays, unless it is new and has no commit. */
    readonly release: (id: string) => Effect.Effect<Unsaved | undefined, GitError>
    /** `undefined`: its directory does not exist. */
    readonly unsaved: (record: WorktreeRecord.WorktreeRecord) => Effect.Effect<Unsaved | undefined, GitError>
    /** The record of the worktree in which the directory is. */
    readonly at: (directory: string) => Effect.Effect<WorktreeRecord.WorktreeRecord | undefined>
    /** The first of the 10 ports of the worktree, which no other worktree of this server has. The same at each call. `undefined`: all are assigned. */
    readonly portOf: (id: string) => Effect.Effect<number | undefined>
    /** Runs the effect if the worktree is new, one at a time for each worktree. After a success it is not new any more. */
    readonly ifNew: <E>(id: string, effect: Effect.Effect<void, E>) => Effect.Effect<void, E>
    /** The record of a worktree that the server has, or had. */
    readonly find: (id: string) => Effect.Effect<WorktreeRecord.WorktreeRecord | undefined>
    /** Oldest first. */
    readonly records: Effect.Effect<ReadonlyArray<WorktreeRecord.WorktreeRecord>>
  }
>() {}

/** Creates the directory; its path with links resolved, as git reports it. */
const canonical = async (home: string): Promise<string> => {
  await mkdir(home, { recursive: true, mode: 0o700 })
  return realpath(home)
}

/**
 * Whether there is such a file or directory. A path that the server may not see is a failure, because its content may be there; so is a mount that does not
 * answer, because a process of git that begins in it would stop the event loop.
 */
const exists = (path: string): Effect.Effect<boolean, GitFailed> =>
  FileCalls.ofProcess
    .run(path, () =>
      stat(path).then(
        () => true,
        (cause: unknown) => unlessAbsent(cause) ?? false
      )
    )
    .pipe(Effect.mapError(({ message }) => new GitFailed({ command: "worktree", code: null, stderr: "", message })))

const refuse = (message: string) => new WorktreeRefused({ message })

export const make = ({ home, onStep = () => Effect.void }: Options) =>
  Effect.gen(function* () {
    const git = yield* Git
    const oneBranch = KeyedPermits.make()
    const oneSetup = KeyedPermits.make()
    const oneChange = makePermits(1)
    const text = (args: ReadonlyArray<string>, options: GitOptions) =>
      Effect.map(git.run(args, options), ({ code, stdout }) => (code === 0 ? stdout.toString("utf8").trim() : undefined))
    const commitOf = (cwd: string, ref: string) =>
      text(["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`], { cwd, codes: [0, 1, 128] })

    /** The path of the work tree that has the branch checked out. */
    const holderOf = (cwd: string, branch: string) =>
      Effect.map(git.run(["worktree", "list", "--porcelain", "-z"], { cwd }), ({ stdout }) => {
        const entry = stdout
          .toString("utf8")
          .split("\0\0")
          .find((lines) => lines.split("\0").includes(`branch refs/heads/${branch}`))
        return entry
          ?.split("\0")
          .find((line) => line.startsWith("worktree "))
          ?.slice("worktree ".length)
      })

    const fetched = (cwd: string, ref: string, into: string) =>
      git
        .run(
          [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--refmap=",
            "origin",
            `+${ref}:${into}`
          ],
          {
            cwd,
            deadline: fetchDeadline,
            network: true,
            long: true
          }
        )
        .pipe(
          Effect.mapError((error) =>
            refuse(`The repository has no ${ref}, and it could not be fetched from origin: ${error.message}`)
          ),
          Effect.zipRight(commitOf(cwd, into)),
          Effect.ensuring(Effect.ignore(git.run(["update-ref", "-d", into], { cwd })))
        )

    const baseOf = (cwd: string, { base, id }: Wanted) =>
      Effect.gen(function* () {
        if (base === undefined) {
          const head = yield* commitOf(cwd, "HEAD")
          return head ?? (yield* refuse("The repository has no commit yet. Commit something first, or use the directory itself."))
        }
        const known = yield* commitOf(cwd, base)
        if (known !== undefined) return known
        const isRef = base.startsWith("refs/") && (yield* text(["check-ref-format", base], { cwd, codes: [0, 1] })) !== undefined
        const found = isRef ? yield* fetched(cwd, base, `refs/millrace/fetched/${id}`) : undefined
        return (
          found ??
          (yield* refuse(
            `The repository has no commit ${base}. Name a branch, a tag, a commit, or a full ref such as refs/pull/7/head.`
          ))
        )
      })

    /** The branch, whether it is new, and the commit that it is at. */
    const branchOf = (cwd: string, wanted: Wanted) =>
      Effect.gen(function* () {
        const branch = wanted.branch ?? `millrace/${wanted.id}`
        const isName = yield* text(["check-ref-format", `refs/heads/${branch}`], { cwd, codes: [0, 1] })
        if (isName === undefined || branch.startsWith("-") || branch === "HEAD")
          return yield* refuse(`git does not permit a branch with the name ${branch}. Choose another name.`)
        const commit = yield* commitOf(cwd, `refs/heads/${branch}`)
        if (commit === undefined) return { branch, commit: yield* baseOf(cwd, wanted), isNewBranch: true }
        if (wanted.base !== undefined)
          return yield* refuse(
            `The branch ${branch} exists already. Leave base out to use the branch as it is, or choose another name.`
          )
        const holder = yield* holderOf(cwd, branch)
        if (holder !== undefined)
          return yield* refuse(
            `The branch ${branch} is checked out in ${holder}. Choose another branch, or start a new one from it with base: "${branch}".`
          )
        return { branch, commit, isNewBranch: false }
      })

    const write = (record: WorktreeRecord.WorktreeRecord) => Effect.promise(() => WorktreeRecord.write(home, record))
    /** Ignores a failure of git: an earlier attempt has done it already, or the branch has commits. */
    const attempt = (args: ReadonlyArray<string>, cwd: string) => Effect.exit(git.run(args, { cwd, deadline: checkoutDeadline }))

    /** Removes what exists of the worktree. `force`: also if it has changes. Idempotent. */
    const erase = (record: WorktreeRecord.WorktreeRecord, force: boolean) =>
      Effect.gen(function* () {
        const { branch, commit, id, isNewBranch, repository, root } = record
        if (yield* exists(repository)) {
          yield* attempt(["worktree", "unlock", root], repository)
          yield* onStep("unlocked")
          const isKnown = (yield* text(["worktree", "list", "--porcelain", "-z"], { cwd: repository }))?.includes(
            `worktree ${root}\0`
          )
          if (isKnown === true)
            yield* git.run(["worktree", "remove", ...(force ? ["--force"] : []), root], {
              cwd: repository,
              deadline: checkoutDeadline,
              long: true
            })
          yield* onStep("removed")
          // Only while it is where it began: the compare is part of the update.
          if (isNewBranch && (yield* holderOf(repository, branch)) === undefined)
            yield* attempt(["update-ref", "-d", `refs/heads/${branch}`, commit], repository)
          yield* onStep("branch-deleted")
        }
        if (force) yield* Effect.promise(() => rm(root, { recursive: true, force: true }))
        yield* Effect.promise(() => WorktreeRecord.remove(home, id))
      })

    /** Whether a file exists that is marked `assume-unchanged` (a lower-case letter) or `skip-worktree` (S): `git status` does not look at it. */
    const hasIgnoredChanges = (cwd: string) =>
      Effect.flatMap(git.run(["ls-files", "-v", "-z"], { cwd, deadline: checkoutDeadline }), ({ stdout }) =>
        Effect.promise(async () => {
          for (const line of RawPath.fields(stdout)) {
            if (/^[a-z]/.test(line)) return true
            if (!line.startsWith("S")) continue
            const path = Buffer.concat([Buffer.from(`${cwd}/`), RawPath.toBytes(line.slice(2))])
            // A file that the server may not see is there.
            const isThere = await lstat(path).then(
              () => true,
              (cause: unknown) => !isAbsent(cause)
            )
            if (isThere) return true
          }
          return false
        })
      )

    /** The commits at which this worktree left a detached HEAD, from its own reflog: no branch need have them. */
    const leftHeads = (cwd: string, gitDir: string) =>
      Effect.gen(function* () {
        const reflog = yield* Effect.promise(() => readFile(join(gitDir, "logs/HEAD"), "latin1").catch(() => ""))
        const commits = [
          ...new Set([...reflog.matchAll(/\tcheckout: moving from ([0-9a-f]{40,64}) to /g)].map(([, id]) => id ?? ""))
        ]
        const found = yield* Effect.forEach(commits.slice(-maxLeft), (id) => commitOf(cwd, id))
        return found.filter((id) => id !== undefined)
      })

    const unsaved = ({ branch, commit, root }: WorktreeRecord.WorktreeRecord) =>
      Effect.gen(function* () {
        const cwd = root
        const env = yield* Effect.provideService(withoutFilters(cwd), Git, git)
        const status = yield* text(["status", "--porcelain", "-z", "--untracked-files=normal"], {
          cwd,
          env,
          deadline: checkoutDeadline
        })
        const gitDir = (yield* text(["rev-parse", "--absolute-git-dir"], { cwd })) ?? root
        const isBusy = (yield* Effect.forEach(Object.keys(operations), (name) => exists(join(gitDir, name)))).includes(true)
        const heads = yield* leftHeads(cwd, gitDir)
        const unpushed = yield* text(
          ["rev-list", "--count", "HEAD", ...heads, "--not", commit, `--exclude=${branch}`, "--branches", "--remotes"],
          { cwd }
        )
        return { dirty: status !== "" || isBusy || (yield* hasIgnoredChanges(cwd)), unpushed: Number(unpushed) }
      })

    const found = (id: string) => Effect.promise(() => WorktreeRecord.read(home, id))

    /** Changes a record that exists. One change at a time, so that none is lost and no two worktrees get the same port. */
    const change = (
      id: string,
      changed: (record: WorktreeRecord.WorktreeRecord) => Effect.Effect<WorktreeRecord.WorktreeRecord>
    ) =>
      oneChange(
        Effect.flatMap(found(id), (record) =>
          record === undefined
            ? Effect.succeed(undefined)
            : Effect.tap(changed(record), (next) => (next === record ? Effect.void : write(next)))
        )
      )

    const discard = (id: string) =>
      Effect.flatMap(found(id), (record) => (record === undefined ? Effect.void : erase(record, true)))

    return Worktrees.of({
      records: Effect.promise(() => WorktreeRecord.all(home)),
      discard,
      unsaved: (record) =>
        Effect.flatMap(exists(record.root), (isThere) => (isThere ? unsaved(record) : Effect.succeed(undefined))),
      find: found,
      at: (directory) =>
        Effect.gen(function* () {
          const inHome = relative(yield* Effect.promise(() => realpath(home).catch(() => home)), directory)
          const [id = ""] = inHome.split(sep)
          if (id === "" || id === ".." || isAbsolute(inHome)) return undefined
          return yield* found(id)
        }),
      portOf: (id) =>
        change(id, (record) => {
          if (record.port !== undefined) return Effect.succeed(record)
          return Effect.map(
            Effect.promise(() => WorktreeRecord.all(home)),
            (records) => {
              const port = Ports.free(
                home,
                records.map((one) => one.port)
              )
              return port === undefined ? record : { ...record, port }
            }
          )
        }).pipe(Effect.map((record) => record?.port)),
      ifNew: (id, effect) =>
        oneSetup(id)(
          Effect.flatMap(found(id), (record) =>
            record?.isNew === true
              ? Effect.zipRight(effect, Effect.asVoid(change(id, ({ isNew: _new, ...rest }) => Effect.succeed(rest))))
              : Effect.void
          )
        ),
      release: (id) =>
        Effect.gen(function* () {
          const record = yield* found(id)
          if (record === undefined) return undefined
          if (!record.isReady) return yield* Effect.as(erase(record, true), undefined)
          if (yield* exists(record.root)) {
            const left = yield* unsaved(record)
            if (left.dirty || left.unpushed > 0) return left
          }
          return yield* Effect.as(erase(record, false), undefined)
        }),
      create: (wanted) =>
        Effect.gen(function* () {
          const { directory, id } = wanted
          const { commonDir: repository, root: top } = yield* Repository.find(directory).pipe(
            Effect.provideService(Git, git),
            Effect.catchTags({
              NotARepository: ({ message }) => refuse(`A worktree needs a git repository that is not bare. ${message}`),
              RepositoryRefused: ({ message }) => refuse(message)
            })
          )
          // Two creations of one branch would both find that it is new.
          return yield* oneBranch(`${repository}\0${wanted.branch ?? id}`)(
            Effect.gen(function* () {
              const { branch, commit, isNewBranch } = yield* branchOf(directory, wanted)
              const below = relative(top, directory)
              if (
                below !== "" &&
                (yield* text(["cat-file", "-t", `${commit}:${below}`], { cwd: directory, codes: [0, 128] })) !== "tree"
              )
                return yield* refuse(
                  `The commit ${commit} has no directory ${below}. Choose another base, or a project at the repository's root.`
                )
              const root = join(yield* Effect.promise(() => canonical(home)), id)
              const record = {
                id,
                directory,
                repository,
                root,
                branch,
                isNewBranch,
                commit,
                isReady: false,
                isNew: true,
                createdAt: yield* Clock.currentTimeMillis
              }
              const add = git.run(
                [
                  "worktree",
                  "add",
                  "--quiet",
                  "--lock",
                  "--reason",
                  `Millrace ${id}`,
                  ...(isNewBranch ? ["--no-track", "-b", branch] : []),
                  root,
                  isNewBranch ? commit : branch
                ],
                { cwd: directory, deadline: checkoutDeadline, long: true }
              )
              yield* write(record)
              yield* onStep("recorded").pipe(
                Effect.zipRight(add),
                Effect.zipRight(onStep("added")),
                Effect.zipRight(write({ ...record, isReady: true })),
                Effect.zipRight(onStep("ready")),
                Effect.onError(() => Effect.ignore(discard(id)))
              )
              return { cwd: join(root, below), branch, commit }
            })
          )
        })
    })
  })

/** Needs `Git`. */
export const layer = (options: Options) => Layer.effect(Worktrees, make(options))
