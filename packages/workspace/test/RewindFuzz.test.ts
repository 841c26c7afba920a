/** `MILLRACE_REWIND_ROUNDS`: number of rounds; `MILLRACE_REWIND_SEED`: their seed. */
import { expect, it } from "@effect/vitest"
import { Cause, Effect, FastCheck } from "effect"
import { execFileSync } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Person from "./Person.ts"
import * as Model from "./RewindModel.ts"

const rounds = Number(process.env["MILLRACE_REWIND_ROUNDS"] ?? 1)
const seed = Number(process.env["MILLRACE_REWIND_SEED"] ?? 18)

it.live(
  "W1 W7 W8 a person's work between turns, rewinds, ways back and deaths: every file and the git directory are as the model says",
  () =>
    Effect.gen(function* () {
      const total = { rewinds: 0, refused: 0, deaths: 0, backs: 0 }
      for (const [at, round] of FastCheck.sample(Model.Round, { numRuns: rounds, seed }).entries()) {
        const counts = yield* Effect.catchAllDefect(Model.run(round), (cause) =>
          Effect.die(new Error(`seed ${seed}, round ${at}: ${JSON.stringify(round)}`, { cause }))
        )
        if (rounds > 10 && at % 10 === 9) console.log(`${at + 1} rounds`, JSON.stringify(total))
        for (const name of ["rewinds", "refused", "deaths", "backs"] as const) total[name] += counts[name]
      }
      expect(Object.values(total).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0)
    }),
  300_000 + rounds * 60_000
)

const act = (kind: number, name: number, text = 0) => ({ act: kind, name, text })
/** A turn that changes `a` and creates `b`, next to a person's untracked file; its rewind; the way back. */
const round = (rewind: string, back = false, step = 0): Model.Round => [
  { person: [act(3, 1)], agent: [act(3, 0, 1), act(3, 1)], after: [act(3, 2)], rewind, back, turn: 0, step, nth: 1 }
]

const applied = (work: (place: Model.Place) => void): Model.Mutant => ({
  onStep: (place, step) => (step === "applied" ? work(place) : undefined)
})
const mutants: Readonly<Record<string, { readonly rewind: string; readonly found: string; readonly mutant: Model.Mutant }>> = {
  "writes the real index": {
    rewind: "plain",
    found: "rewind: git",
    mutant: applied(({ root }) => Person.git(root, "-c", "core.hooksPath=/dev/null", "add", "-A"))
  },
  "cleans untracked files": { rewind: "plain", found: "rewind", mutant: applied(({ root }) => rmSync(join(root, "q"))) },
  "follows a link out": {
    rewind: "plain",
    found: "rewind: elsewhere",
    mutant: applied(({ elsewhere }) => writeFileSync(join(elsewhere, "f"), "1"))
  },
  "runs a hook": {
    rewind: "plain",
    found: "rewind: a hook ran",
    mutant: applied(({ root }) => execFileSync(join(root, ".git/hooks/pre-commit")))
  },
  "rewinds without the compare": {
    rewind: "stale",
    found: "refused: ",
    mutant: {
      service: (service) => ({
        ...service,
        run: (request, record) =>
          Effect.flatMap(service.preview(request), ({ expected }) => service.run({ ...request, expected }, record))
      })
    }
  },
  "no safety checkpoint": {
    rewind: "plain",
    found: "The thread has no rewind with this checkpoint",
    mutant: {
      onStep: ({ root }, step) => {
        if (step === "saved") rmSync(join(root, ".git/refs/millrace/threads/thr_f/rewinds"), { recursive: true })
      }
    }
  }
}

it.live.each(Object.keys(mutants))("W7 the rounds find this fault: %s", (name) =>
  Effect.gen(function* () {
    const { found, mutant, rewind } = mutants[name] ?? { found: "none", mutant: {}, rewind: "plain" }
    const failure = Cause.squash(
      yield* Effect.flip(Effect.sandbox(Model.run(round(rewind, name === "no safety checkpoint"), mutant)))
    )
    expect(failure instanceof Error ? failure.message : failure).toMatch(new RegExp(`^${found}`))
  })
)
it.live("W7 the same rounds without a fault find none", () =>
  Effect.gen(function* () {
    expect(yield* Model.run(round("plain", true))).toMatchObject({ rewinds: 1, backs: 1 })
  })
)
it.live("W7 W8 a process that is killed between two files of a rewind leaves a way back", () =>
  Effect.gen(function* () {
    // The step after the first file is replaced.
    expect(yield* Model.run(round("death", false, 6))).toMatchObject({ deaths: 1, backs: 1 })
  })
)
