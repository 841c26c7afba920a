/** A server that dies: makes the rewind of its argument (`Death`, as JSON) and ends itself by SIGKILL at the nth time of a step. */
import * as Ledger from "@millrace/providers/process/Ledger"
import * as Checkpoints from "@millrace/workspace/Checkpoints"
import * as Git from "@millrace/workspace/Git"
import * as Rewinds from "@millrace/workspace/Rewinds"
import { Effect, Layer } from "effect"
import type { Death } from "./RewindModel.ts"

const { asked, home, ledger, nth, step } = JSON.parse(process.argv[2] ?? "") as Death
let seen = 0
const onStep = (name: Rewinds.Step): Promise<void> => {
  if (name !== step || ++seen !== nth) return Promise.resolve()
  process.kill(process.pid, "SIGKILL")
  return new Promise(() => {})
}
const services = Rewinds.layer({ home, onStep }).pipe(
  Layer.provideMerge(Checkpoints.layer({ home })),
  Layer.provide(Layer.provide(Git.layer, Ledger.layer(ledger)))
)
const rewind = Effect.flatMap(Rewinds.Rewinds, (rewinds) => rewinds.run(asked, (outcome) => outcome))
await Effect.runPromise(Effect.provide(rewind, services))
