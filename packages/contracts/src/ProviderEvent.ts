/**
 * The provider-neutral events that the normaliser emits to Ingestion. It guarantees, for every behaviour of a provider:
 * every id is Millrace's own and mapped once; an item that started is completed exactly once, at the latest with its turn;
 * a turn that started ends exactly once; a request that opened is settled exactly once; unknown messages are `opaque`.
 * Plain values, never decoded on the hot path: the adapter's wire module validates the agent's messages.
 */
import type { AgentReport } from "./AgentReport.ts"
import type { Delivered } from "./Attachment.ts"
import type { Blobs } from "./Blob.ts"
import type { ItemId, RequestId, TurnId } from "./Ids.ts"
import type { Ask, Failure, ItemContent, ItemKind, ItemStatus, PlanStep, Usage } from "./Item.ts"
import type { Progress } from "./Signal.ts"

/** A file that the agent shows, such as an image. Ingestion stores it as a blob and adds it to the item's `attachments`. */
export interface AgentFile {
  readonly name: string
  readonly mediaType: string
  readonly base64: string
}

export type ProviderEvent =
  | {
      readonly _tag: "TurnStarted"
      readonly turnId: TurnId
      readonly nativeTurnId?: string
      readonly origin: "user" | "provider"
      /** How the agent got the turn's attachments. The session's driver adds it. */
      readonly attachments?: ReadonlyArray<Delivered>
    }
  | {
      readonly _tag: "TurnUpdated"
      readonly turnId: TurnId
      readonly plan?: ReadonlyArray<PlanStep>
      readonly diff?: string
      /** Added by Ingestion. */
      readonly blobs?: Blobs
    }
  | { readonly _tag: "TurnCompleted"; readonly turnId: TurnId; readonly usage?: Usage; readonly reason?: string }
  | { readonly _tag: "TurnInterrupted"; readonly turnId: TurnId; readonly usage?: Usage; readonly reason?: string }
  | {
      readonly _tag: "TurnFailed"
      readonly turnId: TurnId
      readonly usage?: Usage
      readonly reason?: string
      readonly error: Failure
    }
  | {
      readonly _tag: "ItemStarted"
      readonly turnId: TurnId
      readonly itemId: ItemId
      readonly kind: ItemKind
      readonly content: ItemContent
    }
  | {
      readonly _tag: "ItemDelta"
      readonly turnId: TurnId
      readonly itemId: ItemId
      readonly kind: ItemKind
      readonly text: string
    }
  | {
      readonly _tag: "ItemCompleted"
      readonly turnId: TurnId
      readonly itemId: ItemId
      readonly kind: ItemKind
      readonly status: ItemStatus
      readonly reason?: string
      readonly content: ItemContent
      readonly files?: ReadonlyArray<AgentFile>
    }
  | {
      readonly _tag: "ItemAmended"
      readonly turnId: TurnId
      readonly itemId: ItemId
      readonly kind: ItemKind
      readonly status: ItemStatus
      readonly content: ItemContent
      readonly files?: ReadonlyArray<AgentFile>
    }
  | { readonly _tag: "RequestOpened"; readonly turnId: TurnId; readonly requestId: RequestId; readonly ask: Ask }
  /** The request was settled without an answer from Millrace: its turn ended, it was answered elsewhere, or the process exited. */
  | { readonly _tag: "RequestCancelled"; readonly turnId: TurnId; readonly requestId: RequestId; readonly reason: string }
  /**
   * A message that no other event represents. Two methods have a meaning for every agent: `background/started` and `background/ended`, with `{task}`
   * in the payload, report work that outlives its turn. While that work runs, the session is not idle (R1).
   */
  | {
      readonly _tag: "Opaque"
      readonly turnId?: TurnId
      readonly method: string
      readonly payload: unknown
      readonly blobs?: Blobs
    }
  /** Ephemeral (D12): the tokens that a running turn has used so far. The turn's terminal event has the last value too. */
  | { readonly _tag: "Signal"; readonly turnId: TurnId; readonly kind: "usage"; readonly data: Usage }
  /** Ephemeral (D12): the agent's report about itself. It can come outside of turns. */
  | { readonly _tag: "Signal"; readonly turnId?: undefined; readonly kind: "agent"; readonly data: AgentReport }
  /** Ephemeral (D12): the progress of an open item. */
  | {
      readonly _tag: "Signal"
      readonly turnId: TurnId
      readonly itemId: ItemId
      readonly kind: "progress"
      readonly data: Progress
    }

export type ProviderSignal = Extract<ProviderEvent, { readonly _tag: "Signal" }>
/** The events that are written to the log. */
export type DurableEvent = Exclude<ProviderEvent, ProviderSignal>
