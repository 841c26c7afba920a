import { expect, it } from "@effect/vitest"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Layer } from "effect"
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { vi } from "vitest"
import { commitAll, files, git, init, write } from "../test/Person.ts"
import * as Commit from "./Commit.ts"
import * as Git from "./Git.ts"
import * as Repository from "./Repository.ts"

// With the real clock, because git is a real process.
const services = Layer.provide(Git.layer, layerMemory)

/** A person's repository with an identity, a staged, a changed, an untracked and a stashed file. `home`: instead of the configuration of the machine. */
const person = Effect.map(temporaryDirectory, (base) => {
  const root = join(realpathSync(base), "repository")
  vi.stubEnv("HOME", base)
  vi.stubEnv("XDG_CONFIG_HOME", join(base, "none"))
  init(root)
  write(root, { "a.txt": "a", "b.txt": "b", "gone.txt": "gone", "app/c.txt": "c", ".gitignore": "*.log\n" })
  commitAll(root)
  write(root, { "a.txt": "stashed" })
  git(root, "stash", "-q")
  git(root, "config", "user.name", "Ada")
  git(root, "config", "user.email", "ada@example.com")
  write(root, { "b.txt": "staged", "staged.txt": "new" })
  git(root, "add", "b.txt", "staged.txt")
  write(root, { "b.txt": "changed since", "a.txt": "changed", "own.txt": "untracked", "x.log": "ignored" })
  return root
})
const hook = (root: string, name: string, script: string) => {
  const path = join(root, ".git/hooks", name)
  mkdirSync(join(root, ".git/hooks"), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}
/** What must be the same after a refusal: HEAD, refs, stash, every file, and what is staged. */
const seen = (root: string) => ({
  staged: git(root, "status", "--porcelain=v2", "-z", "--untracked-files=all"),
  git: files(join(root, ".git"), ["objects", "index", "COMMIT_EDITMSG", "config", "hooks", "index.lock", "MERGE_HEAD"]),
  files: files(root)
})
const commit = (root: string, more: Partial<Commit.Request> = {}) =>
  Effect.flatMap(Repository.find(root), (repository) =>
    Commit.commit({ repository, cwd: root, message: "Work\n\nOf the agent.", mark: "m", ...more })
  )
const committed = (root: string) => git(root, "-c", "core.quotePath=false", "show", "--name-status", "--format=", "HEAD").trim()

it.scopedLive("W9 only the named files are committed, by the person's identity; what else is staged stays staged", () =>
  Effect.gen(function* () {
    const root = yield* person
    hook(
      root,
      "pre-commit",
      'git diff --cached --name-only > "$(git rev-parse --git-dir)/hooked"; env | grep -c MILLRACE_TOKEN >&2; true'
    )
    const names = ["-dash", "a b", "st*r", "[b].txt", ":(top)x", "\u00e4.txt", "app/new.txt", 'quo"te\nline']
    write(root, Object.fromEntries(names.map((name) => [name, name])))
    write(root, { star: "matches the glob", "a.txt": "by the agent" })
    rmSync(join(root, "gone.txt"))
    const { branch, commit: id, subject } = yield* commit(root, { paths: [...names, "a.txt", "gone.txt", "./a.txt"] })
    expect([branch, subject, git(root, "rev-parse", "HEAD").trim()]).toEqual(["main", "Work", id])
    expect(git(root, "log", "-1", "--format=%an %ae %cn %B")).toBe("Ada ada@example.com Ada Work\n\nOf the agent.\n\n")
    const expected = [...names.map((name) => `A ${name}`), "M a.txt", "D gone.txt"].map((line) =>
      Buffer.from(line).toString("latin1")
    )
    const found = git(root, "show", "-z", "--name-status", "--format=", "HEAD")
      .split("\0")
      .filter((part) => part !== "")
    expect(found.flatMap((part, at) => (at % 2 === 0 ? [`${part} ${found[at + 1]}`] : [])).toSorted()).toEqual(
      expected.toSorted()
    )
    expect(git(root, "status", "--porcelain").trim().split("\n")).toEqual(["MM b.txt", "A  staged.txt", "?? own.txt", "?? star"])
    expect(git(root, "show", ":b.txt")).toBe("staged")
    expect(git(root, "stash", "list")).toMatch(/^stash@\{0\}/)
    expect(readFileSync(join(root, ".git/hooked"), "utf8")).not.toContain("staged.txt")

    // The same command again, as after a crash before its answer.
    write(root, { "a.txt": "changed again" })
    expect((yield* commit(root, { paths: ["a.txt"] })).commit).toBe(id)
    // From a directory below the root.
    write(root, { "app/c.txt": "changed" })
    // The project was moved, and a link to it is in its place.
    symlinkSync(root, `${root}-before`)
    yield* commit(root, { cwd: join(`${root}-before`, "app"), paths: ["c.txt"], mark: "below" })
    expect(committed(root)).toBe("M\tapp/c.txt")
    // Everything.
    yield* commit(root, { mark: "all" })
    expect(git(root, "status", "--porcelain", "--ignored").trim()).toBe("!! x.log")
  }).pipe(Effect.provide(services))
)

it.scopedLive("W9 what git or a hook refuses changes nothing, and the error says why", () =>
  Effect.gen(function* () {
    const root = yield* person
    const before = seen(root)
    const refused = (rule: string, message: string, more: Partial<Commit.Request> = {}) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(commit(root, more))
        expect(error).toMatchObject({ _tag: "Refused", rule, message: expect.stringContaining(message) })
        expect(seen(root)).toEqual(before)
      })
    for (const paths of [
      ["none.txt", "x.log", "app", ".", "gone.txt"],
      ["../repository/a.txt/", "/etc/passwd", "*.txt", ".git/config", ""]
    ])
      yield* refused("NothingToCommit", paths.join(", "), { paths: ["a.txt", ...paths] })
    git(root, "config", "--unset", "user.email")
    yield* refused("IdentityMissing", "git config user.email")
    git(root, "config", "user.email", "ada@example.com")
    hook(root, "pre-commit", "echo the tests fail at https://me:secret@host/; exit 1")
    yield* refused("GitRefused", "the tests fail at https://host")
    yield* refused("GitRefused", "the tests fail", { paths: ["own.txt", "a.txt"] })
    hook(root, "pre-commit", "sleep 60")
    yield* refused("GitRefused", "did not finish within", { deadline: "700 millis", paths: ["own.txt"] })
    rmSync(join(root, ".git/hooks/pre-commit"))
    git(root, "config", "commit.gpgSign", "true")
    git(root, "config", "gpg.program", "/bin/false")
    yield* refused("GitRefused", "sign")
    git(root, "config", "commit.gpgSign", "false")
    writeFileSync(join(root, ".git/index.lock"), "")
    yield* refused("GitRefused", "index.lock", { paths: ["own.txt"] })
    rmSync(join(root, ".git/index.lock"))
    writeFileSync(join(root, ".git/MERGE_HEAD"), git(root, "rev-parse", "HEAD"))
    yield* refused("GitRefused", "A merge in")
    rmSync(join(root, ".git/MERGE_HEAD"))
    // Git ends in a hook after the commit: the commit exists.
    hook(root, "post-commit", "kill -KILL $PPID")
    const { commit: id } = yield* commit(root, { paths: ["own.txt"] })
    expect([git(root, "rev-parse", "HEAD").trim(), committed(root)]).toEqual([id, "A\town.txt"])
    rmSync(join(root, ".git/hooks/post-commit"))
    yield* commit(root, { mark: "rest" })
    expect(yield* Effect.flip(commit(root, { mark: "again" }))).toMatchObject({ rule: "NothingToCommit" })
    git(root, "checkout", "-q", "--detach")
    expect(yield* Effect.flip(commit(root, { mark: "again" }))).toMatchObject({
      message: expect.stringContaining("detached HEAD")
    })
    expect(existsSync(join(root, ".git/index.lock"))).toBe(false)
  }).pipe(Effect.provide(services))
)

it.scopedLive(
  "W9 a hook that resets and refuses made no commit, and files that became directories are in the index as before",
  () =>
    Effect.gen(function* () {
      const root = yield* person
      rmSync(join(root, "gone.txt"))
      rmSync(join(root, "app"), { recursive: true })
      write(root, { "gone.txt/new.txt": "new", app: "now a file" })
      const before = seen(root)
      // As lint-staged does when a task fails. The reset writes to the reflog.
      hook(root, "pre-commit", "git reset --quiet; exit 1")
      for (const paths of [undefined, ["b.txt"]]) {
        expect(yield* Effect.flip(commit(root, { paths }))).toMatchObject({ rule: "GitRefused" })
        expect({ ...seen(root), git: undefined }).toEqual({ ...before, git: undefined })
      }
      rmSync(join(root, ".git/hooks/pre-commit"))
      yield* commit(root)
      expect(committed(root).split("\n")).toEqual(
        expect.arrayContaining(["A\tapp", "D\tapp/c.txt", "D\tgone.txt", "A\tgone.txt/new.txt"])
      )
      expect(git(root, "status", "--porcelain").trim()).toBe("")
    }).pipe(Effect.provide(services))
)
