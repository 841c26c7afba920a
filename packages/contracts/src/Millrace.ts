/**
 * The one interface of the service. The host implements it in process, `@millrace/client` over a connection.
 */
import type { Effect, Stream } from "effect"
import type { Accepted, Command, CommandStatus } from "./Command.ts"
import type { CommandError, CursorError, NotFound, StorageUnavailable } from "./Errors.ts"
import type { EventFilter, ThreadFilter } from "./Filter.ts"
import type { Frame } from "./Frame.ts"
import type { ThreadId } from "./Ids.ts"
import type { ItemView, RequestView } from "./Item.ts"
import type { SearchPage, SearchRequest } from "./Search.ts"
import type { ProviderStatus, Snapshot, ThreadView, TurnView } from "./State.ts"

export interface PageRequest {
  readonly before?: number
  readonly limit?: number
}
export interface PageOf<A> {
  readonly items: ReadonlyArray<A>
  readonly before?: number | undefined
  /** The position of the log at which the page was read. */
  readonly offset?: number | undefined
}

/** `TransportError`: the failures that a connection adds (disconnected, refused, unauthorised); `never` in process. */
export interface Millrace<TransportError = never> {
  /** Accepted means committed. The same id and body get the same answer again (C1, C2). */
  readonly dispatch: (command: Command, actor?: string) => Effect.Effect<Accepted, CommandError | TransportError>
  readonly commandStatus: (commandId: string) => Effect.Effect<CommandStatus, NotFound | StorageUnavailable | TransportError>
  readonly state: Effect.Effect<Snapshot, StorageUnavailable | TransportError>
  /** Threads that match the whole filter. A filtered page may be short or empty; continue with `before`. */
  readonly threads: (page: PageRequest & ThreadFilter) => Effect.Effect<PageOf<ThreadView>, StorageUnavailable | TransportError>
  readonly thread: (threadId: ThreadId) => Effect.Effect<ThreadView, NotFound | StorageUnavailable | TransportError>
  readonly turns: (
    threadId: ThreadId,
    page: PageRequest
  ) => Effect.Effect<PageOf<TurnView>, NotFound | StorageUnavailable | TransportError>
  readonly items: (
    threadId: ThreadId,
    page: PageRequest
  ) => Effect.Effect<PageOf<ItemView>, NotFound | StorageUnavailable | TransportError>
  readonly requests: Effect.Effect<ReadonlyArray<RequestView>, StorageUnavailable | TransportError>
  readonly providers: Effect.Effect<ReadonlyArray<ProviderStatus>, TransportError>
  /** Finds text that was committed before the call. While the index is built, it finds text in the finished part. It never finds text of a deleted thread (Q1). */
  readonly search: (request: SearchRequest) => Effect.Effect<SearchPage, StorageUnavailable | TransportError>
  /** Replays the events after the cursor (without a cursor, from the start), delivers `caught-up` once, then follows. Never repeats, skips or reorders (D2). */
  readonly follow: (
    options: EventFilter & {
      readonly after?: string
    }
  ) => Stream.Stream<Frame, CursorError | StorageUnavailable | TransportError>
}
