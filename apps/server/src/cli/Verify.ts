/** `millrace verify`: checks the whole log. Exit 1 when a promise does not hold, each breach on a line of its own. */
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import { failed } from "./Failure.ts"
import * as Flags from "./Flags.ts"

export const command = Command.make("verify", { json: Flags.json, data: Flags.data }, () =>
  Effect.fail(failed("verify is not wired yet"))
).pipe(Command.withDescription("Check the log: offsets and versions without holes, read models equal to a fresh fold."))
