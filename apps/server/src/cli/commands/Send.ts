/** `millrace send THREAD TEXT`: starts a turn and does not wait for its end. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect } from "effect"
import * as Client from "@millrace/client/Client"
import type { Strategy } from "@millrace/contracts/Command"
import { usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Dispatch from "./Dispatch.ts"
import * as Prompt from "./Prompt.ts"

const strategy = (name: Strategy, description: string) => Options.boolean(name).pipe(Options.withDescription(description))

export const command = Command.make(
  "send",
  {
    ...Flags.ofThread,
    text: Flags.argument("TEXT").pipe(Args.withDescription("The prompt; - reads it from standard input.")),
    steer: strategy("steer", "If a turn runs, add the text to it; if that is not possible, queue it."),
    interrupt: strategy("interrupt", "If a turn runs, interrupt it first."),
    reject: strategy("reject", "If a turn runs, send nothing and exit with 1.")
  },
  ({ interrupt, reject, steer, text, ...where }) => {
    const chosen = Object.entries({ steer, interrupt, reject }).flatMap(([name, given]) => (given ? [name as Strategy] : []))
    const [strategy] = chosen
    if (chosen.length > 1) return Effect.fail(usage("Give only one of --steer, --interrupt and --reject."))
    const newCommand = Effect.flatMap(Prompt.read(text), (prompt) =>
      Client.command("turn.start", { threadId: where.thread, text: prompt, ...(strategy !== undefined && { strategy }) })
    )
    return Dispatch.dispatch(where, newCommand, Dispatch.turnLine)
  }
).pipe(Command.withDescription("Send a prompt to a thread and return at once. Without a flag it waits behind a running turn."))
