import { expect, it } from "@effect/vitest"
import { layerMemory } from "@millrace/providers/process/Ledger"
import * as Deadline from "@millrace/testing/Deadline"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Fiber, Layer, type Scope } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Git from "./Git.ts"
import * as RawPath from "./RawPath.ts"
import * as Repository from "./Repository.ts"

const services = Layer.provide(Git.layer, layerMemory)
const sh = (cwd: string, ...args: ReadonlyArray<string>) => execFileSync("git", args, { cwd, encoding: "utf8" })

/** A directory with a program `git` that is this shell script. */
const fakeGit = (script: string) =>
  Effect.map(temporaryDirectory, (cwd) => {
    writeFileSync(join(cwd, "git"), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return { cwd, env: { PATH: `${cwd}:/usr/bin:/bin` } }
  })

/** On the real clock: processes are awaited. */
const test = (name: string, body: () => Effect.Effect<void, unknown, Git.Git | Scope.Scope>) =>
  it.scopedLive(name, () => Effect.provide(body(), services))

test("W2 git gets no GIT_ variable of the server, and runs no hook, signature, monitor or network", () =>
  Effect.gen(function* () {
    const { run } = yield* Git.Git
    const { cwd, env } = yield* fakeGit('env; printf "%s\\n" "$@"')
    const before = process.env["GIT_DIR"]
    process.env["GIT_DIR"] = "/nowhere"
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (before === undefined) delete process.env["GIT_DIR"]
        else process.env["GIT_DIR"] = before
      })
    )
    const { stdout } = yield* run(["status"], { cwd, env: { ...env, GIT_INDEX_FILE: "/own" } })
    const lines = stdout.toString().split("\n")
    expect(lines.filter((line) => /^GIT_(?!SSL_CAINFO=)/.test(line)).toSorted()).toEqual([
      "GIT_ALLOW_PROTOCOL=none",
      "GIT_EDITOR=true",
      "GIT_INDEX_FILE=/own",
      "GIT_NO_LAZY_FETCH=1",
      "GIT_NO_REPLACE_OBJECTS=1",
      "GIT_OPTIONAL_LOCKS=0",
      "GIT_PAGER=cat",
      "GIT_TERMINAL_PROMPT=0"
    ])
    for (const setting of ["core.hooksPath=/dev/null", "core.fsmonitor=false", "commit.gpgSign=false", "gc.auto=0"])
      expect(lines).toContain(setting)
    expect(lines.at(-2)).toBe("status")
  }))

test("W2 a git that fails is named with its code and the end of its standard error", () =>
  Effect.gen(function* () {
    const { run } = yield* Git.Git
    const { cwd, env } = yield* fakeGit("echo fatal: no >&2; exit 7")
    const error = yield* Effect.flip(run(["write-tree"], { cwd, env }))
    expect(error).toMatchObject({ _tag: "GitFailed", command: "write-tree", code: 7, stderr: "fatal: no" })
    expect((yield* run(["write-tree"], { cwd, env, codes: [0, 7] })).code).toBe(7)
  }))

test("W2 without git the error says so", () =>
  Effect.gen(function* () {
    const { run } = yield* Git.Git
    const cwd = yield* temporaryDirectory
    expect((yield* Effect.flip(run(["status"], { cwd, env: { PATH: cwd } })))._tag).toBe("GitMissing")
  }))

test("W2 more output than the bound is cut, and git is ended", () =>
  Effect.gen(function* () {
    const { run } = yield* Git.Git
    const { cwd, env } = yield* fakeGit("while true; do echo 0123456789; done")
    const { stdout, truncated } = yield* run(["diff"], { cwd, env, maxBytes: 1000 })
    expect([stdout.length, truncated]).toEqual([1000, true])
  }))

test("W2 git reads bytes that are no UTF-8, and more of them than a pipe holds", () =>
  Effect.gen(function* () {
    const { run } = yield* Git.Git
    const { cwd, env } = yield* fakeGit("cat")
    const paths = Array.from({ length: 20_000 }, (_, n) => `caf\u00e9 "${n}"\n`)
    expect(RawPath.shown(paths[0] ?? "")).toBe('caf\uFFFD "0"\n')
    const { stdout } = yield* run(["update-index"], { cwd, env, input: RawPath.input(paths) })
    expect(RawPath.fields(stdout)).toEqual(paths)
  }))

test("W4 the work tree is what git finds, and an empty .git is none", () =>
  Effect.gen(function* () {
    const root = realpathSync(yield* temporaryDirectory)
    const kindOf = (path: string) =>
      Effect.match(Repository.find(path), { onFailure: ({ _tag }) => _tag, onSuccess: (found) => found })
    expect(yield* kindOf(root)).toBe("NotARepository")
    mkdirSync(join(root, ".git"))
    expect(yield* kindOf(root)).toBe("NotARepository")
    const broken = join(root, "new\nline")
    mkdirSync(broken)
    sh(broken, "init", "-q")
    expect(yield* kindOf(broken)).toBe("NotARepository")
    sh(root, "init", "-q")
    mkdirSync(join(root, "a b"))
    const own = { root, gitDir: join(root, ".git"), commonDir: join(root, ".git"), objects: join(root, ".git/objects") }
    expect(yield* kindOf(join(root, "a b"))).toEqual({ ...own, objectFormat: "sha1" })
    sh(root, "-c", "user.name=a", "-c", "user.email=a", "commit", "-q", "--allow-empty", "-m", "one")
    const linked = join(root, "linked")
    sh(root, "worktree", "add", "-q", linked)
    expect(yield* kindOf(linked)).toEqual({
      ...own,
      root: linked,
      gitDir: join(root, ".git/worktrees/linked"),
      objectFormat: "sha1"
    })
  }))

test("W2 a git that hangs is ended at its deadline, by TERM first, so that it removes its lock files", () =>
  Effect.gen(function* () {
    const { run } = yield* Git.Git
    const { cwd, env } = yield* fakeGit(
      'trap "rm lock; exit 1" TERM; touch lock; echo $$ > begun; while true; do sleep 0.05; done'
    )
    execFileSync("mkfifo", [join(cwd, "begun")])
    // The deadline ends when git has begun.
    let pid = 0
    const begun = Effect.promise(async () => void (pid = Number(await readFile(join(cwd, "begun"), "utf8"))))
    const error = yield* Effect.flip(run(["add"], { cwd, env, deadline: "1 hour" })).pipe(Deadline.endsWith("1 hour", begun))
    expect(error).toMatchObject({ _tag: "GitTimeout", command: "add" })
    expect(pid).toBeGreaterThan(1)
    expect(() => process.kill(pid, 0)).toThrow()
    expect(existsSync(join(cwd, "lock"))).toBe(false)
  }))

test("W2 at most so many processes of git run at a time", () =>
  Effect.gen(function* () {
    const { run } = yield* Git.make({ places: 2 })
    const { cwd, env } = yield* fakeGit("mkdir running/$$; ls running; sleep 0.1; rmdir running/$$")
    mkdirSync(join(cwd, "running"))
    const outputs = yield* Effect.all(
      Array.from({ length: 6 }, () => run(["status"], { cwd, env })),
      { concurrency: "unbounded" }
    )
    const counts = outputs.map(({ stdout }) => stdout.toString().trim().split("\n").length)
    expect(Math.max(...counts)).toBeLessThanOrEqual(2)
    expect(counts).toHaveLength(6)
  }).pipe(Effect.provide(layerMemory)))

test("W2 a checkout takes no place of other calls, and a call without a place fails within a bound", () =>
  Effect.gen(function* () {
    const { run } = yield* Git.make({ places: 1, longPlaces: 1, wait: "1 hour" })
    const { cwd, env } = yield* fakeGit('case "$*" in *worktree*) echo > begun; exec sleep 600;; esac; echo done')
    execFileSync("mkfifo", [join(cwd, "begun")])
    const checkout = yield* Effect.fork(run(["worktree", "add"], { cwd, env, long: true, deadline: "2 hours" }))
    yield* Effect.promise(() => readFile(join(cwd, "begun")))
    expect((yield* run(["status"], { cwd, env })).stdout.toString()).toBe("done\n")
    // The wait ends when the call has been asked for, not after an hour.
    const second = Effect.flip(run(["worktree", "remove"], { cwd, env, long: true }))
    const error = yield* Deadline.endsWith("1 hour", Effect.void)(second)
    expect(error).toMatchObject({ _tag: "GitBusy", command: "worktree" })
    yield* Fiber.interrupt(checkout)
    expect((yield* run(["status"], { cwd, env, long: true })).stdout.toString()).toBe("done\n")
  }).pipe(Effect.provide(layerMemory)))
