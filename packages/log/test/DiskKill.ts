/** Rounds of deaths: a process appends, packs, prunes, deletes and erases, another one backs up or restores, one of them dies by SIGKILL, and the next start is checked. */
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { mulberry32 } from "@millrace/testing/SeededScheduler"
import * as Manifest from "@millrace/log/internal/backup/Manifest"
import * as Sqlite from "@millrace/log/internal/Sqlite"
import { maintenanceSteps } from "@millrace/log/Storage"
import { Effect, Either, Fiber } from "effect"
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bundled, type Child, start } from "./child.ts"
import { DiskModel, filesWith, type Life, lifeOf, wordOf } from "./DiskModel.ts"

/** Steps of a life, with the greatest number of times that one is passed before the death. */
const lifeSteps: ReadonlyArray<readonly [step: string, most: number]> = [
  ...maintenanceSteps.map((step) => [step, 6] as const),
  ...["begin", "streams", "blobs", "events", "rows", "deletes", "commit", "committed"].map((step) => [step, 60] as const)
]
const backupSteps: ReadonlyArray<readonly [step: string, most: number]> = [
  ...["begun", "database", "files", "synced", "manifest", "replaced", "cleaned"].map((step) => [step, 1] as const),
  ["part", 9]
]
const restoreSteps: ReadonlyArray<readonly [step: string, most: number]> = [
  ...["checked", "begun", "database", "filled", "verified", "rewound", "synced", "ready", "placing", "done"].map(
    (step) => [step, 1] as const
  ),
  ["file", 2],
  ["moved", 4],
  ["placed", 4]
]
/** After this step the next start finishes the restore. */
const committed: ReadonlySet<string> = new Set(["ready", "moved", "placing", "placed", "done"])

/** Whether the next start opens the restored log: the files are complete, or in place. */
const isRestored = (dataDir: string, before: string | undefined): boolean => {
  if (["restore.ready", "restore.placing"].some((name) => existsSync(join(dataDir, name)))) return true
  const db = Sqlite.openReader(join(dataDir, "log.db"))
  const epoch = db.prepare("SELECT value FROM meta WHERE key = 'epoch'").pluck().get()
  Sqlite.close(db)
  return epoch !== before
}

type Kind = "life" | "life and backup" | "backup" | "restore"

export interface Report {
  readonly violations: ReadonlyArray<string>
  /** Rounds by kind of work. */
  readonly kinds: Readonly<Record<Kind, number>>
  /** Steps at which a process died. */
  readonly steps: ReadonlySet<string>
  readonly randomDeaths: number
  readonly events: number
  readonly deletions: number
  readonly backups: number
  readonly restores: number
}

const nothing: Life = { events: [], acked: 0, trims: [], deletions: [], blobs: [] }

export const run = ({
  onRound = () => {},
  rounds,
  seed
}: {
  readonly rounds: number
  readonly seed: number
  readonly onRound?: (line: string) => void
}) =>
  Effect.gen(function* () {
    const random = mulberry32(seed)
    const below = (bound: number) => Math.floor(random() * bound)
    const pick = <A>(from: ReadonlyArray<A>): A => from[below(from.length)] as A
    const [writer, copier] = [yield* bundled("disk-child"), yield* bundled("backup-child")]
    const dataDir = join(yield* temporaryDirectory, "data")
    const target = join(yield* temporaryDirectory, "backup")
    const model = new DiskModel()
    const violations: Array<string> = []
    const steps = new Set<string>()
    const kinds: Record<Kind, number> = { life: 0, "life and backup": 0, backup: 0, restore: 0 }
    const sum = { randomDeaths: 0, events: 0, deletions: 0, backups: 0, restores: 0 }

    const manifest = () => Either.getOrUndefined(Manifest.read(target))
    /** A step and a number, a time in milliseconds from the first line on, or none. */
    const death = (from: ReadonlyArray<readonly [step: string, most: number]>, longest: number) => {
      const [step, most] = pick(from)
      const kind = below(6)
      const millis = kind === 3 || kind === 4 ? below(longest) : undefined
      return { step: kind < 3 ? step : "none", at: 1 + below(most), millis }
    }
    const killed = (child: Child, { millis }: ReturnType<typeof death>) =>
      millis === undefined
        ? Effect.void
        : Effect.zipRight(
            Effect.ignore(child.line),
            Effect.delay(
              Effect.sync(() => child.process.kill("SIGKILL")),
              millis
            )
          )
    const ended = (child: Child, plan: ReturnType<typeof death>, what: string) =>
      Effect.map(child.end, (end) => {
        if (end.signal !== null) {
          if (plan.millis === undefined) steps.add(`${what} ${plan.step}`)
          else sum.randomDeaths++
        } else if (end.code !== 0) violations.push(`${what} ended with ${end.code}: ${end.error}`)
        return end
      })

    const life = (isBackedUp: boolean) =>
      Effect.gen(function* () {
        const plan = death(lifeSteps, 500)
        const old = model.living.slice(-6).filter(() => below(2) === 0)
        const args = [dataDir, String(1 + below(1e9)), old.join(","), plan.step, String(plan.at)]
        const child = yield* start(writer, args)
        yield* Effect.ignore(child.line)
        const backup = isBackedUp ? yield* Effect.fork(backedUp) : undefined
        yield* killed(child, plan)
        const { lines } = yield* ended(child, plan, "life")
        if (backup !== undefined) yield* Fiber.join(backup)
        return lifeOf(lines)
      }).pipe(Effect.scoped)

    /** To its end, or to its death. */
    const backedUp = Effect.gen(function* () {
      const plan = death(backupSteps, 200)
      const child = yield* start(copier, ["backup", dataDir, target, plan.step, String(plan.at)])
      yield* killed(child, plan)
      const { signal } = yield* ended(child, plan, "backup")
      if (signal === null) sum.backups++
      return signal === null
    }).pipe(Effect.scoped)

    const restored = Effect.gen(function* () {
      const found = manifest()
      if (found === undefined) return
      const before = model.epoch
      const plan = death(restoreSteps, 200)
      const dying = yield* start(copier, ["restore", dataDir, target, plan.step, String(plan.at)])
      yield* killed(dying, plan)
      const { signal } = yield* ended(dying, plan, "restore")
      const isCommitted = isRestored(dataDir, before)
      if (signal === null && !isCommitted) violations.push("a restore ended and restored nothing")
      if (signal !== null && plan.millis === undefined && isCommitted !== committed.has(plan.step))
        violations.push(`a restore that died at ${plan.step} is ${isCommitted ? "" : "not "}committed`)
      if (isCommitted) model.rewind(found)
      violations.push(...(yield* checked(nothing, `restore, ${plan.step} ${plan.at}`)))
      // Again, to its end, from whatever was left.
      const child = yield* start(copier, ["restore", dataDir, target, "none", "1"])
      const { code, error } = yield* child.end
      if (code !== 0) violations.push(`a repeated restore ended with ${code}: ${error}`)
      model.rewind(found)
      sum.restores++
      violations.push(...(yield* checked(nothing, "repeated restore")))
      if (model.epoch === before || model.epoch === found.logEpoch) violations.push("a restored log has an old epoch")
    }).pipe(Effect.scoped)

    const checked = (found: Life, where: string) =>
      Effect.map(model.check(dataDir, found), (wrong) => {
        // The files that a restore moved aside are unchanged.
        for (const name of readdirSync(dataDir))
          if (name.startsWith("replaced-")) rmSync(join(dataDir, name), { recursive: true })
        return wrong.map((line) => `${where}: ${line}`)
      })

    yield* model.check(dataDir, nothing)
    writeFileSync(join(dataDir, "tokens.jsonl"), "tokens")
    for (let round = 1; round <= rounds; round++) {
      const began = performance.now()
      const dice = below(10)
      const kind: Kind =
        dice < 5
          ? "life"
          : dice < 7
            ? "life and backup"
            : dice < 8 || !existsSync(join(target, "manifest.json"))
              ? "backup"
              : "restore"
      kinds[kind]++
      const known = violations.length
      const head = model.head
      const deletedBefore = new Set(model.deleted.keys())
      if (kind === "restore") yield* restored
      else {
        const found = kind === "backup" ? nothing : yield* life(kind === "life and backup")
        if (kind === "backup") {
          const isWhole = yield* backedUp
          const words = [...deletedBefore].filter((name) => (model.deleted.get(name) ?? 0) <= (manifest()?.head ?? 0)).map(wordOf)
          // One that was killed may leave objects of the earlier one.
          if (isWhole && manifest()?.head === model.head)
            for (const name of filesWith(target, words))
              violations.push(`the backup's ${name} contains words of a deleted thread`)
        }
        violations.push(...(yield* checked(found, kind)))
      }
      sum.events += Math.max(0, model.head - head)
      sum.deletions += [...model.deleted.keys()].filter((name) => !deletedBefore.has(name)).length
      for (const [n, line] of violations.entries()) if (n >= known) violations[n] = `round ${round}: ${line}`
      for (const line of violations.slice(known)) onRound(line)
      onRound(
        `round ${round}, ${kind}: head ${model.head}, ${violations.length - known} violations, ${Math.round(performance.now() - began)} ms`
      )
    }
    return { violations, kinds, steps, ...sum } satisfies Report
  }).pipe(Effect.scoped)
