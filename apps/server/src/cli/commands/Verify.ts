/** `millrace verify`: its flags. The program itself is loaded on demand (VerifyProgram.ts). */
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import { failed } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"

export const command = Command.make("verify", { json: Flags.json, data: Flags.data }, ({ data, json }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    yield* output.progress("checking the log")
    const { verify } = yield* Effect.promise(() => import("./VerifyProgram.ts"))
    const report = yield* verify(data)
    yield* output.progress(undefined)
    const { events, problemCount, problems, rewinds, rows, streams } = report
    if (json) yield* Output.json({ ok: problemCount === 0, ...report })
    else {
      for (const { at, data, offset } of rewinds)
        yield* output.out(
          `${output.outStyle.yellow("--")}  rewound from ${data.from} to ${data.to} at ${at} (event ${offset}): ${data.reason}\n`
        )
      for (const problem of problems) yield* output.out(`${output.outStyle.red("!!")}  ${problem}\n`)
      if (problemCount === 0)
        yield* output.out(`${output.outStyle.green("ok")}  ${events} events in ${streams} streams, ${rows} rows of read models\n`)
    }
    if (problemCount > 0)
      return yield* failed(
        `The log of ${data} has ${problemCount} problems. Keep a copy of that directory, and please report the problems.`
      )
  })
).pipe(Command.withDescription("Check the log: offsets and versions have no holes, and read models equal a fresh replay."))
