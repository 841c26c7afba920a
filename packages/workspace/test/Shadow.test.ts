import { expect, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Checkpoints from "@millrace/workspace/Checkpoints"
import * as Git from "@millrace/workspace/Git"
import * as Rewinds from "@millrace/workspace/Rewinds"
import { Effect, Layer, type Scope } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, realpathSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as Person from "./Person.ts"

const services = Layer.provideMerge(Git.layer, layerMemory)
const threadId = ThreadId.make("thr_a")

/** A directory that is in no repository. */
const fixture = Effect.gen(function* () {
  const base = realpathSync(yield* temporaryDirectory)
  const [root, home] = [join(base, "notes"), join(base, "home")]
  Person.write(root, { ".gitignore": "ignored\n", a: "1", "d/b": "2", ignored: "3" })
  const checkpoints = yield* Checkpoints.make({ home, reach: "everywhere" })
  const take = (turn: string, point: "start" | "end", thread = threadId) =>
    checkpoints.take({ threadId: thread, turnId: TurnId.make(turn), point, cwd: root })
  const directories = () => readdirSync(home).map((name) => join(home, name))
  return { root, home, checkpoints, take, directories }
})

const test = (name: string, run: () => Effect.Effect<unknown, unknown, Git.Git | Scope.Scope>) =>
  it.scopedLive(name, () => Effect.provide(run(), services))

test("W4 W7 a directory in no repository has checkpoints, diffs and rewinds where that is asked for, and nothing is written to it", () =>
  Effect.gen(function* () {
    const { checkpoints, home, root, take } = yield* fixture
    const rewinds = yield* Effect.provideService(
      Rewinds.make({ home, reach: "everywhere" }),
      Checkpoints.Checkpoints,
      checkpoints
    )
    const before = Person.files(root)
    const start = yield* take("trn_1", "start")
    expect(Person.files(root)).toEqual(before)
    Person.write(root, { a: "agent", new: "agent", ignored: "agent" })
    const end = yield* take("trn_1", "end")
    const { files } = yield* checkpoints.compare(root, start.commit, end.commit, false)
    expect(files.map(({ path, status }) => [path, status])).toEqual([
      ["a", "modified"],
      ["new", "added"]
    ])
    const request = { threadId, cwd: root, goal: { turns: [TurnId.make("trn_1")] }, actor: "local" }
    const { checkpoint } = yield* rewinds.run(request, (outcome) => outcome)
    expect(Person.files(root)).toEqual({ ...before, ignored: Person.files(root)["ignored"] })
    yield* rewinds.run({ ...request, goal: { checkpoint } }, (outcome) => outcome)
    expect(Object.keys(Person.files(root))).toContain("new")
    expect(readdirSync(root).toSorted()).toEqual([".gitignore", "a", "d", "ignored", "new"])
  }))

test("W4 a shadow repository keeps the files of its threads only, and is removed with the last one", () =>
  Effect.gen(function* () {
    const { checkpoints, directories, root, take } = yield* fixture
    const other = ThreadId.make("thr_b")
    yield* take("trn_1", "start", other)
    Person.write(root, { a: "a word of the first thread" })
    const { commit } = yield* take("trn_1", "end")
    Person.write(root, { a: "2" })
    yield* take("trn_2", "start", other)
    const [directory = ""] = directories()
    const has = () => {
      try {
        return execFileSync("git", [`--git-dir=${directory}`, "cat-file", "-t", commit], { encoding: "utf8", stdio: "pipe" })
      } catch {
        return "gone"
      }
    }
    expect(has()).toBe("commit\n")
    yield* checkpoints.forget(threadId)
    expect(yield* checkpoints.list(threadId, root)).toEqual([])
    expect((yield* checkpoints.list(other, root)).map(({ turnId }) => turnId)).toEqual(["trn_1", "trn_2"])
    // What no checkpoint has had for an hour is removed.
    execFileSync("find", [directory, "-type", "f", "-path", "*objects*", "-exec", "touch", "-d", "2 hours ago", "{}", "+"])
    yield* checkpoints.expire(other, (yield* checkpoints.list(other, root))[1]?.at ?? 0)
    expect(has()).toBe("gone")
    const now = yield* checkpoints.now(root)
    expect(Person.treeOf(directory, now.commit)).toMatchObject({ a: Person.files(root)["a"] })
    yield* checkpoints.forget(other)
    expect(directories()).toEqual([])
  }))

test("W4 a directory that becomes a repository uses that from then on; one with a broken .git or of a server has no checkpoint", () =>
  Effect.gen(function* () {
    const { checkpoints, directories, home, root, take } = yield* fixture
    yield* take("trn_1", "start")
    expect(existsSync(join(directories()[0] ?? "", "objects"))).toBe(true)
    Person.init(root)
    const { commit } = yield* take("trn_1", "end")
    expect(Person.git(root, "cat-file", "-t", commit)).toBe("commit\n")
    rmSync(join(root, ".git"), { recursive: true })
    Person.write(root, { ".git": "nonsense" })
    expect(yield* Effect.flip(take("trn_2", "start"))).toMatchObject({
      _tag: "RepositoryRefused",
      message: expect.stringContaining("invalid gitfile")
    })
    Person.write(join(home, "../data"), { "owner.db": "", "log.db": "", "blobs/a": "1" })
    for (const directory of ["../data", "../data/blobs"])
      expect(yield* Effect.flip(checkpoints.now(join(home, directory)))).toMatchObject({
        _tag: "NotARepository",
        message: expect.stringContaining("data directory")
      })
  }))
