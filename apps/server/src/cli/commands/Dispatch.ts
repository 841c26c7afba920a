/** Sends one command to the running server and prints its answer. It embeds no host, because the started work must outlive this process. */
import { Effect } from "effect"
import type { Accepted, Command } from "@millrace/contracts/Command"
import * as Connect from "../client/Connect.ts"
import { fromError } from "../Failure.ts"
import type * as Flags from "../Flags.ts"
import { orUndefined } from "../Flags.ts"
import * as Output from "../Output.ts"

/** `done` makes the line for people. With `--json` the command prints the answer itself. */
export const dispatch = <E>(
  { data, json, url }: Omit<Flags.OfThread, "thread">,
  newCommand: Effect.Effect<Command, E>,
  done: (accepted: Accepted) => string
) =>
  Effect.gen(function* () {
    const command = yield* newCommand
    const { millrace } = yield* Connect.server({ dataDir: data, url: orUndefined(url) })
    const accepted = yield* Effect.mapError(millrace.dispatch(command), fromError)
    if (json) return yield* Output.json(accepted)
    yield* (yield* Output.Output).note(done(accepted))
  })

/** The line of a command that starts a turn. */
export const turnLine = ({ outcome, turnId }: Accepted): string =>
  `${outcome === "started" ? "Started" : outcome === "steering" ? "Added to the running turn" : outcome === "interrupting" ? "Starts after the interrupted turn" : "Queued"}: ${turnId}`
