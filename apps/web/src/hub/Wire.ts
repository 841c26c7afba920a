/** What a tab and the hub say to each other, over a `MessagePort` or in one page. Plain values only: they are cloned on the way. */
import type { BodyOf, CommandType } from "@millrace/contracts/Command"
import type { LogEvent } from "@millrace/contracts/Event"
import type { CommandId, StreamName, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Usage } from "@millrace/contracts/Item"
import type { PageRequest } from "@millrace/contracts/Millrace"
import type { World } from "../store/World.ts"

/** The calls of `Millrace`, as values. `events`: at most `limit` events with a greater offset than `since`. */
export type Call =
  | { readonly name: "dispatch"; readonly type: CommandType; readonly body: BodyOf<CommandType>; readonly commandId?: CommandId }
  | { readonly name: "thread"; readonly threadId: ThreadId }
  | { readonly name: "threads"; readonly page: PageRequest & { readonly archived?: boolean } }
  | { readonly name: "items" | "turns"; readonly threadId: ThreadId; readonly page: PageRequest }
  | { readonly name: "providers" }
  | { readonly name: "events"; readonly since: number; readonly limit: number; readonly stream?: StreamName }

/** A failure as it is told: the tag and the words of the wire's errors. */
export interface Failed {
  readonly tag: string
  readonly message: string
  readonly rule?: string
}

/** What a person may want to see of the connection. */
export type Connection =
  | { readonly state: "connecting" }
  /** Attached; what was missed is coming. */
  | { readonly state: "replaying" }
  | { readonly state: "live" }
  | { readonly state: "reconnecting"; readonly attempt: number; readonly message: string }
  /** The server is going down, in order. */
  | { readonly state: "draining"; readonly message: string }
  /** This browser has no session here, or it was revoked. */
  | { readonly state: "unpaired" }
  /** Nothing mends it but a person. */
  | { readonly state: "failed"; readonly message: string }

/** Something to tell once. */
export type Notice =
  | { readonly kind: "resumed"; readonly events: number; readonly requests: number }
  /** The place that was kept is of no use: the page shows a fresh snapshot. */
  | { readonly kind: "renewed"; readonly why: string }

export type ToHub =
  | { readonly tag: "attach" }
  | { readonly tag: "leave" }
  | { readonly tag: "retry" }
  /** A retry, if it is cut off. */
  | { readonly tag: "again" }
  | { readonly tag: "call"; readonly id: number; readonly call: Call }

export type ToTab =
  /** A place to fold from: the state at `world.offset`. */
  | { readonly tag: "world"; readonly world: World }
  | { readonly tag: "events"; readonly events: ReadonlyArray<LogEvent> }
  | { readonly tag: "connection"; readonly connection: Connection }
  | { readonly tag: "notice"; readonly notice: Notice }
  /** The tokens of a turn that runs, so far; may be left out (D12). */
  | { readonly tag: "usage"; readonly turnId: TurnId; readonly usage: Usage }
  | { readonly tag: "answer"; readonly id: number; readonly value: unknown }
  | { readonly tag: "refusal"; readonly id: number; readonly failed: Failed }
