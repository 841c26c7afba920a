/** `millrace discard`: single files of a thread as they were before its turns. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Client from "@millrace/client/Client"
import { defined } from "@millrace/contracts/Defined"
import { Effect } from "effect"
import * as Connect from "../client/Connect.ts"
import * as Workspaces from "../client/Workspaces.ts"
import { fromError } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import { plural } from "../terminal/Amounts.ts"
import { confirmed, show } from "./Rewind.ts"

export const command = Command.make(
  "discard",
  {
    ...Flags.ofThread,
    paths: Flags.argument("PATH").pipe(
      Args.withDescription("The files, relative to the thread's directory. See: millrace diff THREAD"),
      Args.atLeast(1)
    ),
    turn: Flags.turnFlag("Back to the state before this turn. Default: before the thread's first turn that has a checkpoint."),
    dryRun: Options.boolean("dry-run").pipe(Options.withDescription("Only list what would change.")),
    yes: Options.boolean("yes").pipe(Options.withAlias("y"), Options.withDescription("Do not ask."))
  },
  ({ data, dryRun, json, paths, thread, turn, url, yes }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const where = { dataDir: data, url: Flags.orUndefined(url) }
      const goal = { paths, ...defined({ turnId: Flags.orUndefined(turn) }) }
      const preview = yield* Workspaces.previewRewind(where, thread, goal)
      const isNothing = preview.files.length === 0
      if (json && (dryRun || isNothing)) return yield* Output.json(preview)
      if (!json) yield* show(preview)
      if (isNothing) return yield* output.note("No file would change.")
      if (dryRun) return yield* output.note(`${plural(preview.files.length, "file")} would change.`)
      if (!yes) yield* confirmed(`Discard the changes of ${plural(preview.files.length, "file")}?`, "discard")
      const { millrace } = yield* Connect.server(where)
      const accepted = yield* Client.command("workspace.discard", {
        threadId: thread,
        expected: preview.expected,
        ...goal
      }).pipe(Effect.flatMap(millrace.dispatch), Effect.mapError(fromError))
      if (json) return yield* Output.json(accepted)
      yield* output.note(`Changed ${plural(preview.files.length, "file")}.`)
      yield* output.note(`To take this back: millrace rewind ${thread} --checkpoint ${accepted.checkpoint ?? ""}`)
    })
).pipe(
  Command.withDescription(
    "Take single files of a thread back to how they were before its turns. Lists the changes and asks first."
  )
)
