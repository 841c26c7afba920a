/** `pnpm bench NAME`: each bench is a module in this directory that exports `run`. `log` then measures the whole engine over that log. */
import * as Fibers from "@millrace/host/Fibers"
import { Effect } from "effect"

interface Bench {
  readonly run: Effect.Effect<void, unknown>
}
const log = (): Promise<Bench> => import("./log.ts")
const engine = (): Promise<Bench> => import("./engine.ts")
const delivery = (): Promise<Bench> => import("./delivery.ts")
const recovery = (): Promise<Bench> => import("./recovery.ts")
const web = (): Promise<Bench> => import("./web.ts")
const search = (): Promise<Bench> => import("./search.ts")
const disk = (): Promise<Bench> => import("./disk.ts")
const soak = (): Promise<Bench> => import("./soak.ts")

const benches: Readonly<Record<string, ReadonlyArray<() => Promise<Bench>>>> = {
  log: [log, engine],
  engine: [engine],
  delivery: [delivery],
  recovery: [recovery],
  search: [search],
  web: [web],
  disk: [disk],
  soak: [soak]
}

const name = process.argv[2] ?? "log"
const chosen = benches[name]
if (chosen === undefined) {
  console.error(`There is no bench ${name}. There are: ${Object.keys(benches).join(", ")}.`)
  process.exit(2)
}
const run = Effect.forEach(chosen, (one) => Effect.flatMap(Effect.promise(one), (bench) => bench.run), { discard: true })
const exit = await Effect.runPromiseExit(Fibers.withServerRuntime(run))
if (exit._tag === "Failure") {
  console.error(String(exit.cause))
  process.exitCode = 1
}
