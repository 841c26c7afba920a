/** `millrace diff THREAD`: what an agent changed, as a unified diff or as JSON. */
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import * as Workspaces from "../client/Workspaces.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Text from "../terminal/Style.ts"

const coloured = (style: Text.Style, line: string): string =>
  /^(diff |index |--- |\+\+\+ )/.test(line)
    ? style.bold(line)
    : line.startsWith("@@")
      ? style.cyan(line)
      : line.startsWith("+")
        ? style.green(line)
        : line.startsWith("-")
          ? style.red(line)
          : line

export const command = Command.make(
  "diff",
  { ...Flags.ofThread, turn: Flags.turnFlag("Only what this turn changed. Default: from the thread's first turn to now.") },
  ({ data, json, thread, turn, url }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const where = { dataDir: data, url: Flags.orUndefined(url) }
      const turnId = Flags.orUndefined(turn)
      if (json) return yield* Output.json(yield* Workspaces.diff(where, thread, turnId))
      const { late, patch, truncated } = yield* Workspaces.patch(where, thread, turnId)
      // A terminal gets no control characters of files; a pipe gets the diff as it is.
      const shown = output.outIsTerminal
        ? patch
            .split("\n")
            .map((line) => coloured(output.outStyle, Text.harmless(line)))
            .join("\n")
        : patch
      yield* output.out(shown)
      if (patch === "") yield* output.note("No changes.")
      if (truncated) yield* output.note("The diff is cut: it is larger than 8 MiB.")
      if (late)
        yield* output.note("A checkpoint was taken while an agent worked: changes can be missing, or be those of another turn.")
    })
).pipe(Command.withDescription("Show what a thread, or one of its turns, changed. The server must take checkpoints."))
