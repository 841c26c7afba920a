/** `MILLRACE_REWIND_ROUNDS`: number of histories. Discards of single files: the checks of their paths, and random histories of an agent and a person with a model of every file. */
import { expect, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Checkpoints from "@millrace/workspace/Checkpoints"
import * as Git from "@millrace/workspace/Git"
import * as Rewinds from "@millrace/workspace/Rewinds"
import { Effect, FastCheck, Layer } from "effect"
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import * as Person from "./Person.ts"
import { Act, differs, edit, mixed, names } from "./RewindModel.ts"

const threadId = ThreadId.make("thr_d")

/** A repository, turns of an agent in it, and discards to the state before the first one. */
const fixture = (files: Readonly<Record<string, string>>, below = "") =>
  Effect.gen(function* () {
    const base = realpathSync(yield* temporaryDirectory)
    const [root, home] = [join(base, "work"), join(base, "home")]
    Person.init(root)
    Person.write(root, files)
    Person.commitAll(root)
    const cwd = join(root, below)
    const checkpoints = yield* Checkpoints.make({ home })
    const rewinds = yield* Effect.provideService(Rewinds.make({ home }), Checkpoints.Checkpoints, checkpoints)
    const turns: Array<TurnId> = []
    const turn = (work: () => void) =>
      Effect.gen(function* () {
        const turnId = TurnId.make(`trn_${turns.length + 1}`)
        turns.push(turnId)
        yield* checkpoints.take({ threadId, turnId, point: "start", cwd })
        work()
        yield* checkpoints.take({ threadId, turnId, point: "end", cwd })
      })
    const request = (paths: ReadonlyArray<string>, since?: TurnId) => ({ threadId, cwd, goal: { since }, paths, actor: "local" })
    const discard = (paths: ReadonlyArray<string>, expected?: string, since?: TurnId) =>
      rewinds.run({ ...request(paths, since), expected }, (outcome) => outcome)
    const preview = (paths: ReadonlyArray<string>) => rewinds.preview(request(paths))
    const back = (checkpoint: string) =>
      rewinds.run({ threadId, cwd, goal: { checkpoint }, actor: "local" }, (outcome) => outcome)
    return { root, turn, turns, discard, preview, back, checkpoints }
  })

const inGit = Effect.provide(Layer.provideMerge(Git.layer, layerMemory))

it.scopedLive(
  "W7 a discard names files that turns changed; each other path is refused with the reason, and nothing changes",
  () =>
    Effect.gen(function* () {
      const { back, discard, preview, root, turn } = yield* fixture(
        { ".gitignore": "*.log\n", "s/a": "1", "s/d/x": "1", "s/old": "long enough", outer: "1", "s/own": "1" },
        "s"
      )
      yield* turn(() => {
        Person.write(root, { "s/a": "2", "s/d/x": "2", "s/n.log": "2", outer: "2" })
        renameSync(join(root, "s/old"), join(root, "s/new"))
      })
      Person.write(root, { "s/own": "mine" })
      const changed = Person.stateOf(root)
      const refused = (...paths: ReadonlyArray<string>) => Effect.flip(discard(["a", ...paths]))
      const [untouched, ignored] = ["no turn changed it since then", "it is ignored, and checkpoints have no ignored files"]
      expect(yield* refused("d/", "n.log", "own", "outer", "../.git/config")).toMatchObject({
        rule: "NothingToDiscard",
        message: expect.stringContaining(
          `s/d/ (it is a directory; name its files), s/n.log (${ignored}), s/own (${untouched}), s/outer (${untouched}), .git/config (${untouched})`
        )
      })
      const outside = "it is outside of the work tree; name it relative to the thread's directory"
      expect(yield* refused("../../elsewhere", join(root, "s/a"))).toMatchObject({
        rule: "NothingToDiscard",
        message: expect.stringContaining(`../../elsewhere (${outside}), ${join(root, "s/a")} (${outside})`)
      })
      expect(Person.stateOf(root)).toEqual(changed)

      const done = yield* discard(["a", "../outer", "new"])
      expect(done.changed).toBe(3)
      const { files, git } = Person.stateOf(root)
      expect(differs(changed.files, files).toSorted()).toEqual(["outer", "s/a", "s/new"])
      expect(git).toEqual(changed.git)
      // The files are as asked already: a repeated command of a server that ended finds them so.
      expect(yield* discard(["a"])).toMatchObject({ changed: 0 })
      Person.write(root, { "s/a": "the person's" })
      expect(yield* Effect.flip(discard(["a"]))).toMatchObject({ rule: "WorkspaceChanged" })
      const { expected } = yield* preview(["a"])
      expect(yield* discard(["a"], expected)).toMatchObject({ changed: 1 })
      yield* back(done.checkpoint)
      expect(Person.stateOf(root)).toEqual(changed)
    }).pipe(inGit)
)

it.scopedLive(
  "W7 a discard to a later turn; what a turn without a checkpoint of its end changed counts as changed by others",
  () =>
    Effect.gen(function* () {
      const { checkpoints, discard, preview, root, turn, turns } = yield* fixture({ a: "1", b: "1" })
      // As a turn that failed in the setup of its worktree, and whose end could not be stored.
      const cut = TurnId.make("trn_cut")
      yield* checkpoints.take({ threadId, turnId: cut, point: "start", cwd: root })
      Person.write(root, { a: "2", b: "2" })
      yield* turn(() => Person.write(root, { a: "3" }))
      yield* turn(() => Person.write(root, { a: "4" }))
      const plan = yield* preview(["a"])
      expect(plan.changes.map(({ changedSince, path }) => [path, changedSince])).toEqual([["a", true]])
      expect(yield* Effect.flip(discard(["b"]))).toMatchObject({ rule: "NothingToDiscard" })
      expect(yield* Effect.flip(discard(["a"], undefined, TurnId.make("trn_none")))).toMatchObject({ rule: "NoCheckpoint" })
      yield* discard(["a"], undefined, turns[1])
      expect(readFileSync(join(root, "a"), "utf8")).toBe("3")
      yield* discard(["a"], (yield* preview(["a"])).expected)
      expect(readFileSync(join(root, "a"), "utf8")).toBe("1")
    }).pipe(inGit)
)

it.scopedLive(
  "W7 where a link leads to a project that was moved, paths are still relative to the thread's directory, which stays",
  () =>
    Effect.gen(function* () {
      const { discard, root, turn } = yield* fixture({ outer: "1" }, "s")
      mkdirSync(join(root, "s"))
      renameSync(root, `${root}-moved`)
      symlinkSync(`${root}-moved`, root)
      yield* turn(() => Person.write(root, { "s/a": "2", outer: "2" }))
      expect(yield* discard(["a", "../outer"])).toMatchObject({ changed: 2 })
      expect([existsSync(join(root, "s")), existsSync(join(root, "s/a"))]).toEqual([true, false])
    }).pipe(inGit)
)

const rounds = Number(process.env["MILLRACE_REWIND_ROUNDS"] ?? 1)
const History = FastCheck.record({
  first: FastCheck.array(Act, { minLength: 3, maxLength: 5 }),
  between: FastCheck.array(Act, { maxLength: 2 }),
  second: FastCheck.array(Act, { minLength: 1, maxLength: 4 }),
  chosen: FastCheck.array(FastCheck.nat(50), { minLength: 2, maxLength: 4 })
})
const personal = ["p", "q", "o.ign"]

it.scopedLive.each(FastCheck.sample(History, { numRuns: rounds, seed: 18 }))(
  "W1 W7 a discard in a random history takes back the named files, keeps all others, and leads back: %j",
  ({ between, chosen, first, second }) =>
    Effect.gen(function* () {
      const { back, preview, root, turn, discard } = yield* fixture({
        ".gitignore": "*.ign\n",
        a: "0",
        "d/e": "0",
        p: "0",
        "k.ign": "0"
      })
      mkdirSync(join(root, "../elsewhere"))
      const before = Person.files(root)
      const ends: Array<Record<string, string>> = [before]
      yield* turn(() => first.forEach((act) => edit(root, names, act)))
      ends.push(Person.files(root))
      between.forEach((act) => edit(root, personal, act))
      ends.push(Person.files(root))
      yield* turn(() => second.forEach((act) => edit(root, names, act)))
      ends.push(Person.files(root))
      Person.write(root, { q: "staged" })
      Person.git(root, "add", "-A")
      Person.write(root, { q: "and changed" })
      const own = new Set([...differs(ends[0] ?? {}, ends[1] ?? {}), ...differs(ends[2] ?? {}, ends[3] ?? {})])
      const now = Person.stateOf(root)
      expect(own.size).toBeGreaterThan(0)
      const paths = [...new Set(chosen.map((at) => [...own][at % own.size] ?? ""))]
      const plan = yield* preview(paths)
      const changes = differs(now.files, before).filter((path) => paths.includes(path))
      expect(plan.changes.map(({ path }) => path)).toEqual(changes.toSorted())
      const done = yield* discard(paths, plan.expected)
      expect(Person.stateOf(root)).toEqual({ git: now.git, files: mixed(now.files, before, changes) })
      yield* back(done.checkpoint)
      expect(Person.stateOf(root)).toEqual(now)
    }).pipe(inGit)
)
