/**
 * What an agent must offer to be run. Implemented in `@millrace/providers`, used by `@millrace/orchestration`;
 * it stands here so that neither room needs the other.
 */
import type { Effect, Scope, Stream } from "effect"
import { Context, Schema } from "effect"
import type { RequestId, ThreadId, TurnId } from "./Ids.ts"
import { Failure, type Answer } from "./Item.ts"
import type { ProviderEvent } from "./ProviderEvent.ts"
import type { Continuity, ProviderStatus } from "./State.ts"

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

export interface OpenInput {
  readonly threadId: ThreadId
  /** The fencing token of this session; item and request ids are made from it. */
  readonly epoch: number
  /** Absolute path of the project directory. */
  readonly cwd: string
  readonly model?: string
  /** From an earlier session of this thread: continue that conversation if the provider still has it. */
  readonly resumeKey?: string
}

export interface ProviderSession {
  /**
   * Everything the agent says, in chunks, in order. Ends after the process has exited and its output was read to the end;
   * before it ends every open item, turn and request is closed with the evidence (P5). Never fails: a death is events.
   * May be run once. Back-pressure reaches the agent's pipe.
   */
  readonly events: Stream.Stream<ProviderEvent>
  readonly continuity: Continuity
  /** Present as soon as the provider can resume this conversation. */
  readonly resumeKey: string | undefined
  readonly capabilities: ReadonlyArray<"steer" | "interrupt" | "approvals" | "questions" | "resume" | "plan" | "diff" | "usage">
  /** Succeeds when the agent accepted the turn. Its end is an event. */
  readonly startTurn: (input: { readonly turnId: TurnId; readonly text: string }) => Effect.Effect<void, ProviderError>
  readonly steer: (input: { readonly turnId: TurnId; readonly text: string }) => Effect.Effect<void, ProviderError>
  /** Asks the agent to stop this turn, within the agent's own protocol. Escalation is the caller's: `stop`. */
  readonly interrupt: (turnId: TurnId) => Effect.Effect<void, ProviderError>
  /** Hands an answer to the agent. An id the session does not know, or already settled, is a no-op. */
  readonly answer: (requestId: RequestId, answer: Answer) => Effect.Effect<void, ProviderError>
  /** Ends the process: protocol → stdin → SIGTERM → SIGKILL of its group, within the adapter's budget. `events` then ends. Idempotent. */
  readonly stop: (reason: string) => Effect.Effect<void>
}

export interface ProviderAdapter {
  readonly name: string
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
