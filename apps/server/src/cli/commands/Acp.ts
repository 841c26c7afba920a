/** `millrace acp`: an agent of the Agent Client Protocol on standard input and output, for editors that start a program. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as HttpTransport from "@millrace/client/HttpTransport"
import type { HttpTransfer } from "@millrace/client/HttpTransfer"
import { Disconnected } from "@millrace/client/TransportError"
import { permissionModes } from "@millrace/contracts/Settings"
import { Config, Effect, Option } from "effect"
import { Readable, Writable } from "node:stream"
import * as Connect from "../client/Connect.ts"
import * as Flags from "../Flags.ts"

export const command = Command.make(
  "acp",
  {
    provider: Flags.text(
      "provider",
      "NAME",
      "The agent of a new session (MILLRACE_PROVIDER; default demo, which needs no account)."
    ),
    model: Flags.model("The agent's model. Default: the agent's own choice."),
    permissionMode: Flags.choiceOf("permission-mode", permissionModes).pipe(
      Options.withAlias("mode"),
      Options.withDescription("What the agent may do without a person."),
      Options.optional
    ),
    data: Flags.data,
    url: Flags.url
  },
  ({ data, model, permissionMode, provider, url }) =>
    Effect.gen(function* () {
      const where = { dataDir: data, url: Flags.orUndefined(url) }
      // Without a server the editor learns of it at once.
      const { millrace } = yield* Connect.server(where)
      const putBlob: HttpTransfer["putBlob"] = (content, mediaType) =>
        Connect.address(where).pipe(
          Effect.mapError(({ message }) => new Disconnected({ message, unsent: true })),
          Effect.flatMap((found) => HttpTransport.make(found).putBlob(content, mediaType))
        )
      const given = Effect.orElseSucceed(Config.option(Config.nonEmptyString("MILLRACE_PROVIDER")), Option.none)
      const Agent = yield* Effect.promise(() => import("../../acp/Agent.ts"))
      yield* Agent.run({
        millrace,
        putBlob,
        provider: Flags.orUndefined(provider) ?? Option.getOrElse(yield* given, () => "demo"),
        model: Flags.orUndefined(model),
        permissionMode: Flags.orUndefined(permissionMode),
        stream: Agent.lines(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>)
      })
    })
).pipe(
  Command.withDescription(
    "Serve an editor by the Agent Client Protocol on standard input and output: its sessions are threads of a running server."
  )
)
