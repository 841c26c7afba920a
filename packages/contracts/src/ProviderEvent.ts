/**
 * The provider-neutral vocabulary, as the normaliser gives it to Ingestion. Guarantees, whatever the provider does:
 * every id is ours and mapped once; an item that started is completed exactly once, at the latest with its turn;
 * a turn that started ends exactly once; a request that opened is settled exactly once; unknown messages are `opaque`.
 * Plain values, never decoded on the hot path: the adapter's wire module validates what comes from outside.
 */
import type { ItemId, RequestId, TurnId } from "./Ids.ts"
import type { Ask, Failure, ItemContent, ItemKind, ItemStatus, PlanStep, Usage } from "./Item.ts"
import type { Progress } from "./Signal.ts"

export type ProviderEvent =
  | {
      readonly _tag: "TurnStarted"
      readonly turnId: TurnId
      readonly nativeTurnId?: string
      readonly origin: "user" | "provider"
    }
  | {
      readonly _tag: "TurnUpdated"
      readonly turnId: TurnId
      readonly plan?: ReadonlyArray<PlanStep>
      readonly diff?: string
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
    }
  | {
      readonly _tag: "ItemAmended"
      readonly turnId: TurnId
      readonly itemId: ItemId
      readonly kind: ItemKind
      readonly status: ItemStatus
      readonly content: ItemContent
    }
  | { readonly _tag: "RequestOpened"; readonly turnId: TurnId; readonly requestId: RequestId; readonly ask: Ask }
  /** The provider settled it without an answer of ours (turn ended, answered elsewhere, process gone). */
  | { readonly _tag: "RequestCancelled"; readonly turnId: TurnId; readonly requestId: RequestId; readonly reason: string }
  /**
   * What no word stands for. Two methods have a meaning for every agent: `background/started` and `background/ended`, with `{task}` in the payload,
   * tell of work that outlives its turn; while it goes on, the session is not idle (R1).
   */
  | { readonly _tag: "Opaque"; readonly turnId?: TurnId; readonly method: string; readonly payload: unknown }
  /** Ephemeral (D12), of a turn that runs: how many tokens it took so far. The last one is in the turn's terminal too. */
  | { readonly _tag: "Signal"; readonly turnId: TurnId; readonly kind: "usage"; readonly data: Usage }
  /** Ephemeral (D12), of an item that is open. */
  | {
      readonly _tag: "Signal"
      readonly turnId: TurnId
      readonly itemId: ItemId
      readonly kind: "progress"
      readonly data: Progress
    }

export type ProviderSignal = Extract<ProviderEvent, { readonly _tag: "Signal" }>
/** What the log is made from. */
export type DurableEvent = Exclude<ProviderEvent, ProviderSignal>
