import { expect, it } from "@effect/vitest"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Layer } from "effect"
import { realpathSync, rmSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { vi } from "vitest"
import { commitAll, files, git, init, write } from "../test/Person.ts"
import * as Git from "./Git.ts"
import * as Merge from "./Merge.ts"
import * as Push from "./Push.ts"
import * as Repository from "./Repository.ts"

// With the real clock, because git is a real process.
const services = Layer.provide(Git.layer, layerMemory)

/** A person's repository with a stash, an untracked and an ignored file, a worktree on the branch `topic` with two commits, and a bare remote `away`. */
const setUp = Effect.map(temporaryDirectory, (directory) => {
  const base = realpathSync(directory)
  const [root, tree, away] = [join(base, "repository"), join(base, "tree"), join(base, "away.git")]
  vi.stubEnv("HOME", base)
  vi.stubEnv("XDG_CONFIG_HOME", join(base, "none"))
  init(root)
  write(root, { "a.txt": "a\n", "b.txt": "b\n", ".gitignore": "*.log\nlogs\n" })
  commitAll(root)
  write(root, { "a.txt": "stashed" })
  git(root, "stash", "-q")
  git(root, "config", "user.name", "Ada")
  git(root, "config", "user.email", "ada@example.com")
  git(root, "worktree", "add", "-q", "-b", "topic", tree)
  write(root, { "own.txt": "untracked", "x.log": "ignored", logs: "ignored" })
  write(tree, { "a.txt": "half\n" })
  commitAll(tree, "half")
  write(tree, { "a.txt": "of the agent\n" })
  commitAll(tree, "work")
  git(base, "init", "-q", "--bare", away)
  git(root, "remote", "add", "away", away)
  return { away, root, tree }
})
/** What must be the same after a refusal: HEAD, refs, stash, every file, and the index. */
const seen = (root: string, skip: ReadonlyArray<string> = []) => ({
  status: git(root, "status", "--porcelain=v2"),
  git: files(join(root, ".git"), [
    "objects",
    "index",
    "ORIG_HEAD",
    "AUTO_MERGE",
    "COMMIT_EDITMSG",
    "config",
    "hooks",
    "worktrees",
    ...skip
  ]),
  files: files(root)
})
const merge = (root: string, tree: string, mark = "m") =>
  Effect.gen(function* () {
    const [source, target] = [yield* Repository.find(tree), yield* Repository.find(root)]
    return yield* Merge.merge({ source, target, mark })
  })
const push = (tree: string, remote?: string) =>
  Effect.flatMap(Repository.find(tree), (repository) => Push.push({ repository, remote }))

it.scopedLive("W9 a worktree is merged back by fast-forward or by a merge commit, once; what git does not track stays", () =>
  Effect.gen(function* () {
    const { root, tree } = yield* setUp
    const first = yield* merge(root, tree)
    expect(first).toEqual({ commit: git(tree, "rev-parse", "HEAD").trim(), branch: "topic", into: "main" })
    expect(git(root, "status", "--porcelain", "--ignored").trim().split("\n")).toEqual(["?? own.txt", "!! logs", "!! x.log"])
    expect(files(root)["a.txt"]).toBe(files(tree)["a.txt"])

    write(root, { "b.txt": "of the person\n" })
    git(root, "commit", "-q", "-am", "mine")
    write(tree, { "c.txt": "new\n" })
    commitAll(tree, "more")
    // The same command again, as after a crash before its answer.
    expect(yield* merge(root, tree)).toEqual(first)
    const second = yield* merge(root, tree, "second")
    expect(git(root, "log", "-1", "--format=%H %an %s %P").trim()).toBe(
      `${second.commit} Ada Merge branch 'topic' ${git(root, "rev-parse", "HEAD^").trim()} ${git(tree, "rev-parse", "HEAD").trim()}`
    )
    expect(git(root, "stash", "list")).toMatch(/^stash@\{0\}/)
    expect(yield* Effect.flip(merge(root, tree, "third"))).toMatchObject({ rule: "NothingToCommit" })
  }).pipe(Effect.provide(services))
)

it.scopedLive("W9 a merge that conflicts, is refused or would replace a file of the person changes nothing", () =>
  Effect.gen(function* () {
    const { root, tree } = yield* setUp
    const refused = (rule: string, message: string, ...skip: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const before = seen(root, skip)
        const error = yield* Effect.flip(merge(root, tree))
        expect(error).toMatchObject({ _tag: "Refused", rule, message: expect.stringContaining(message) })
        expect(seen(root, skip)).toEqual(before)
      })
    write(tree, { "half.txt": "half" })
    yield* refused("GitRefused", `${tree} has changes`)
    unlinkSync(join(tree, "half.txt"))
    write(root, { "b.txt": "changed" })
    yield* refused("GitRefused", `${root} has changes`)
    git(root, "checkout", "-q", "b.txt")

    write(root, { "b.txt": "of the person\n" })
    git(root, "commit", "-q", "-am", "mine")
    // Git would replace these ignored files without a question, whatever --no-overwrite-ignore says: it is for a fast-forward only.
    write(tree, { "x.log": "tracked here", "logs/new": "tracked here" })
    git(tree, "add", "-f", "x.log", "logs/new")
    git(tree, "commit", "-q", "-m", "logs")
    yield* refused("GitRefused", "x.log")
    yield* refused("GitRefused", "logs")
    git(tree, "reset", "-q", "--hard", "HEAD^")
    git(root, "config", "--unset", "user.name")
    yield* refused("IdentityMissing", "user.name")
    git(root, "config", "user.name", "Ada")
    writeFileSync(join(root, ".git/hooks/pre-merge-commit"), "#!/bin/sh\necho not now\nexit 1\n", { mode: 0o755 })
    // The reflog of HEAD says that the merge was taken back.
    yield* refused("GitRefused", "not now", "logs")
    rmSync(join(root, ".git/hooks/pre-merge-commit"))
    write(root, { "a.txt": "of the person\n" })
    git(root, "commit", "-q", "-am", "other")
    yield* refused("MergeConflict", "conflicts with main in a.txt.")
  }).pipe(Effect.provide(services))
)

it.scopedLive("W9 a branch is pushed with an upstream to a remote that is configured, and never by force", () =>
  Effect.gen(function* () {
    const { away, root, tree } = yield* setUp
    const head = git(tree, "rev-parse", "HEAD").trim()
    expect(yield* push(tree)).toEqual({ commit: head, branch: "topic", remote: "away" })
    expect(git(away, "rev-parse", "refs/heads/topic").trim()).toBe(head)
    expect(git(tree, "rev-parse", "--abbrev-ref", "topic@{upstream}").trim()).toBe("away/topic")
    expect(yield* push(tree, "away")).toMatchObject({ commit: head })
    for (const remote of ["none", away, "--mirror", "ext::sh -c true"])
      expect(yield* Effect.flip(push(tree, remote))).toMatchObject({
        rule: "GitRefused",
        message: expect.stringContaining("It has: away.")
      })
    git(tree, "commit", "-q", "--amend", "-m", "rewritten")
    expect(yield* Effect.flip(push(tree))).toMatchObject({ rule: "GitRefused", message: expect.stringContaining("rejected") })
    expect(git(away, "rev-parse", "refs/heads/topic").trim()).toBe(head)
    git(root, "remote", "set-url", "away", "http://me:secret@127.0.0.1:1/r.git")
    const error = yield* Effect.flip(push(tree))
    expect(error).toMatchObject({ rule: "GitRefused", message: expect.not.stringContaining("secret") })
  }).pipe(Effect.provide(services))
)
