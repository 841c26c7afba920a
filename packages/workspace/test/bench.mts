/** `tsx packages/workspace/test/bench.mts [FILES]`: checkpoints of a large repository. */
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { layerMemory } from "@millrace/providers/process/Ledger"
import * as Checkpoints from "@millrace/workspace/Checkpoints"
import * as Git from "@millrace/workspace/Git"
import { Effect, Layer } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import * as Person from "./Person.ts"

const count = Number(process.argv[2] ?? 100_000)
const base = mkdtempSync(join(tmpdir(), "millrace-bench-"))
const root = join(base, "repository")
Person.init(root)
for (let at = 0; at < count; at += 1000)
  Person.write(
    root,
    Object.fromEntries(
      Array.from({ length: 1000 }, (_, n) => [`d${at / 1000}/s${n % 10}/f${n}.txt`, `file ${at + n}\n`.repeat(20)])
    )
  )
Person.commitAll(root)

const threadId = ThreadId.make("thr_bench")
const measure = Effect.gen(function* () {
  const checkpoints = yield* Checkpoints.make({ home: join(base, "home") })
  const one = (what: string, n: number) =>
    Effect.gen(function* () {
      const began = performance.now()
      yield* checkpoints.take({ threadId, turnId: TurnId.make(`trn_${n}`), point: "start", cwd: root })
      console.log(`${what}: ${Math.round(performance.now() - began)} ms, load ${loadavg()[0]?.toFixed(1)}`)
    })
  yield* one("first", 0)
  for (let n = 1; n <= 5; n++) {
    for (let at = 0; at < 10; at++) writeFileSync(join(root, `d${at}/s${at}/f${at}.txt`), `changed ${n}\n`)
    yield* one("after ten changed files", n)
  }
  yield* one("after none", 6)
})
await Effect.runPromise(measure.pipe(Effect.scoped, Effect.provide(Layer.provide(Git.layer, layerMemory))))
rmSync(base, { recursive: true, force: true })
