/** `millrace handover THREAD PROVIDER`: another agent continues a conversation. */
import { defined } from "@millrace/contracts/Defined"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import * as Client from "@millrace/client/Client"
import * as Connect from "../client/Connect.ts"
import { fromError } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"

export const command = Command.make(
  "handover",
  {
    ...Flags.ofThread,
    provider: Flags.argument("PROVIDER").pipe(
      Args.withDescription("The provider whose agent continues the conversation. See: millrace providers")
    ),
    model: Flags.model("The new agent's model, as that agent names it.")
  },
  ({ data, json, model, provider, thread, url }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const output = yield* Output.Output
        const { millrace } = yield* Connect.serverOrEmbedded({ dataDir: data, url: Flags.orUndefined(url) })
        const chosen = Flags.orUndefined(model)
        const command = yield* Client.command("thread.handover", {
          threadId: thread,
          provider,
          ...defined({ model: chosen })
        })
        const accepted = yield* Effect.mapError(millrace.dispatch(command), fromError)
        if (json) return yield* Output.json(accepted)
        yield* output.note(`The next turn runs on ${provider}, which receives the conversation so far.`)
      })
    )
).pipe(Command.withDescription("Let another agent continue a conversation, from its next turn on."))
