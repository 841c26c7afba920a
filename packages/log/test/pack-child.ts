/**
 * Packs the log named by its first argument in segments of 40 events, and trims it after that. Kills itself when it passes the step (second argument) for the
 * given time (third).
 */
import { Effect } from "effect"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"

const [, , file = "", step = "", at = "1"] = process.argv

let passed = 0
const program = Effect.gen(function* () {
  const log = yield* EventLogSqlite.make({
    file,
    onStep: (here) => {
      if (here === step && ++passed === Number(at)) process.kill(process.pid, "SIGKILL")
    }
  })
  const head = yield* log.head
  for (let below = 41; below <= head + 1; below += 40) while ((yield* log.pack({ below, before: "9999", partial: true })).more);
  yield* log.trim(90)
}).pipe(Effect.scoped)

await Effect.runPromise(program)
