import { expect, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Checkpoints from "@millrace/workspace/Checkpoints"
import * as Git from "@millrace/workspace/Git"
import * as Rewinds from "@millrace/workspace/Rewinds"
import { Effect, Layer } from "effect"
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import * as Person from "./Person.ts"

const threadId = ThreadId.make("thr_a")
const services = Layer.provideMerge(Git.layer, layerMemory)

/** A repository with a commit, and what a turn of the agent and a rewind are. */
const fixture = (files: Readonly<Record<string, string | Buffer>>, bounds?: { readonly files: number; readonly bytes: number }) =>
  Effect.gen(function* () {
    const base = realpathSync(yield* temporaryDirectory)
    const [root, home] = [join(base, "work tree"), join(base, "home")]
    Person.init(root)
    Person.write(root, files)
    Person.commitAll(root)
    const checkpoints = yield* Checkpoints.make({ home, bounds: { fileBytes: 1000, bytes: 1_000_000, files: 1000 } })
    const make = (onStep?: (step: Rewinds.Step) => Promise<void>) =>
      Effect.provideService(
        Rewinds.make({ home, ...(bounds === undefined ? {} : { bounds }), ...(onStep === undefined ? {} : { onStep }) }),
        Checkpoints.Checkpoints,
        checkpoints
      )
    const rewinds = yield* make()
    const turns: Array<TurnId> = []
    const turn = (work: () => void) =>
      Effect.gen(function* () {
        const turnId = TurnId.make(`trn_${turns.length + 1}`)
        yield* checkpoints.take({ threadId, turnId, point: "start", cwd: root })
        work()
        yield* checkpoints.take({ threadId, turnId, point: "end", cwd: root })
        turns.push(turnId)
        return turnId
      })
    const goal = (at: number | string): Rewinds.Goal =>
      typeof at === "string" ? { checkpoint: at } : { turns: turns.slice(at - 1) }
    const preview = (at: number | string) => rewinds.preview({ threadId, cwd: root, goal: goal(at) })
    const run = (at: number | string, expected?: string, service = rewinds) =>
      service.run({ threadId, cwd: root, goal: goal(at), expected, actor: "local" }, (outcome) => outcome)
    const write = (changes: Readonly<Record<string, string | Buffer>>) => () => Person.write(root, changes)
    return { base, root, home, make, turn, preview, run, write, checkpoints }
  })

const inGit = Effect.provide(services)

it.scopedLive("W7 a rewind restores, creates and deletes what turns changed, keeps the rest, and leads back byte for byte", () =>
  Effect.gen(function* () {
    const { preview, root, run, turn, write } = yield* fixture({
      ".gitignore": "*.log\n",
      kept: "1",
      changed: "crlf\r\n",
      gone: "3",
      "d/x": "4",
      mode: "5",
      file: "6",
      person: "7",
      both: "8"
    })
    symlinkSync("kept", join(root, "link"))
    Person.commitAll(root)
    Person.write(root, { "own.log": "ignored", staged: "s" })
    Person.git(root, "add", "staged")
    const before = Person.stateOf(root)
    yield* turn(() => {
      Person.write(root, { changed: "new", "n/e/w": "new", both: "agent", staged: "changed", "caf\u00e9": "name" })
      rmSync(join(root, "gone"))
      rmSync(join(root, "d"), { recursive: true })
      Person.write(root, { d: "a file now" })
      chmodSync(join(root, "mode"), 0o755)
      rmSync(join(root, "link"))
      symlinkSync("/etc/passwd", join(root, "link"))
      rmSync(join(root, "file"))
      mkdirSync(join(root, "file"))
      Person.write(root, { "file/inside": "x" })
    })
    yield* turn(write({ changed: "again", second: "2" }))
    const after = Person.stateOf(root)
    Person.write(root, { person: "mine", untracked: "mine", both: "both" })
    const plan = yield* preview(1)
    expect(
      plan.changes.map(({ after: to, before: from, changedSince, path }) => [
        Buffer.from(path, "latin1").toString(),
        from === undefined ? "create" : to === undefined ? "delete" : "restore",
        changedSince
      ])
    ).toEqual([
      ["both", "restore", true],
      ["caf\u00e9", "delete", false],
      ["changed", "restore", false],
      ["d", "delete", false],
      ["d/x", "create", false],
      ["file", "create", false],
      ["file/inside", "delete", false],
      ["gone", "create", false],
      ["link", "restore", false],
      ["mode", "restore", false],
      ["n/e/w", "delete", false],
      ["second", "delete", false],
      ["staged", "restore", false]
    ])
    expect(plan.left).toEqual([])
    // Without a preview, what a person changed is not overwritten.
    expect(yield* Effect.flip(run(1))).toMatchObject({ rule: "WorkspaceChanged" })
    const done = yield* run(1, plan.expected)
    expect(done.changed).toBe(plan.changes.length)
    const rewound = Person.stateOf(root)
    const own = { person: expect.any(String), untracked: expect.any(String) }
    expect(rewound.files).toEqual({ ...before.files, ...own })
    expect([rewound.files["person"] !== before.files["person"], rewound.git]).toEqual([true, before.git])
    yield* run(done.checkpoint)
    const back = Person.stateOf(root)
    expect(back.files).toEqual({ ...after.files, ...own, both: expect.any(String) })
    expect([readFileSync(join(root, "both"), "utf8"), readFileSync(join(root, "person"), "utf8")]).toEqual(["both", "mine"])
    expect(back.git).toEqual(before.git)
  }).pipe(inGit)
)

it.scopedLive(
  "W7 a file that changed after the preview, and a turn or a rewind without a checkpoint, are refused; nothing changes",
  () =>
    Effect.gen(function* () {
      const { preview, root, run, turn, write } = yield* fixture({ a: "1", b: "1" })
      yield* turn(write({ a: "2", b: "2" }))
      const { expected } = yield* preview(1)
      Person.write(root, { b: "3" })
      const before = Person.stateOf(root)
      expect(yield* Effect.flip(run(1, expected))).toMatchObject({ rule: "WorkspaceChanged" })
      expect(yield* Effect.flip(run(2))).toMatchObject({ rule: "NoCheckpoint" })
      expect(yield* Effect.flip(run("0".repeat(40)))).toMatchObject({ rule: "NoCheckpoint" })
      expect(Person.stateOf(root)).toEqual(before)
      // Another file of a person is no part of the comparison.
      Person.write(root, { b: "2", other: "mine" })
      yield* run(1, expected)
      expect(readFileSync(join(root, "a"), "utf8") + readFileSync(join(root, "b"), "utf8")).toBe("11")
    }).pipe(inGit)
)

it.scopedLive("W7 what no checkpoint has stays: ignored, too large, in a submodule or another repository, behind a link", () =>
  Effect.gen(function* () {
    const { base, preview, root, run, turn } = yield* fixture({
      ".gitignore": "*.env\n",
      large: "x",
      "in/side": "1",
      "out/f": "1",
      "r/f": "1"
    })
    Person.write(root, { "own.env": "secret", wasLarge: "y".repeat(2000) })
    yield* turn(() => {
      Person.write(root, {
        ".gitignore": "",
        large: "y".repeat(2000),
        "in/side": "2",
        wasLarge: "small",
        "out/f": "2",
        "r/f": "2"
      })
    })
    rmSync(join(root, "out"), { recursive: true })
    Person.write(base, { "elsewhere/f": "2" })
    symlinkSync(join(base, "elsewhere"), join(root, "out"))
    Person.init(join(root, "r"))
    const plan = yield* preview(1)
    expect(plan.changes.map(({ path }) => path)).toEqual([".gitignore", "in/side"])
    expect(plan.left.map(({ path }) => path).toSorted()).toEqual(["large", "out/f", "own.env", "r/f", "wasLarge"])
    yield* run(1, plan.expected)
    const read = (name: string) => readFileSync(join(root, name), "utf8").length
    expect([read("own.env"), read("large"), read("wasLarge"), read("in/side"), read("r/f")]).toEqual([6, 2000, 5, 1, 1])
    expect(readFileSync(join(base, "elsewhere/f"), "utf8")).toBe("2")
  }).pipe(inGit)
)

it.scopedLive(
  "W8 the rewind stops at a file that changes between the comparison and its replacement, and says the way back",
  () =>
    Effect.gen(function* () {
      const { make, preview, root, run, turn, write } = yield* fixture({ a: "1", b: "1", c: "1" })
      yield* turn(write({ a: "2", b: "2", c: "2" }))
      let replaced = 0
      const service = yield* make(async (step) => {
        if (step === "replaced") replaced++
        if (step === "written" && replaced === 1) writeFileSync(join(root, "b"), "mine")
      })
      const stopped = yield* Effect.flip(run(1, undefined, service))
      expect(stopped).toMatchObject({ _tag: "RewindStopped", changed: 1 })
      expect(["a", "b", "c"].map((name) => readFileSync(join(root, name), "utf8"))).toEqual(["1", "mine", "2"])
      expect(readdirSync(root).toSorted()).toEqual([".git", "a", "b", "c"])
      yield* run("checkpoint" in stopped ? stopped.checkpoint : "")
      expect(["a", "b", "c"].map((name) => readFileSync(join(root, name), "utf8"))).toEqual(["2", "mine", "2"])
      writeFileSync(join(root, "b"), "2")
      let written = 0
      const full = yield* make(async (step) => {
        if (step === "written" && ++written === 3) throw new Error("ENOSPC: no space left on device")
      })
      const { expected } = yield* preview(1)
      const message = "The rewind stopped: c: ENOSPC: no space left on device. 2 of 3 files were changed."
      expect(yield* Effect.flip(run(1, expected, full))).toMatchObject({
        changed: 2,
        of: 3,
        message: expect.stringContaining(message)
      })
      expect(readdirSync(root).toSorted()).toEqual([".git", "a", "b", "c"])
    }).pipe(inGit)
)

it.scopedLive("W7 a file that is older than the checkpoint stays, although the checkpoint does not have it", () =>
  Effect.gen(function* () {
    const { preview, root, run, turn } = yield* fixture({ tracked: "1", moved: "2" })
    Person.write(root, {
      // As `python -m venv` makes it: the rule covers its own file, so no checkpoint has the rule.
      "venv/.gitignore": "*\n",
      "venv/notes": "mine",
      "nested/notes": "mine",
      "excluded.env": "mine",
      ".git/info/exclude": "excluded.env\n"
    })
    Person.init(join(root, "nested"))
    // The clock of a file system runs behind by up to 10 ms.
    yield* Effect.sleep("20 millis")
    yield* turn(() => {
      rmSync(join(root, "venv/.gitignore"))
      rmSync(join(root, "nested/.git"), { recursive: true })
      Person.write(root, { ".git/info/exclude": "", tracked: "changed", "new/file": "agent" })
      renameSync(join(root, "moved"), join(root, "elsewhere"))
    })
    const plan = yield* preview(1)
    expect(plan.changes.map(({ path }) => path)).toEqual(["elsewhere", "moved", "new/file", "tracked"])
    expect(plan.left.map(({ path }) => path)).toEqual(["excluded.env", "nested/notes", "venv/notes"])
    yield* run(1)
    expect(["venv/notes", "nested/notes", "excluded.env"].map((name) => readFileSync(join(root, name), "utf8"))).toEqual(
      Array(3).fill("mine")
    )
  }).pipe(inGit)
)

it.scopedLive("W8 a lock file that a killed git left in the private directory stops no rewind", () =>
  Effect.gen(function* () {
    const { home, preview, root, run, turn, write } = yield* fixture({ a: "1" })
    yield* turn(write({ a: "2" }))
    yield* preview(1)
    const [name = ""] = readdirSync(home)
    writeFileSync(join(home, name, "rewind-index.lock"), "")
    expect(yield* run(1)).toMatchObject({ changed: 1 })
    expect(readFileSync(join(root, "a"), "utf8")).toBe("1")
  }).pipe(inGit)
)

it.scopedLive("W8 a rewind that stops is recorded, also when its result cannot be stored, and leads back", () =>
  Effect.gen(function* () {
    const { home, make, preview, root, run, turn, write } = yield* fixture({ a: "1", b: "1" })
    yield* turn(write({ a: "2", b: "2" }))
    const [name = ""] = readdirSync(home)
    const index = join(home, name, "rewind-index")
    const service = yield* make(async (step) => {
      if (step !== "written" || readFileSync(join(root, "a"), "utf8") === "2") return
      // As on a full disk: neither the file nor anything of git can be written.
      rmSync(index)
      Person.write(index, { occupied: "" })
      throw new Error("ENOSPC")
    })
    const stopped = yield* Effect.flip(run(1, undefined, service))
    expect(stopped).toMatchObject({ _tag: "RewindStopped", changed: 1 })
    rmSync(index, { recursive: true })
    expect((yield* preview("checkpoint" in stopped ? stopped.checkpoint : "")).changes.map(({ path }) => path)).toEqual(["a"])
    yield* run("checkpoint" in stopped ? stopped.checkpoint : "")
    expect(["a", "b"].map((file) => readFileSync(join(root, file), "utf8"))).toEqual(["2", "2"])
  }).pipe(inGit)
)

it.scopedLive("W1 W7 a data directory of Millrace inside the work tree is in no checkpoint, and no rewind changes it", () =>
  Effect.gen(function* () {
    const log = { "data/owner.db": "", "data/log.db": "1", "data/deep/blob": "1" }
    // The person has added it to the repository, against its `.gitignore`.
    const { checkpoints, preview, root, run, turn, write } = yield* fixture({ a: "1", ...log })
    yield* turn(write({ a: "2", "data/log.db": "2", "data/deep/blob": "2", "data/new": "2" }))
    const { changes, left } = yield* preview(1)
    expect(changes.map(({ path }) => path)).toEqual(["a"])
    expect(left.map(({ reason }) => reason)).toEqual(left.map(() => "it is in a data directory of Millrace"))
    expect(yield* run(1)).toMatchObject({ changed: 1 })
    expect(readFileSync(join(root, "a"), "utf8")).toBe("1")
    const kept = ["log.db", "deep/blob", "new"].map((name) => readFileSync(join(root, "data", name), "utf8"))
    expect(kept).toEqual(["2", "2", "2"])
    const { commit } = yield* checkpoints.now(root)
    expect(Object.keys(Person.treeOf(root, commit)).toSorted()).toEqual(["a", "data/owner.db"])
    // The root is one.
    const itself = yield* fixture({ "owner.db": "", "log.db": "1" })
    yield* itself.turn(itself.write({ "log.db": "2", new: "2" }))
    expect((yield* itself.preview(1)).changes).toEqual([])
    const { commit: ofItself } = yield* itself.checkpoints.now(itself.root)
    expect(Object.keys(Person.treeOf(itself.root, ofItself))).toEqual(["owner.db"])
  }).pipe(inGit)
)
