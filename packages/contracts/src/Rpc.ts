/** The RPC group at `/rpc` (WebSocket, JSON). It has the same frames and errors as SSE. */
import { Rpc, RpcGroup } from "@effect/rpc"
import { Schema } from "effect"
import { Capabilities } from "./Capabilities.ts"
import { Accepted, Command, CommandStatus } from "./Command.ts"
import { BadRequest, CommandError, CursorError, Forbidden, NotFound, Overloaded, StorageUnavailable } from "./Errors.ts"
import { EventTypes, Streams, ThreadFilter } from "./Filter.ts"
import { WireFrame } from "./Frame.ts"
import { ThreadId } from "./Ids.ts"
import { ItemView, RequestView } from "./Item.ts"
import { SearchFilter, SearchPage } from "./Search.ts"
import { PageOf, ProviderStatus, Snapshot, ThreadView, TurnView } from "./State.ts"

const page = { before: Schema.optional(Schema.Int), limit: Schema.optional(Schema.Int) }
/** Every call can fail with `BadRequest` (C6), with `Forbidden` (X9), and with `Overloaded` when its token sends too many requests (R7). */
const refusals = [BadRequest, Forbidden, Overloaded] as const
const lookup = Schema.Union(NotFound, StorageUnavailable, ...refusals)
const look = Schema.Union(StorageUnavailable, ...refusals)

export class MillraceRpcs extends RpcGroup.make(
  Rpc.make("dispatch", {
    payload: { command: Command },
    success: Accepted,
    error: Schema.Union(...CommandError.members, BadRequest, Forbidden)
  }),
  Rpc.make("commandStatus", { payload: { commandId: Schema.String }, success: CommandStatus, error: lookup }),
  Rpc.make("state", { success: Snapshot, error: look }),
  Rpc.make("threads", {
    payload: { ...page, ...ThreadFilter.fields },
    success: PageOf(ThreadView),
    error: look
  }),
  Rpc.make("thread", { payload: { threadId: ThreadId }, success: ThreadView, error: lookup }),
  Rpc.make("items", { payload: { threadId: ThreadId, ...page }, success: PageOf(ItemView), error: lookup }),
  Rpc.make("turns", { payload: { threadId: ThreadId, ...page }, success: PageOf(TurnView), error: lookup }),
  Rpc.make("search", { payload: { ...page, ...SearchFilter.fields }, success: SearchPage, error: look }),
  Rpc.make("requests", { success: Schema.Array(RequestView), error: look }),
  Rpc.make("providers", { success: Schema.Array(ProviderStatus), error: Schema.Union(...refusals) }),
  Rpc.make("capabilities", { success: Capabilities, error: Schema.Union(...refusals) }),
  Rpc.make("follow", {
    payload: { stream: Schema.optional(Streams), types: Schema.optional(EventTypes), after: Schema.optional(Schema.String) },
    success: WireFrame,
    error: Schema.Union(CursorError, StorageUnavailable, ...refusals),
    stream: true
  })
) {}
