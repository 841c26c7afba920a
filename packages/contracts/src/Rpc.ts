/** The RPC group at `/rpc` (WebSocket, JSON). Same frames and errors as SSE. */
import { Rpc, RpcGroup } from "@effect/rpc"
import { Schema } from "effect"
import { Accepted, Command, CommandStatus } from "./Command.ts"
import { CommandError, CursorError, NotFound, StorageUnavailable } from "./Errors.ts"
import { WireFrame } from "./Frame.ts"
import { StreamName, ThreadId } from "./Ids.ts"
import { ItemView, RequestView } from "./Item.ts"
import { Search } from "./Search.ts"
import { PageOf, ProviderStatus, Snapshot, ThreadView, TurnView } from "./State.ts"

const page = { before: Schema.optional(Schema.Int), limit: Schema.optional(Schema.Int) }
const lookup = Schema.Union(NotFound, StorageUnavailable)

export class MillraceRpcs extends RpcGroup.make(
  Rpc.make("dispatch", { payload: { command: Command }, success: Accepted, error: CommandError }),
  Rpc.make("commandStatus", { payload: { commandId: Schema.String }, success: CommandStatus, error: lookup }),
  Rpc.make("state", { success: Snapshot, error: StorageUnavailable }),
  Rpc.make("threads", {
    payload: { ...page, archived: Schema.optional(Schema.Boolean), search: Schema.optional(Search) },
    success: PageOf(ThreadView),
    error: StorageUnavailable
  }),
  Rpc.make("thread", { payload: { threadId: ThreadId }, success: ThreadView, error: lookup }),
  Rpc.make("items", { payload: { threadId: ThreadId, ...page }, success: PageOf(ItemView), error: lookup }),
  Rpc.make("turns", { payload: { threadId: ThreadId, ...page }, success: PageOf(TurnView), error: lookup }),
  Rpc.make("requests", { success: Schema.Array(RequestView), error: StorageUnavailable }),
  Rpc.make("providers", { success: Schema.Array(ProviderStatus) }),
  Rpc.make("follow", {
    payload: { stream: Schema.optional(StreamName), after: Schema.optional(Schema.String) },
    success: WireFrame,
    error: Schema.Union(CursorError, StorageUnavailable),
    stream: true
  })
) {}
