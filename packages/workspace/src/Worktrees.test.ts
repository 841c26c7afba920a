import { expect, it } from "@effect/vitest"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import * as Git from "./Git.ts"
import * as Worktrees from "./Worktrees.ts"

// With the real clock, because git is a real process.
const services = Layer.provide(Git.layer, layerMemory)
const sh = (cwd: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], {
    cwd,
    encoding: "utf8",
    stdio: "pipe"
  }).trim()

/** A repository in which a person works: one commit, a staged, a changed, an untracked and an ignored file, and a stash. */
const person = Effect.map(temporaryDirectory, (base) => {
  const repository = join(base, "repository")
  mkdirSync(join(repository, "app"), { recursive: true })
  sh(repository, "init", "-q", "-b", "main")
  for (const name of ["a.txt", "b.txt", "app/c.txt"]) writeFileSync(join(repository, name), name)
  writeFileSync(join(repository, ".gitignore"), "*.log\n")
  sh(repository, "add", "-A")
  sh(repository, "commit", "-qm", "one")
  writeFileSync(join(repository, "a.txt"), "stashed")
  sh(repository, "stash", "-q")
  writeFileSync(join(repository, "b.txt"), "staged")
  sh(repository, "add", "b.txt")
  writeFileSync(join(repository, "a.txt"), "changed")
  writeFileSync(join(repository, "new.txt"), "untracked")
  writeFileSync(join(repository, "x.log"), "ignored")
  return { base, home: join(base, "home"), repository }
})
/** All that is the person's, and all refs. */
const seen = (repository: string) => ({
  index: readFileSync(join(repository, ".git/index")).toString("base64"),
  head: readFileSync(join(repository, ".git/HEAD"), "utf8"),
  refs: sh(repository, "for-each-ref"),
  stash: sh(repository, "stash", "list"),
  files: ["a.txt", "b.txt", "app/c.txt", "new.txt", "x.log"].map((name) => readFileSync(join(repository, name), "utf8")),
  worktrees: sh(repository, "worktree", "list"),
  admin: existsSync(join(repository, ".git/worktrees")) ? readdirSync(join(repository, ".git/worktrees")) : []
})
const recordsOf = (home: string) => (existsSync(home) ? readdirSync(home) : [])

it.scopedLive(
  "W1 W6 a worktree has a new branch, is locked, and leaves the person's files, index, HEAD and stash as they are",
  () =>
    Effect.gen(function* () {
      const { home, repository } = yield* person
      const { create, records, release, unsaved } = yield* Worktrees.make({ home })
      const before = seen(repository)
      const created = yield* create({ id: "thr_1", directory: join(repository, "app") })
      expect(created).toEqual({
        cwd: join(home, "thr_1/app"),
        branch: "millrace/thr_1",
        commit: sh(repository, "rev-parse", "HEAD")
      })
      expect(readFileSync(join(home, "thr_1/a.txt"), "utf8")).toBe("a.txt")
      expect(sh(created.cwd, "branch", "--show-current")).toBe("millrace/thr_1")
      expect(sh(repository, "worktree", "list", "--porcelain")).toContain("locked Millrace thr_1")
      const { admin: _, refs: __, worktrees: ___, ...own } = seen(repository)
      expect(before).toMatchObject(own)
      const [record] = yield* records
      if (record === undefined) return expect.unreachable()
      expect(record).toMatchObject({ id: "thr_1", isReady: true, isNewBranch: true })

      writeFileSync(join(created.cwd, "work.txt"), "work")
      expect(yield* release("thr_1")).toEqual({ dirty: true, unpushed: 0 })
      sh(created.cwd, "add", "-A")
      expect(yield* release("thr_1")).toEqual({ dirty: true, unpushed: 0 })
      sh(created.cwd, "commit", "-qm", "work")
      expect(yield* release("thr_1")).toEqual({ dirty: false, unpushed: 1 })
      // Also if the branch is no longer checked out.
      sh(created.cwd, "checkout", "-q", "--detach")
      sh(created.cwd, "commit", "-q", "--allow-empty", "-m", "detached")
      expect(yield* unsaved(record)).toEqual({ dirty: false, unpushed: 2 })
      sh(repository, "branch", "kept", sh(created.cwd, "rev-parse", "HEAD"))
      expect(yield* release("thr_1")).toBeUndefined()
      // The branch has a commit, so it stays.
      expect(sh(repository, "branch", "--list", "millrace/*")).toContain("millrace/thr_1")
      expect([recordsOf(home), yield* release("thr_1")]).toEqual([[], undefined])
      expect({ ...seen(repository), refs: "" }).toEqual({ ...before, refs: "" })
    }).pipe(Effect.provide(services))
)

it.scopedLive("W6 commits of a detached HEAD that was left, and files whose changes git ignores, keep the worktree", () =>
  Effect.gen(function* () {
    const { home, repository } = yield* person
    const { create, release } = yield* Worktrees.make({ home })
    const { branch, cwd } = yield* create({ id: "thr_1", directory: repository })
    sh(cwd, "checkout", "-q", "--detach")
    sh(cwd, "commit", "-q", "--allow-empty", "-m", "detached")
    const detached = sh(cwd, "rev-parse", "HEAD")
    sh(cwd, "checkout", "-q", branch)
    expect(yield* release("thr_1")).toEqual({ dirty: false, unpushed: 1 })
    sh(repository, "branch", "kept", detached)
    for (const mark of ["assume-unchanged", "skip-worktree"]) {
      sh(cwd, "update-index", `--${mark}`, "a.txt")
      writeFileSync(join(cwd, "a.txt"), "changed")
      expect([mark, yield* release("thr_1")]).toEqual([mark, { dirty: true, unpushed: 0 }])
      sh(cwd, "update-index", `--no-${mark}`, "a.txt")
      sh(cwd, "checkout", "-q", "a.txt")
    }
    // A file outside of a sparse checkout is marked, but does not exist.
    sh(cwd, "update-index", "--skip-worktree", "app/c.txt")
    rmSync(join(cwd, "app/c.txt"))
    expect(yield* release("thr_1")).toBeUndefined()
  }).pipe(Effect.provide(services))
)

it.scopedLive(
  "W6 a branch that exists is used as it is, a ref of origin is fetched, and what cannot be done is refused with nothing created",
  () =>
    Effect.gen(function* () {
      const { base, home, repository } = yield* person
      const { create, release } = yield* Worktrees.make({ home })
      const origin = join(base, "origin")
      sh(base, "clone", "-q", "--bare", repository, origin)
      const pull = sh(origin, "commit-tree", "-m", "pull", `${sh(origin, "rev-parse", "main^{tree}")}`)
      sh(origin, "update-ref", "refs/pull/7/head", pull)
      sh(origin, "update-ref", "refs/heads/later", pull)
      sh(repository, "remote", "add", "origin", origin)
      sh(repository, "branch", "feature")
      const before = seen(repository)
      const refused = (wanted: Partial<Worktrees.Wanted>) =>
        Effect.map(Effect.flip(create({ id: "thr_x", directory: repository, ...wanted })), (error) => {
          expect([error._tag, seen(repository), recordsOf(home)]).toEqual(["WorktreeRefused", before, []])
          return error.message
        })
      const bare = join(base, "bare")
      sh(base, "init", "-q", "--bare", bare)
      const empty = join(base, "empty")
      sh(base, "init", "-q", empty)
      expect([
        yield* refused({ branch: "main" }),
        yield* refused({ branch: "feature", base: "main" }),
        yield* refused({ branch: "a..b" }),
        yield* refused({ branch: "-f" }),
        yield* refused({ base: "--all" }),
        yield* refused({ base: "nothing" }),
        yield* refused({ base: "refs/pull/8/head" }),
        yield* refused({ directory: base }),
        yield* refused({ directory: bare }),
        yield* refused({ directory: empty })
      ]).toEqual(
        [
          /^The branch main is checked out in .*repository\. Choose another branch/,
          /^The branch feature exists already\. Leave base out/,
          /^git does not permit a branch with the name a\.\.b\./,
          /^git does not permit a branch with the name -f\./,
          /^The repository has no commit --all\./,
          /^The repository has no commit nothing\./,
          /^The repository has no refs\/pull\/8\/head, and it could not be fetched from origin/,
          /^A worktree needs a git repository/,
          /^A worktree needs a git repository/,
          /^The repository has no commit yet\./
        ].map((message) => expect.stringMatching(message))
      )
      const used = yield* create({ id: "thr_2", directory: repository, branch: "feature" })
      expect([used.branch, sh(used.cwd, "branch", "--show-current")]).toEqual(["feature", "feature"])
      expect((yield* Effect.flip(create({ id: "thr_3", directory: repository, branch: "feature" }))).message).toMatch(
        /checked out in/
      )
      const fetched = yield* create({ id: "thr_4", directory: repository, base: "refs/pull/7/head", branch: "pr-7" })
      expect(fetched).toMatchObject({ branch: "pr-7", commit: pull })
      expect(existsSync(join(repository, ".git/FETCH_HEAD"))).toBe(false)
      // The person's own record of origin changes only with the person's fetch.
      yield* create({ id: "thr_5", directory: repository, base: "refs/heads/later", branch: "later-5" })
      expect(sh(repository, "branch", "--remotes")).toBe("")
      expect(yield* release("thr_5")).toBeUndefined()
      expect(yield* release("thr_2")).toBeUndefined()
      // The fetched commit is not lost with it: it was not made there.
      expect(yield* release("thr_4")).toBeUndefined()
      expect(seen(repository)).toEqual(before)
    }).pipe(Effect.provide(services))
)

it.scopedLive("W6 a crash at any step of a creation or a removal leaves nothing half: the next release removes the rest", () =>
  Effect.gen(function* () {
    const { base, home, repository } = yield* person
    const before = seen(repository)
    const steps: ReadonlyArray<Worktrees.Step> = ["recorded", "added", "ready", "unlocked", "removed", "branch-deleted"]
    for (const step of steps) {
      /** The disk at the step, as a crash would leave it. */
      const image = join(base, `image-${step}`)
      const copy = Effect.sync(() => {
        mkdirSync(image)
        for (const name of ["home", "repository"])
          cpSync(join(base, name), join(image, name), { recursive: true, preserveTimestamps: true })
      })
      const crashing = yield* Worktrees.make({ home, onStep: (now) => (now === step ? copy : Effect.void) })
      yield* crashing.create({ id: "thr_1", directory: repository })
      yield* crashing.release("thr_1")
      expect([step, seen(repository), recordsOf(home)]).toEqual([step, before, []])
      for (const name of ["home", "repository"]) {
        rmSync(join(base, name), { recursive: true })
        renameSync(join(image, name), join(base, name))
      }
      const next = yield* Worktrees.make({ home })
      expect((yield* next.records).map(({ id }) => id)).toEqual(["thr_1"])
      expect([step, yield* next.release("thr_1")]).toEqual([step, undefined])
      expect([step, { ...seen(repository), index: "" }, recordsOf(home)]).toEqual([step, { ...before, index: "" }, []])
    }
    // Interrupted: the caller has left, and nothing is left.
    const next = yield* Worktrees.make({ home, onStep: (now) => (now === "recorded" ? Effect.interrupt : Effect.void) })
    yield* Effect.exit(next.create({ id: "thr_2", directory: repository }))
    expect([recordsOf(home), seen(repository).worktrees]).toEqual([[], before.worktrees])
  }).pipe(Effect.provide(services))
)

it.scopedLive("W2 W6 what would be lost with a worktree is found without running a filter", () =>
  Effect.gen(function* () {
    const { base, home, repository } = yield* person
    const { create, records, unsaved } = yield* Worktrees.make({ home })
    const { cwd } = yield* create({ id: "thr_1", directory: repository })
    sh(repository, "config", "filter.trap.clean", `touch '${join(base, "ran")}'; cat`)
    sh(repository, "config", "filter.trap.required", "true")
    writeFileSync(join(repository, ".git/info/attributes"), "*.txt filter=trap\n")
    // Another time and the same bytes, so that git reads the file.
    utimesSync(join(cwd, "a.txt"), 1, 1)
    const [record] = yield* records
    expect(record === undefined ? undefined : yield* unsaved(record)).toEqual({ dirty: false, unpushed: 0 })
    expect(existsSync(join(base, "ran"))).toBe(false)
  }).pipe(Effect.provide(services))
)

it.scopedLive("W6 of two creations with the same new branch one is refused, and the other has the branch", () =>
  Effect.gen(function* () {
    const { home, repository } = yield* person
    const { create, records } = yield* Worktrees.make({ home })
    const wanted = { directory: repository, branch: "topic" }
    const made = yield* Effect.forEach(["thr_1", "thr_2", "thr_3"], (id) => Effect.either(create({ id, ...wanted })), {
      concurrency: "unbounded"
    })
    const refused = made.flatMap((one) => (one._tag === "Left" ? [one.left] : []))
    expect(refused.map(({ _tag }) => _tag)).toEqual(["WorktreeRefused", "WorktreeRefused"])
    const [record, ...more] = yield* records
    expect(more).toEqual([])
    expect(sh(record?.root ?? "", "branch", "--show-current")).toBe("topic")
  }).pipe(Effect.provide(services))
)

it.scopedLive("W6 a worktree that the server cannot see is not taken for a missing one, and keeps its record", () =>
  Effect.gen(function* () {
    const { base, home, repository } = yield* person
    const { create, discard, records, release, unsaved } = yield* Worktrees.make({ home })
    const { cwd } = yield* create({ id: "thr_1", directory: repository })
    writeFileSync(join(cwd, "work.txt"), "work")
    renameSync(cwd, join(base, "elsewhere"))
    // Neither there nor absent: each access fails, as without a permission.
    symlinkSync(cwd, cwd)
    const [record] = yield* records
    if (record === undefined) return expect.unreachable()
    expect(yield* Effect.flip(unsaved(record))).toMatchObject({ _tag: "GitFailed", message: expect.stringContaining("ELOOP") })
    expect(yield* Effect.flip(release("thr_1"))).toMatchObject({ _tag: "GitFailed" })
    expect(yield* records).toHaveLength(1)
    rmSync(cwd)
    expect(yield* unsaved(record)).toBeUndefined()
    renameSync(join(base, "elsewhere"), cwd)
    expect(yield* release("thr_1")).toEqual({ dirty: true, unpushed: 0 })
    yield* discard("thr_1")
  }).pipe(Effect.provide(services))
)
