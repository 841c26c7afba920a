/**
 * What an agent must offer to be run. Implemented in `@millrace/providers`, used by `@millrace/orchestration`;
 * it stands here so that neither room needs the other.
 */
import type { Effect, Scope, Stream } from "effect"
import { Context, Schema } from "effect"
import type { ItemId, RequestId, ThreadId, TurnId } from "./Ids.ts"
import type { NativeThread } from "./Import.ts"
import { Failure, type Answer, type ItemContent, type ItemKind, type ItemStatus } from "./Item.ts"
import type { ProviderEvent } from "./ProviderEvent.ts"
import type { Continuity, ProviderStatus, TurnAction } from "./State.ts"

/** An agent could not do what was asked. `outcome: unknown` = the deadline passed: it may have happened. */
export class ProviderError extends Schema.TaggedError<ProviderError>()("ProviderError", {
  provider: Schema.String,
  operation: Schema.String,
  outcome: Schema.Literal("failed", "unknown"),
  failure: Failure
}) {
  override get message() {
    return `${this.provider} ${this.operation}: ${this.failure.message}`
  }
}

/**
 * What a session of an agent can do; a closed list. What is not there degrades as docs/providers.md says, never silently.
 * steer: text is added to the running turn · interrupt: a turn ends before its time and the session goes on · resume: a later session has the
 * conversation · fork: a conversation goes on in two · approvals: it asks before it acts · questions: it asks for words · plan, diff, usage: it
 * tells of its plan, its changes, its tokens · images: it takes them with a prompt · compact, review: it can be asked for a turn of that action.
 */
export const Capability = Schema.Literal(
  "steer",
  "interrupt",
  "resume",
  "fork",
  "approvals",
  "questions",
  "plan",
  "diff",
  "usage",
  "images",
  "compact",
  "review"
)
export type Capability = typeof Capability.Type

/** What was said in an earlier turn, with a tool's call and its result as one. */
export type PastMessage =
  | { readonly role: "user" | "agent"; readonly text: string }
  | {
      readonly role: "tool"
      readonly itemId: ItemId
      /** The tool's name; `command` for a command line. */
      readonly tool: string
      readonly input: unknown
      /** `undefined`: it ended without one. */
      readonly result: unknown
    }

export interface PastTurn {
  readonly turnId: TurnId
  readonly outcome: "completed" | "interrupted" | "failed"
  readonly messages: ReadonlyArray<PastMessage>
}

/** The newest turns that are over, oldest first. */
export interface History {
  readonly turns: ReadonlyArray<PastTurn>
  /** Older turns were left out, or older messages of the first one that is here. */
  readonly earlier: boolean
  /** Bytes cut from messages that are here. */
  readonly cutBytes: number
}

/** As much of it as is wanted: turns, and bytes of text in all. */
export interface HistoryBounds {
  readonly turns: number
  readonly bytes: number
}

export interface OpenInput {
  readonly threadId: ThreadId
  /** The fencing token of this session; item and request ids are made from it. */
  readonly epoch: number
  /** Absolute path of the project directory. */
  readonly cwd: string
  readonly model?: string
  /** From an earlier session of this thread: continue that conversation if the provider still has it. */
  readonly resumeKey?: string
  /** Continue a copy of it, which gets a key of its own. Only where `fork` is a capability. */
  readonly fork?: true
  /** The conversation as our log has it, for an agent that keeps none itself. Read when it is run. */
  readonly history?: (bounds: HistoryBounds) => Effect.Effect<History>
}

export interface ProviderSession {
  /**
   * Everything the agent says, in chunks, in order. Ends after the process has exited and its output was read to the end;
   * before it ends every open item, turn and request is closed with the evidence (P5). Never fails: a death is events.
   * May be run once. Back-pressure reaches the agent's pipe.
   */
  readonly events: Stream.Stream<ProviderEvent>
  readonly continuity: Continuity
  /** Present as soon as the provider can resume this conversation. It may change with any event: an agent can begin another conversation. */
  readonly resumeKey: string | undefined
  readonly capabilities: ReadonlyArray<Capability>
  /** Succeeds when the agent accepted the turn. Its end is an event. An `action`, only of a type that is a capability, is done in place of the text. */
  readonly startTurn: (input: {
    readonly turnId: TurnId
    readonly text: string
    readonly action?: TurnAction
  }) => Effect.Effect<void, ProviderError>
  readonly steer: (input: { readonly turnId: TurnId; readonly text: string }) => Effect.Effect<void, ProviderError>
  /** Asks the agent to stop this turn, within the agent's own protocol. Escalation is the caller's: `stop`. */
  readonly interrupt: (turnId: TurnId) => Effect.Effect<void, ProviderError>
  /** Hands an answer to the agent. An id the session does not know, or already settled, is a no-op. */
  readonly answer: (requestId: RequestId, answer: Answer) => Effect.Effect<void, ProviderError>
  /** Ends the process: protocol → stdin → SIGTERM → SIGKILL of its group, within the adapter's budget. `events` then ends. Idempotent. */
  readonly stop: (reason: string) => Effect.Effect<void>
}

/** A turn as its agent keeps it; `nativeItemId`s are the agent's own. */
export interface NativeTurn {
  readonly nativeTurnId: string
  readonly status: "completed" | "interrupted" | "failed" | "running"
  readonly startedAt?: string
  readonly endedAt?: string
  readonly error?: Failure
  readonly items: ReadonlyArray<{
    readonly nativeItemId: string
    readonly kind: ItemKind
    readonly status: ItemStatus
    readonly reason?: string
    readonly content: ItemContent
  }>
}

/** The conversations that an agent keeps itself, also those that it had without us. Each call is a process of its own. */
export interface NativeHistory {
  /** Newest first, at most so many; with `cwd` only those of that directory. */
  readonly list: (options: {
    readonly cwd?: string
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<NativeThread>, ProviderError>
  /** The thread, and its turns, oldest first, read a page at a time. The process lives as long as the scope. */
  readonly read: (
    nativeThreadId: string
  ) => Effect.Effect<
    { readonly thread: NativeThread; readonly turns: Stream.Stream<NativeTurn, ProviderError> },
    ProviderError,
    Scope.Scope
  >
}

export interface ProviderAdapter {
  readonly name: string
  /** For an agent whose own conversations can be read. Their ids are resume keys. */
  readonly history?: NativeHistory
  /** Installed, version, signed in. Never fails, bounded in time. */
  readonly probe: Effect.Effect<ProviderStatus>
  /** Starts the agent for one thread; the process lives in the given scope (closing it is the same as `stop`). */
  readonly open: (input: OpenInput) => Effect.Effect<ProviderSession, ProviderError, Scope.Scope>
}

/** The agents of this server, by name. */
export class Providers extends Context.Tag("@millrace/contracts/Providers")<
  Providers,
  { readonly adapters: ReadonlyMap<string, ProviderAdapter> }
>() {}
