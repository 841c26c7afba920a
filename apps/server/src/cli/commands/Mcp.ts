/** `millrace mcp`: the MCP server of a running server on standard input and output, for clients that start a program. */
import * as Command from "@effect/cli/Command"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Stream } from "effect"
import * as Bridge from "../../mcp/Bridge.ts"
import { messageOf } from "../../NodeError.ts"
import * as Connect from "../client/Connect.ts"
import { type CliFailure, failed, type OutputClosed } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"

const input: Stream.Stream<Uint8Array, CliFailure> = NodeStream.fromReadable(
  () => process.stdin,
  (cause) => failed(`Standard input cannot be read: ${messageOf(cause)}`)
)

export const command = Command.make("mcp", { data: Flags.data, url: Flags.url }, ({ data, url }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const where = { dataDir: data, url: Flags.orUndefined(url) }
    // Without a server the client learns of it at once, and not with its first call.
    yield* Connect.address(where)
    yield* Bridge.run<CliFailure | OutputClosed>({
      lines: Stream.splitLines(Stream.decodeText(input)),
      write: (line) => output.out(`${line}\n`),
      locate: Connect.address(where)
    })
  })
).pipe(
  Command.withDescription(
    "Serve an agent or an editor by the Model Context Protocol on standard input and output, from a running server."
  )
)
