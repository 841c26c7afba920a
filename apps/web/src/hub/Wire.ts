/** Messages between a tab and the hub, over a `MessagePort` or in one page. Plain values only, because they are cloned. */
import type { BodyOf, CommandType } from "@millrace/contracts/Command"
import type { LogEvent } from "@millrace/contracts/Event"
import type { CommandId, StreamName, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Usage } from "@millrace/contracts/Item"
import type { PageRequest } from "@millrace/contracts/Millrace"
import type { AppState } from "@millrace/model/AppState"

/** The calls of `Millrace`, as values. `events`: at most `limit` events with a greater offset than `since`. */
export type Call =
  | { readonly name: "dispatch"; readonly type: CommandType; readonly body: BodyOf<CommandType>; readonly commandId?: CommandId }
  | { readonly name: "thread"; readonly threadId: ThreadId }
  | { readonly name: "threads"; readonly page: PageRequest & { readonly archived?: boolean } }
  | { readonly name: "items" | "turns"; readonly threadId: ThreadId; readonly page: PageRequest }
  | { readonly name: "providers" }
  | { readonly name: "events"; readonly since: number; readonly limit: number; readonly stream?: StreamName }

/** A failure as a value: tag, message and rule of the API's error. */
export interface Failed {
  readonly tag: string
  readonly message: string
  readonly rule?: string
}

/** The state of the connection, for people. */
export type Connection =
  | { readonly state: "connecting" }
  /** Attached and catching up. */
  | { readonly state: "replaying" }
  | { readonly state: "live" }
  /** `reason`: the server answers that it is not ready, and why. */
  | { readonly state: "reconnecting"; readonly attempt: number; readonly message: string; readonly reason?: string }
  /** The server is shutting down in order. */
  | { readonly state: "draining"; readonly message: string }
  /** This browser has no session, or its session was revoked. */
  | { readonly state: "unpaired" }
  /** Stopped: only a person can fix it. */
  | { readonly state: "failed"; readonly message: string }

/** A message to show once. */
export type Notice =
  | { readonly kind: "resumed"; readonly events: number; readonly requests: number }
  /** The saved cursor is invalid: the page shows a new snapshot. */
  | { readonly kind: "renewed"; readonly why: string }

export type ToHub =
  | { readonly tag: "attach" }
  | { readonly tag: "leave" }
  | { readonly tag: "retry" }
  /** Reconnects at once, unless the connection is live. */
  | { readonly tag: "again" }
  | { readonly tag: "call"; readonly id: number; readonly call: Call }

export type ToTab =
  /** The state at `world.offset`, to fold events onto. */
  | { readonly tag: "world"; readonly world: AppState }
  | { readonly tag: "events"; readonly events: ReadonlyArray<LogEvent> }
  | { readonly tag: "connection"; readonly connection: Connection }
  | { readonly tag: "notice"; readonly notice: Notice }
  /** Token usage of a running turn so far; a signal, so it may be dropped (D12). */
  | { readonly tag: "usage"; readonly turnId: TurnId; readonly usage: Usage }
  | { readonly tag: "answer"; readonly id: number; readonly value: unknown }
  | { readonly tag: "refusal"; readonly id: number; readonly failed: Failed }
