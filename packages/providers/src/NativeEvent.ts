/**
 * Events from an adapter to the normaliser, with the provider's ids and without any guarantee.
 * The normaliser adds the five guarantees of `ProviderEvent` (items closed once, turns ended once, requests settled once, ids mapped once,
 * unknown messages kept).
 */
import type { AgentReport } from "@millrace/contracts/AgentReport"
import type { Ask, Failure, ItemContent, ItemKind, ItemStatus, PlanStep, Usage } from "@millrace/contracts/Item"
import type { AgentFile } from "@millrace/contracts/ProviderEvent"
import type { Progress } from "@millrace/contracts/Signal"

/** An `Ask` before its item id is mapped. */
export type NativeAsk = Ask extends infer A
  ? A extends Ask
    ? Omit<A, "itemId"> & { readonly nativeItemId?: string }
    : never
  : never

export type NativeEvent =
  | { readonly _tag: "TurnStarted"; readonly nativeTurnId: string }
  | {
      readonly _tag: "TurnUpdated"
      readonly nativeTurnId: string
      readonly plan?: ReadonlyArray<PlanStep>
      readonly diff?: string
    }
  | {
      readonly _tag: "TurnEnded"
      readonly nativeTurnId: string
      readonly outcome: "completed" | "interrupted" | "failed"
      readonly reason?: string
      readonly error?: Failure
      readonly usage?: Usage
    }
  | {
      readonly _tag: "ItemStarted"
      readonly nativeTurnId: string
      readonly nativeItemId: string
      /** The tool call that started the sub-agent of this item. */
      readonly nativeParentItemId?: string
      readonly kind: ItemKind
      readonly content: ItemContent
    }
  /** If the item has not started, the normaliser starts it first. */
  | {
      readonly _tag: "ItemDelta"
      readonly nativeTurnId: string
      readonly nativeItemId: string
      readonly kind: ItemKind
      readonly text: string
    }
  | {
      readonly _tag: "ItemCompleted"
      readonly nativeTurnId: string
      readonly nativeItemId: string
      /** The call that started the sub-agent of this item. The item is accepted also after the end of its turn, as an amendment, because a sub-agent can outlive the turn. */
      readonly nativeParentItemId?: string
      readonly kind: ItemKind
      readonly status: ItemStatus
      readonly reason?: string
      readonly content: ItemContent
      /** Images that the content has placeholders for. Those in `content.result` are found by the normaliser. */
      readonly files?: ReadonlyArray<AgentFile>
    }
  | { readonly _tag: "RequestOpened"; readonly nativeTurnId: string; readonly nativeRequestId: string; readonly ask: NativeAsk }
  /** The provider reports that the request is settled, by an answer or otherwise. */
  | { readonly _tag: "RequestResolved"; readonly nativeRequestId: string; readonly reason: string }
  /** The agent reports that it runs no turn. A turn that is open at that time and has no event during the grace period is settled. */
  | { readonly _tag: "AgentIdle" }
  /** The grace period after the last `AgentIdle` has passed. Sent by the session, not by a mapping. */
  | { readonly _tag: "IdleGraceOver" }
  /** Ephemeral (D12): dropped unless the turn runs and the item is open. `usage`: of the turn so far. */
  | { readonly _tag: "Signal"; readonly nativeTurnId: string; readonly kind: "usage"; readonly data: Usage }
  /** Ephemeral: the agent's report about itself, also outside of turns. */
  | { readonly _tag: "Signal"; readonly kind: "agent"; readonly data: AgentReport }
  | {
      readonly _tag: "Signal"
      readonly nativeTurnId: string
      readonly nativeItemId: string
      readonly kind: "progress"
      readonly data: Progress
    }
  /** The agent cannot continue the conversation of this key, so the session began a new conversation. `message`: the reason. */
  | { readonly _tag: "ConversationLost"; readonly resumeKey: string; readonly message?: string }
  | { readonly _tag: "Opaque"; readonly nativeTurnId?: string; readonly method: string; readonly payload: unknown }
