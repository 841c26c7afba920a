/** `millrace doctor`: checks this machine and a data directory, and reports how to fix each problem. Exits with 1 if a check fails. */
import * as Command from "@effect/cli/Command"
import { Effect, Option } from "effect"
import * as Checks from "../doctor/Checks.ts"
import { failed } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"

export const command = Command.make(
  "doctor",
  { json: Flags.json, data: Flags.data, host: Flags.host, port: Flags.port },
  ({ data, host, json, port }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { load } = yield* Effect.promise(() => import("../config/ConfigurationFile.ts"))
      const { configuration } = yield* load(data, process.cwd())
      yield* output.progress("checking")
      const checks = yield* Checks.all({
        dataDir: data,
        host: Option.getOrElse(host, () => configuration.server?.host ?? Flags.defaultHost),
        port: configuration.server?.port ?? Flags.defaultPort,
        maxLogBytes: configuration.log?.maxBytes,
        portFlag: Flags.orUndefined(port)
      })
      yield* output.progress(undefined)
      const wrong = checks.filter((check) => check.status === "wrong")
      if (json) yield* Output.json({ ok: wrong.length === 0, checks })
      else {
        const { outStyle: style } = output
        const marks = { ok: style.green("ok"), note: style.yellow("--"), wrong: style.red("!!") }
        const rows = checks.map(({ found, name, status }) => [marks[status], name, found])
        const lines = Output.table(rows, 1_000).trimEnd().split("\n")
        const fixes = checks.map(({ fix }) => (fix === undefined ? "" : `\n    ${style.dim("→")} ${output.withCommandName(fix)}`))
        yield* output.out(lines.map((text, n) => `${text}${fixes[n] ?? ""}\n`).join(""))
      }
      if (wrong.length > 0)
        return yield* failed(`${wrong.length} of ${checks.length} checks failed: ${wrong.map(({ name }) => name).join(", ")}`)
    })
).pipe(Command.withDescription("Check this machine and the data directory, and report how to fix what is wrong."))
