/** Rounds of a scripted agent and a person in a real repository, with a model of every file after each rewind, its way back and a death of the server. */
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import * as Ledger from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Checkpoints from "@millrace/workspace/Checkpoints"
import * as Git from "@millrace/workspace/Git"
import * as Rewinds from "@millrace/workspace/Rewinds"
import { Effect, Either, FastCheck, Layer } from "effect"
import { deepStrictEqual, ok, strictEqual } from "node:assert"
import { execFile } from "node:child_process"
import { chmodSync, existsSync, lstatSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Person from "./Person.ts"

type Service = typeof Rewinds.Rewinds.Service
type Snapshot = Readonly<Record<string, string>>
interface Span {
  readonly turnId?: TurnId
  readonly before: Snapshot
  readonly after: Snapshot
}

export interface Place {
  readonly root: string
  /** A directory outside of the work tree. Nothing may change in it. */
  readonly elsewhere: string
  /** Exists if a program of the repository ran. */
  readonly trace: string
}

/** A fault that the rounds must find. */
export interface Mutant {
  readonly onStep?: (place: Place, step: Rewinds.Step) => void
  readonly service?: (service: Service) => Service
}

const threadId = ThreadId.make("thr_f")
export const names = ["a", "b", "d/e", "d/f", "g", "h", "k.ign"]
const personal = ["p", "q", "d/own", "o.ign"]
const deaths: ReadonlyArray<Rewinds.Step> = [
  "planned",
  "saved",
  "journaled",
  "comparing",
  "written",
  "replacing",
  "replaced",
  "applied"
]

export const Act = FastCheck.record({ act: FastCheck.nat(9), name: FastCheck.nat(50), text: FastCheck.nat(3) })
export type Act = { readonly act: number; readonly name: number; readonly text: number }
const acts = (max: number) => FastCheck.array(Act, { minLength: 1, maxLength: max })
/** One round: what happens between and in the turns, and how each rewind is made. */
export const Round = FastCheck.array(
  FastCheck.record({
    person: acts(2),
    agent: acts(4),
    after: FastCheck.array(Act, { maxLength: 2 }),
    rewind: FastCheck.constantFrom("none", "plain", "preview", "stale", "death"),
    back: FastCheck.boolean(),
    turn: FastCheck.nat(5),
    step: FastCheck.nat(7),
    nth: FastCheck.integer({ min: 1, max: 2 })
  }),
  { minLength: 2, maxLength: 3 }
)
export type Round = ReadonlyArray<{
  readonly person: ReadonlyArray<Act>
  readonly agent: ReadonlyArray<Act>
  readonly after: ReadonlyArray<Act>
  readonly rewind: string
  readonly back: boolean
  readonly turn: number
  readonly step: number
  readonly nth: number
}>

const pick = <A>(all: ReadonlyArray<A>, at: number): A => all[at % all.length] as A

export const edit = (root: string, pool: ReadonlyArray<string>, { act, name, text }: Act) => {
  const path = pick(pool, name)
  const at = join(root, path)
  const isLink = lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true
  if (act === 0 || isLink) rmSync(at, { force: true })
  if (act === 1 && existsSync(at)) chmodSync(at, 0o755)
  else if (act === 2 && !existsSync(at)) {
    Person.write(root, { [path]: "" })
    rmSync(at)
    symlinkSync("../elsewhere", at)
  } else if (act > 2) Person.write(root, { [path]: `${pick(["1", "2\r\n", "3\n", "\0"], text)}` })
}

/** Between two turns. The hooks of the repository would leave a trace, so the person runs git without them. */
const personActs = (root: string, act: Act) => {
  const git = (...args: ReadonlyArray<string>) => {
    try {
      Person.git(root, "-c", "core.hooksPath=/dev/null", ...args)
    } catch {
      // Nothing to stash or to commit.
    }
  }
  if (act.act === 5) git("add", "-A")
  else if (act.act === 6) git("stash")
  else if (act.act === 7) git("commit", "-qam", "more")
  else if (act.act === 8) git("switch", "-qc", `b${act.name}${act.text}`)
  else edit(root, act.act === 9 ? names : personal, act)
}

export const differs = (a: Snapshot, b: Snapshot): ReadonlyArray<string> =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((path) => a[path] !== b[path] && !path.endsWith(".ign"))

/** Files as they are after these paths went back. */
export const mixed = (now: Snapshot, target: Snapshot, paths: Iterable<string>): Snapshot => {
  const result: Record<string, string> = { ...now }
  for (const path of paths) {
    const file = target[path]
    if (file === undefined) delete result[path]
    else result[path] = file
  }
  return result
}

/** A rewind in a separate process, which ends by SIGKILL at the nth time of a step. */
export interface Death {
  readonly asked: Parameters<Service["run"]>[0]
  readonly home: string
  /** Directory of its process ledger. */
  readonly ledger: string
  readonly step: Rewinds.Step
  readonly nth: number
}

/** Whether it was killed: the rewind may be complete before that step comes so many times. Then ends what it left, as a start of the server does. */
const killedAt = (death: Death) =>
  Effect.async<boolean>((resume) => {
    const args = ["--import", "tsx", join(import.meta.dirname, "rewindDeath.ts"), JSON.stringify(death)]
    const child = execFile(process.execPath, args, (failure, _, stderr) => {
      if (failure === null) resume(Effect.succeed(false))
      else if (child.signalCode === "SIGKILL") resume(Effect.succeed(true))
      else resume(Effect.die(new Error(`the rewind failed: ${stderr}`)))
    })
  }).pipe(
    Effect.zipLeft(Effect.flatMap(Ledger.Ledger, ({ reap }) => reap)),
    Effect.provide(Ledger.layer(death.ledger)),
    Effect.orDie
  )

const sorted = (snapshot: Snapshot) => Object.entries(snapshot).toSorted(([a], [b]) => (a < b ? -1 : 1))

/** Runs the round; throws at the first difference from the model. Returns how many rewinds, refusals and deaths it had. */
export const run = (round: Round, mutant: Mutant = {}) =>
  Effect.gen(function* () {
    const base = realpathSync(yield* temporaryDirectory)
    const place: Place = { root: join(base, "work"), elsewhere: join(base, "elsewhere"), trace: join(base, "ran") }
    const { elsewhere, root, trace } = place
    const home = join(base, "home")
    Person.init(root)
    Person.write(root, { ".gitignore": "*.ign\n", a: "0", "d/e": "0", p: "0", "k.ign": "0" })
    Person.write(elsewhere, { f: "0" })
    Person.commitAll(root)
    for (const hook of ["post-checkout", "pre-commit", "post-index-change"])
      writeFileSync(join(root, ".git/hooks", hook), `#!/bin/sh\ntouch "${trace}"\n`, { mode: 0o755 })
    const checkpoints = yield* Checkpoints.make({ home })
    const make = (onStep: (step: Rewinds.Step) => Promise<void>) =>
      Effect.map(Effect.provideService(Rewinds.make({ home, onStep }), Checkpoints.Checkpoints, checkpoints), (service) =>
        mutant.service === undefined ? service : mutant.service(service)
      )
    const stepped = async (step: Rewinds.Step) => mutant.onStep?.(place, step)
    const service = yield* make(stepped)
    const outside = Person.files(elsewhere, [])
    const counts = { rewinds: 0, refused: 0, deaths: 0, backs: 0 }
    const spans: Array<Span> = []
    let known = Person.stateOf(root).git
    /** After an act of the server: its git directory as before, and the files as the model has them. */
    const check = (expected: Snapshot, what: string) => {
      const { files, git } = Person.stateOf(root)
      deepStrictEqual(sorted(files), sorted(expected), what)
      deepStrictEqual(git, known, `${what}: git`)
      deepStrictEqual(Person.files(elsewhere, []), outside, `${what}: elsewhere`)
      strictEqual(existsSync(trace), false, `${what}: a hook ran`)
    }
    const goBack = (checkpoint: string, from: Snapshot, paths: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const now = Person.files(root)
        const done = yield* service.run({ threadId, cwd: root, goal: { checkpoint }, actor: "local" }, (outcome) => outcome)
        counts.backs++
        check(mixed(now, from, paths), "way back")
        spans.push({ before: now, after: Person.files(root) })
        return done
      })

    for (const [at, { after, agent, back, nth, person, rewind, step, turn }] of round.entries()) {
      for (const act of person) personActs(root, act)
      const turnId = TurnId.make(`trn_${at + 1}`)
      const before = Person.files(root)
      known = Person.stateOf(root).git
      yield* checkpoints.take({ threadId, turnId, point: "start", cwd: root })
      for (const act of agent) edit(root, names, act)
      const ended = Person.files(root)
      yield* checkpoints.take({ threadId, turnId, point: "end", cwd: root })
      check(ended, "checkpoints")
      spans.push({ turnId, before, after: ended })
      for (const act of after) personActs(root, act)
      if (rewind === "none") continue

      known = Person.stateOf(root).git
      const turns = spans.flatMap((span) => span.turnId ?? [])
      const goal = { turns: turns.slice(turn % turns.length) }
      const since = spans.slice(spans.findIndex((span) => span.turnId === goal.turns[0]))
      const target = since[0]?.before ?? {}
      let now = Person.files(root)
      const own = new Set(since.flatMap((span) => differs(span.before, span.after)))
      const gaps = since.flatMap((span, index) => differs(span.after, since[index + 1]?.before ?? now))
      const others = new Set(gaps)
      const changes = differs(now, target).filter((path) => own.has(path))
      const request = { threadId, cwd: root, goal, actor: "local" }
      const preview = yield* service.preview(request)
      check(now, "preview")
      deepStrictEqual(preview.changes.map(({ path }) => path).toSorted(), changes.toSorted(), "preview")
      for (const { changedSince, path } of preview.changes) strictEqual(changedSince, others.has(path), `changedSince of ${path}`)
      const isPlain = rewind === "plain"
      const [first] = changes
      if (rewind === "stale" && first !== undefined) {
        rmSync(join(root, first), { force: true })
        Person.write(root, { [first]: "changed after the preview" })
        now = Person.files(root)
      }
      const mustRefuse = (isPlain && changes.some((path) => others.has(path))) || (rewind === "stale" && first !== undefined)
      const asked = isPlain ? request : { ...request, expected: preview.expected }
      if (rewind === "death") {
        const end = yield* killedAt({ asked, home, ledger: join(base, "ledger"), nth, step: pick(deaths, step) })
        const next = yield* make(stepped)
        const left = yield* next.unfinished
        const found = Person.files(root)
        for (const path of differs(now, found)) ok(changes.includes(path), `${path} is no part of the rewind`)
        for (const path of changes)
          ok(found[path] === now[path] || found[path] === target[path], `${path} is neither before nor after`)
        check(found, "death")
        const [one] = left
        if (one !== undefined) {
          counts.deaths++
          yield* one.settle
          yield* goBack(one.journal.from, now, changes)
          check(now, "way back after a death")
        } else if (end) check(now, "death before the first file")
        // What came back is as if the rewind had not been; else the rewind is whole.
        if (one === undefined && !end) spans.push({ before: now, after: found })
        return yield* Effect.succeed(counts)
      }
      const done = yield* Effect.either(service.run(asked, (outcome) => outcome))
      strictEqual(Either.isLeft(done), mustRefuse, `refused: ${JSON.stringify(done)}`)
      if (Either.isLeft(done)) {
        counts.refused++
        check(now, "refused")
        return counts
      }
      counts.rewinds++
      check(mixed(now, target, changes), "rewind")
      spans.push({ before: now, after: Person.files(root) })
      if (back) {
        yield* goBack(done.right.checkpoint, now, changes)
        check(now, "way back")
      }
    }
    return counts
  }).pipe(Effect.scoped, Effect.provide(services))

const services = Layer.provideMerge(Git.layer, Ledger.layerMemory)
