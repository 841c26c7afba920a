/** The MCP server that this server provides to the agents of its threads. Optional: a host without a server for its interface has none. */
import type { ThreadId } from "@millrace/contracts/Ids"
import { Context, type Effect, type Scope } from "effect"

export class BuiltinMcp extends Context.Tag("@millrace/orchestration/BuiltinMcp")<
  BuiltinMcp,
  {
    /** The URL for a session, and the headers with its token. The token is valid until the scope closes. Waits until the server listens. */
    readonly issue: (
      threadId: ThreadId,
      epoch: number
    ) => Effect.Effect<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }, never, Scope.Scope>
  }
>() {}
