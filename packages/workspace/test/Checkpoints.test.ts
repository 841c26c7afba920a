import { expect, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Checkpoints from "@millrace/workspace/Checkpoints"
import * as Git from "@millrace/workspace/Git"
import { inspect } from "@millrace/workspace/internal/Capture"
import * as Refs from "@millrace/workspace/internal/Refs"
import * as Repository from "@millrace/workspace/Repository"
import { Effect, Fiber, Layer, type Scope } from "effect"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import * as Person from "./Person.ts"

const threadId = ThreadId.make("thr_a")
const turnId = TurnId.make("trn_1")
const services = Layer.provideMerge(Git.layer, layerMemory)

const fixture = Effect.gen(function* () {
  const base = realpathSync(yield* temporaryDirectory)
  const root = join(base, "work tree")
  const home = join(base, "home")
  const options = { home, bounds: { fileBytes: 100_000, bytes: 1_000_000, files: 1000 } }
  const checkpoints = yield* Checkpoints.make(options)
  const take = (cwd = root, point: "start" | "end" = "start", turn: TurnId = turnId) =>
    checkpoints.take({ threadId, turnId: turn, point, cwd })
  return { base, root, home, checkpoints, take, options }
})

/** A program that leaves a trace. Nothing of a repository may run. */
const trap = (base: string) => {
  const program = join(base, "trap.sh")
  writeFileSync(program, `#!/bin/sh\ntouch "${base}/ran"\nexec cat\n`, { mode: 0o755 })
  return { program, ran: () => existsSync(join(base, "ran")) }
}

const text = (length: number) => "line\n".repeat(length)

interface Case {
  /** Prepares the repository at `root`; returns the directory of the thread and the paths that the checkpoint does not have. */
  readonly prepare: (root: string, base: string) => { readonly cwd?: string; readonly not?: ReadonlyArray<string> } | void
  readonly gitDir?: (root: string) => string
}

const cases: Readonly<Record<string, Case>> = {
  "tracked, changed, staged, untracked and ignored files": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { ".gitignore": "ignored\n", a: "1", "d/b": "2", gone: "3", staged: "4" })
      Person.commitAll(root)
      Person.write(root, { a: "changed", "new/file": "5", ignored: "6", staged: "staged" })
      Person.git(root, "add", "staged")
      Person.write(root, { staged: "and changed again" })
      rmSync(join(root, "gone"))
      chmodSync(join(root, "d/b"), 0o755)
      symlinkSync("/etc/passwd", join(root, "link"))
      Person.git(root, "stash", "create")
      return { not: ["ignored"] }
    }
  },
  "names that are no UTF-8 or have newlines, quotes and spaces": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { 'a "b"\n\tc': "1", " ": "2", "-n": "3" })
      Person.commitAll(root)
      writeFileSync(Buffer.from(`${root}/caf\u00e9`, "latin1"), "4")
      Person.write(root, { '"': "5" })
    }
  },
  "no commits yet": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { a: "1", b: "2" })
      Person.git(root, "add", "a")
    }
  },
  "no index, and no file": { prepare: (root) => Person.init(root) },
  "a subdirectory of the work tree": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { "sub/a": "1", b: "2" })
      Person.commitAll(root)
      return { cwd: join(root, "sub") }
    }
  },
  "in the middle of a merge with conflicts": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { a: "1\n", b: "1\n" })
      Person.commitAll(root)
      Person.git(root, "checkout", "-q", "-b", "other")
      Person.write(root, { a: "2\n" })
      Person.git(root, "rm", "-q", "b")
      Person.commitAll(root)
      Person.git(root, "checkout", "-q", "main")
      Person.write(root, { a: "3\n", b: "3\n" })
      Person.commitAll(root)
      expect(() => Person.git(root, "merge", "other")).toThrow()
    }
  },
  "in the middle of a rebase": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { a: "1\n" })
      Person.commitAll(root)
      Person.git(root, "checkout", "-q", "-b", "other")
      Person.write(root, { a: "2\n" })
      Person.commitAll(root)
      Person.git(root, "checkout", "-q", "main")
      Person.write(root, { a: "3\n" })
      Person.commitAll(root)
      expect(() => Person.git(root, "rebase", "other")).toThrow()
    }
  },
  "hooks, signing, a monitor and filters that run commands": {
    prepare: (root, base) => {
      const { program } = trap(base)
      Person.init(root)
      Person.write(root, { ".gitattributes": "*.bin filter=trap\n*.txt diff=trap\n", "a.bin": "1", "b.txt": "2" })
      Person.commitAll(root)
      for (const [name, value] of [
        ["filter.trap.clean", program],
        ["filter.trap.smudge", program],
        ["filter.trap.process", program],
        ["filter.trap.required", "true"],
        ["diff.trap.command", program],
        ["diff.trap.textconv", program],
        ["core.fsmonitor", program],
        ["commit.gpgSign", "true"],
        ["gpg.program", program],
        ["core.sshCommand", program]
      ] as const)
        Person.git(root, "config", name, value)
      for (const hook of ["pre-commit", "post-index-change", "reference-transaction", "post-checkout", "post-commit"])
        writeFileSync(join(root, ".git/hooks", hook), `#!/bin/sh\ntouch "${base}/ran"\nexit 1\n`, { mode: 0o755 })
      Person.write(root, { "a.bin": "changed", "new.bin": "new", "b.txt": "changed" })
    }
  },
  "line ends that the repository converts": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { ".gitattributes": "* text=auto\n*.u text working-tree-encoding=UTF-16LE\n*.i ident\n" })
      Person.write(root, { crlf: "a\r\nb\r\n", mixed: "a\r\nb\n", "x.u": Buffer.from("ab\n", "utf16le"), "x.i": "$Id$\n" })
      Person.commitAll(root)
      Person.write(root, { more: "c\r\n" })
    }
  },
  "line ends converted by the person's configuration": {
    prepare: (root) => {
      Person.init(root)
      Person.git(root, "config", "core.autocrlf", "true")
      Person.write(root, { crlf: "a\r\nb\r\n" })
      Person.commitAll(root)
    }
  },
  "a linked work tree": {
    prepare: (root, base) => {
      const main = join(base, "main")
      Person.init(main)
      Person.write(main, { a: "1" })
      Person.commitAll(main)
      Person.git(main, "worktree", "add", "-q", "-b", "linked", root)
      Person.write(root, { a: "2", b: "3" })
    },
    gitDir: (root) => join(root, "../main/.git")
  },
  "a repository of SHA-256": {
    prepare: (root) => {
      Person.init(root, "--object-format=sha256")
      Person.write(root, { a: "1" })
      Person.commitAll(root)
      Person.write(root, { b: "2" })
    }
  },
  "files that the index does not look at": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { a: "1", b: "2", c: "3" })
      Person.commitAll(root)
      Person.git(root, "update-index", "--assume-unchanged", "a")
      Person.git(root, "update-index", "--skip-worktree", "b")
      Person.git(root, "update-index", "--assume-unchanged", "--skip-worktree", "c")
      Person.write(root, { a: "changed", b: "changed too", c: "also" })
    }
  },
  "a split index": {
    prepare: (root) => {
      Person.init(root)
      Person.git(root, "config", "core.splitIndex", "true")
      Person.write(root, { a: "1", b: "2" })
      Person.commitAll(root)
      Person.write(root, { a: "2" })
      Person.git(root, "add", "a")
    }
  },
  "files that cannot be stored": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { large: text(10), a: "1" })
      Person.commitAll(root)
      Person.write(root, { large: text(50_000), "large too": text(50_000) })
      execFileSync("mkfifo", [join(root, "fifo")])
      return { not: ["large", "large too", "fifo"] }
    }
  },
  "a repository inside": {
    prepare: (root) => {
      Person.init(root)
      Person.write(root, { a: "1" })
      Person.commitAll(root)
      Person.init(join(root, "inner"))
      Person.write(join(root, "inner"), { b: "2" })
      Person.commitAll(join(root, "inner"))
      return { not: Object.keys(Person.files(root)).filter((name) => name.startsWith("inner/")) }
    }
  }
}

/** On the real clock: processes are awaited. */
const test = (name: string, body: () => Effect.Effect<void, unknown, Git.Git | Scope.Scope>) =>
  it.scopedLive(name, () => Effect.provide(body(), services))

for (const [name, { gitDir, prepare }] of Object.entries(cases))
  test(`W1 W2 a checkpoint has every file, and changes nothing else: ${name}`, () =>
    Effect.gen(function* () {
      const { base, root, take } = yield* fixture
      mkdirSync(root)
      const { cwd = root, not = [] } = prepare(root, base) ?? {}
      const at = gitDir?.(root)
      const before = Person.stateOf(root, at)
      const { commit, skipped } = yield* take(cwd)
      expect(Person.stateOf(root, at)).toEqual(before)
      const expected = Object.fromEntries(
        Object.entries(before.files).filter(([name]) => !not.includes(name) && !name.endsWith(".git"))
      )
      expect(Person.treeOf(root, commit)).toEqual(expected)
      expect(skipped.every(({ path }) => not.includes(path))).toBe(true)
      expect(Person.git(root, "rev-parse", Refs.nameOf(threadId, turnId, "start")).trim()).toBe(commit)
      expect(existsSync(join(base, "ran"))).toBe(false)
      Person.git(root, "fsck", "--no-dangling")
    }))

test("W1 a second checkpoint reads only what changed, and sees it whatever the person did to the index", () =>
  Effect.gen(function* () {
    const { root, take } = yield* fixture
    Person.init(root)
    Person.write(root, { a: "1", b: "2", "d/c": "3" })
    Person.commitAll(root)
    yield* take()
    // Of the same size, and written within the resolution of old times.
    Person.write(root, { a: "x", new: "4" })
    Person.git(root, "rm", "-q", "--cached", "b")
    rmSync(join(root, "d"), { recursive: true })
    Person.write(root, { d: "a file now" })
    const before = Person.stateOf(root)
    const { commit } = yield* take(root, "end")
    expect(Person.treeOf(root, commit)).toEqual(before.files)
    expect(Person.stateOf(root)).toEqual(before)
  }))

test("W1 a submodule is its commit, and nothing runs in it", () =>
  Effect.gen(function* () {
    const { base, root, take } = yield* fixture
    const { program, ran } = trap(base)
    Person.init(join(base, "sub"))
    Person.write(join(base, "sub"), { b: "2" })
    Person.commitAll(join(base, "sub"))
    Person.init(root)
    Person.git(root, "submodule", "--quiet", "add", join(base, "sub"), "sub")
    Person.commitAll(root)
    Person.git(join(root, "sub"), "config", "core.fsmonitor", program)
    Person.write(root, { "sub/b": "changed", "sub/new": "1", a: "1" })
    const before = Person.stateOf(root)
    const { commit } = yield* take()
    const head = Person.git(join(root, "sub"), "rev-parse", "HEAD").trim()
    expect(Object.keys(Person.treeOf(root, commit))).toEqual([".gitmodules", "a", "sub"])
    expect(Person.treeOf(root, commit)["sub"]).toBe(`commit ${head}`)
    expect(Person.stateOf(root)).toEqual(before)
    expect(ran()).toBe(false)
  }))

test("W1 a sparse checkout keeps the files that are not there, and sees those that are", () =>
  Effect.gen(function* () {
    const { root, take } = yield* fixture
    Person.init(root)
    Person.write(root, { "in/a": "1", "out/b": "2", "out/c": "3", top: "4" })
    Person.commitAll(root)
    Person.git(root, "sparse-checkout", "set", "in")
    expect(existsSync(join(root, "out"))).toBe(false)
    Person.write(root, { "in/a": "changed", "out/c": "an agent wrote it" })
    const before = Person.stateOf(root)
    const { commit } = yield* take()
    const tree = Person.treeOf(root, commit)
    expect(Object.keys(tree)).toEqual(["in/a", "out/b", "out/c", "top"])
    expect(tree).toMatchObject(before.files)
    expect(Person.stateOf(root)).toEqual(before)
  }))

test("W4 outside of a repository there is no checkpoint, and the parent's repository is not used by a broken .git", () =>
  Effect.gen(function* () {
    const { root, take } = yield* fixture
    mkdirSync(root)
    expect((yield* Effect.flip(take()))._tag).toBe("NotARepository")
  }))

test("W2 a damaged private index and a lock that a killed git left cost one checkpoint nothing", () =>
  Effect.gen(function* () {
    const { home, root, take } = yield* fixture
    Person.init(root)
    Person.write(root, { a: "1" })
    Person.commitAll(root)
    yield* take()
    const [name = ""] = readdirSync(home)
    writeFileSync(join(home, name, "index"), "damaged")
    writeFileSync(join(home, name, "index.lock"), "")
    const ref = Refs.nameOf(threadId, turnId, "end")
    mkdirSync(join(root, ".git", ref, ".."), { recursive: true })
    writeFileSync(join(root, ".git", `${ref}.lock`), "")
    Person.write(root, { a: "2" })
    const { commit } = yield* take(root, "end")
    expect(Person.treeOf(root, commit)).toEqual(Person.files(root))
    expect(existsSync(join(root, ".git", `${ref}.lock`))).toBe(false)
  }))

test("W2 requests that wait for the same directory share one capture", () =>
  Effect.gen(function* () {
    const { options, root } = yield* fixture
    Person.init(root)
    Person.write(root, { a: "1" })
    Person.commitAll(root)
    const turns = ["trn_1", "trn_2", "trn_3", "trn_4"].map((id) => TurnId.make(id))
    const git = yield* Git.Git
    // The others ask when the first capture has begun, and it continues when they have found the repository.
    const begun = yield* Effect.makeLatch()
    const found = yield* Effect.makeLatch()
    let finds = 0
    let commits = 0
    const held = Git.Git.of({
      run: (args, options) => {
        if (args.includes("--show-toplevel"))
          return Effect.tap(git.run(args, options), () => (++finds === turns.length ? found.open : Effect.void))
        if (args.includes("commit-tree")) commits++
        return args.includes("config")
          ? Effect.zipRight(begun.open, found.whenOpen(git.run(args, options)))
          : git.run(args, options)
      }
    })
    const { take } = yield* Effect.provideService(Checkpoints.make(options), Git.Git, held)
    const taken = yield* Effect.forEach(
      turns,
      (turn, at) => {
        const taking = take({ threadId, turnId: turn, point: "start", cwd: root })
        return at === 0 ? taking : begun.whenOpen(taking)
      },
      { concurrency: "unbounded" }
    )
    // One for the first request, which had begun, and one for the others.
    expect([commits, new Set(taken.slice(1).map(({ commit }) => commit)).size]).toEqual([2, 1])
    const repository = yield* Repository.find(root)
    expect((yield* Refs.list(repository, threadId)).map(({ name }) => name)).toEqual(
      turns.map((turn) => Refs.nameOf(threadId, turn, "start"))
    )
  }))

test("W1 a deleted thread leaves no ref, also after a crash and when refs are packed, and no other ref changes", () =>
  Effect.gen(function* () {
    const { checkpoints, options, root, take } = yield* fixture
    Person.init(root)
    Person.write(root, { a: "1" })
    Person.commitAll(root)
    yield* take()
    yield* take(root, "end")
    const other = ThreadId.make("thr_ab")
    const { commit } = yield* checkpoints.take({ threadId: other, turnId, point: "start", cwd: root })
    Person.git(root, "pack-refs", "--all")
    const after = yield* Checkpoints.make(options)
    expect([...(yield* after.threads)].toSorted()).toEqual([threadId, other])
    yield* after.forget(threadId)
    yield* after.forget(threadId)
    expect(yield* after.threads).toEqual([other])
    const refs = Person.git(root, "for-each-ref", "--format=%(objectname) %(refname)").trim().split("\n")
    expect(refs).toEqual([
      `${Person.git(root, "rev-parse", "main").trim()} refs/heads/main`,
      `${commit} ${Refs.nameOf(other, turnId, "start")}`
    ])
    rmSync(root, { recursive: true })
    yield* after.forget(other)
    expect(yield* after.threads).toEqual([])
  }))

test("W1 the private git directory is removed with its last thread, or at a start, and made again when it is needed", () =>
  Effect.gen(function* () {
    const { checkpoints, home, options, root, take } = yield* fixture
    Person.init(root)
    Person.write(root, { a: "1" })
    Person.commitAll(root)
    yield* take()
    yield* checkpoints.take({ threadId: ThreadId.make("thr_ab"), turnId, point: "start", cwd: root })
    yield* checkpoints.forget(ThreadId.make("thr_ab"))
    yield* checkpoints.prune
    const [name = ""] = readdirSync(home)
    expect(existsSync(join(home, name, "index"))).toBe(true)
    yield* checkpoints.forget(threadId)
    expect(readdirSync(home)).toEqual([])
    Person.write(root, { b: "2" })
    const { commit } = yield* take()
    expect(Person.treeOf(root, commit)).toEqual(Person.files(root))
    // As after a crash before the removal. Other names are not ours.
    rmSync(join(home, name, "threads", threadId))
    writeFileSync(join(home, "other"), "")
    yield* (yield* Checkpoints.make(options)).prune
    expect(readdirSync(home)).toEqual(["other"])
  }))

test("W2 a file that the server cannot see is skipped, not taken for a removed one", () =>
  Effect.gen(function* () {
    const { base } = yield* fixture
    writeFileSync(join(base, "file"), "")
    const kinds = yield* Effect.forEach(["file", "none", "file/none", "x".repeat(300)], (path) =>
      Effect.promise(() => inspect(Buffer.from(`${base}/`), path))
    )
    expect(kinds.map(({ kind }) => kind)).toEqual(["file", "absent", "absent", "unreadable"])
  }))

test("W1 a thread that is deleted while its checkpoint is written leaves no ref", () =>
  Effect.gen(function* () {
    const { options, root, take } = yield* fixture
    Person.init(root)
    Person.write(root, { a: "1" })
    Person.commitAll(root)
    yield* take()
    const git = yield* Git.Git
    let forgotten: Fiber.Fiber<void, Git.GitError> | undefined
    const forget: Effect.Effect<void, Git.GitError> = Effect.suspend(() => checkpoints.forget(threadId))
    /** Deletes the thread when its ref is about to be written. */
    const run: typeof git.run = (args, wanted) =>
      Effect.gen(function* () {
        if (args.includes("update-ref") && !args.includes("--stdin")) {
          const fiber = yield* Effect.forkDaemon(forget)
          forgotten = fiber
          yield* Effect.timeoutOption(Fiber.await(fiber), "500 millis")
        }
        return yield* git.run(args, wanted)
      })
    const checkpoints = yield* Effect.provideService(Checkpoints.make(options), Git.Git, Git.Git.of({ run }))
    yield* checkpoints.take({ threadId, turnId, point: "end", cwd: root })
    if (forgotten !== undefined) yield* Fiber.join(forgotten)
    yield* checkpoints.forget(threadId)
    expect(Person.git(root, "for-each-ref", "refs/millrace")).toBe("")
    expect(readdirSync(options.home)).toEqual([])
  }))

test("W1 in a repository that a group shares, the group may write where objects are stored", () =>
  Effect.gen(function* () {
    const { root, take } = yield* fixture
    Person.init(root, "--shared=group")
    Person.write(root, { a: "1" })
    Person.commitAll(root)
    const objects = join(root, ".git/objects")
    const before = new Set(readdirSync(objects))
    Person.write(root, { b: "2" })
    yield* take()
    const made = readdirSync(objects).filter((name) => !before.has(name))
    expect(made.length).toBeGreaterThan(0)
    expect(made.filter((name) => (statSync(join(objects, name)).mode & 0o020) === 0)).toEqual([])
  }))
