/** `pnpm bench NAME`: each bench is a module beside this one that exports `run`. */
import { Effect, Scheduler } from "effect"

const benches: Readonly<Record<string, () => Promise<{ readonly run: Effect.Effect<void, unknown> }>>> = {
  log: () => import("./log.ts"),
  engine: () => import("./engine.ts")
}

const name = process.argv[2] ?? "log"
const load = benches[name]
if (load === undefined) {
  console.error(`There is no bench ${name}. There are: ${Object.keys(benches).join(", ")}.`)
  process.exit(2)
}
const { run } = await load()
const exit = await Effect.runPromiseExit(run.pipe(Effect.withScheduler(Scheduler.makeBatched((drain) => setImmediate(drain)))))
if (exit._tag === "Failure") {
  console.error(String(exit.cause))
  process.exitCode = 1
}
