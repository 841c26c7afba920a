/** `millrace log backup|restore`: the data directory on disk. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect } from "effect"
import { fromError } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import { plural, size } from "../terminal/Amounts.ts"

const common = { json: Flags.json, data: Flags.data }

const backup = Command.make(
  "backup",
  {
    ...common,
    directory: Flags.argument("DIR").pipe(Args.withDescription("Directory of the backup; created if it is missing."))
  },
  ({ data, directory, json }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { backup } = yield* Effect.promise(() => import("@millrace/log/Backup"))
      const summary = yield* Effect.mapError(backup({ dataDir: data, target: directory, onProgress: output.progress }), fromError)
      yield* output.progress(undefined)
      if (json) return yield* Output.json(summary)
      const { added, bytes, head } = summary
      yield* output.out(
        `${output.outStyle.green("ok")}  ${plural(head, "event")} and all other files in ${directory}: ${size(bytes)}, ${size(added.bytes)} of it new\n`
      )
    })
).pipe(
  Command.withDescription(
    "Back up the data directory, also while its server runs. Into the same directory again: only what is new is written."
  )
)

const restore = Command.make(
  "restore",
  {
    ...common,
    directory: Flags.argument("DIR").pipe(Args.withDescription("Directory that millrace log backup wrote.")),
    replace: Options.boolean("replace").pipe(
      Options.withDescription("Move the files that are in the data directory aside. Nothing is deleted.")
    )
  },
  ({ data, directory, json, replace }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { restore } = yield* Effect.promise(() => import("@millrace/log/Restore"))
      const { problemsOf } = yield* Effect.promise(() => import("./VerifyProgram.ts"))
      const summary = yield* Effect.mapError(
        restore({ source: directory, dataDir: data, replace, check: problemsOf, onProgress: output.progress }),
        fromError
      )
      yield* output.progress(undefined)
      if (json) return yield* Output.json(summary)
      const { at, head, replaced } = summary
      yield* output.out(
        `${output.outStyle.green("ok")}  ${data} has the backup of ${at}: ${plural(head, "event")}. Clients take a new snapshot: the log has a new epoch.\n`
      )
      if (replaced !== undefined)
        yield* output.out(`    The old files are in ${replaced}. Delete them when you no longer need them.\n`)
    })
).pipe(
  Command.withDescription(
    "Restore a backup into a data directory that no server uses. Everything is checked before anything changes."
  )
)

export const command = Command.make("log").pipe(
  Command.withDescription("The data directory on disk: back up and restore."),
  Command.withSubcommands([backup, restore])
)
