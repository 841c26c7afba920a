/**
 * The interface of an agent adapter. `@millrace/providers` implements it, `@millrace/orchestration` uses it.
 * It is defined here, so neither package imports the other.
 */
import type { Effect, Scope, Stream } from "effect"
import { Context, Schema } from "effect"
import type { Attachment, Delivered } from "./Attachment.ts"
import type { ItemId, RequestId, ThreadId, TurnId } from "./Ids.ts"
import type { NativeThread } from "./Import.ts"
import { Failure, type Answer, type ItemContent, type ItemKind, type ItemStatus } from "./Item.ts"
import type { ProviderEvent } from "./ProviderEvent.ts"
import type { Settable } from "./Settable.ts"
import type { PermissionMode, Settings } from "./Settings.ts"
import type { Continuity, ProviderStatus, TurnAction } from "./State.ts"

/** An operation on an agent failed. `outcome: unknown`: the deadline passed, and the operation may have had an effect. */
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
 * What an agent's session can do; a closed list. docs/providers.md describes what the server does without a capability. The client always learns of it.
 * steer: text can be added to the running turn · interrupt: a turn can be stopped and the session stays · resume: a later session can continue the
 * conversation · fork: a copy of the conversation can continue separately · fork-at: such a copy
 * can end at an earlier turn · approvals: the agent asks before it acts · questions: it asks for user
 * input · plan, diff, usage: it reports its plan, changes, tokens · images: it accepts them with a prompt · compact, review: it runs such turns ·
 * set-model, set-effort, set-permission-mode: a running session takes such a change.
 */
export const Capability = Schema.Literal(
  "steer",
  "interrupt",
  "resume",
  "fork",
  "fork-at",
  "approvals",
  "questions",
  "plan",
  "diff",
  "usage",
  "images",
  "compact",
  "review",
  "set-model",
  "set-effort",
  "set-permission-mode"
)
export type Capability = typeof Capability.Type

/** An attachment with the absolute path of its copy in the thread's attachment directory. */
export interface PlacedAttachment extends Attachment {
  readonly path: string
}

/** An attachment of an earlier message. Without a path only its name is known. */
export interface PastAttachment extends Attachment {
  readonly path?: string
}

/** A message of an earlier turn. A tool call and its result are one message. */
export type PastMessage =
  | { readonly role: "user" | "agent"; readonly text: string; readonly attachments?: ReadonlyArray<PastAttachment> }
  | {
      readonly role: "tool"
      readonly itemId: ItemId
      /** The tool's name; `command` for a command line. */
      readonly tool: string
      readonly input: unknown
      /** `undefined`: the call ended without a result. */
      readonly result: unknown
    }

export interface PastTurn {
  readonly turnId: TurnId
  readonly outcome: "completed" | "interrupted" | "failed"
  readonly messages: ReadonlyArray<PastMessage>
}

/** The newest ended turns, oldest first. */
export interface History {
  readonly turns: ReadonlyArray<PastTurn>
  /** Whether older turns, or older messages of the first turn in `turns`, were omitted. */
  readonly earlier: boolean
  /** Bytes cut from the messages in `turns`. */
  readonly cutBytes: number
}

/** The limits of a history: number of turns, and bytes of text in total. */
export interface HistoryBounds {
  readonly turns: number
  readonly bytes: number
}

export interface OpenInput {
  readonly threadId: ThreadId
  /** The fencing token of this session. Item and request ids contain it. */
  readonly epoch: number
  /** Absolute path of the project directory. */
  readonly cwd: string
  readonly model?: string
  /** The thread's settings without `model`, with the values of secrets. Only settings that the adapter declares. */
  readonly settings?: Omit<Settings, "model">
  /** Variables of the project, with the values of secrets, for the agent's process. They replace those of the provider instance. */
  readonly env?: Readonly<Record<string, string>>
  /** The values in `env` that no error may contain. */
  readonly secrets?: ReadonlyArray<string>
  /** Absolute path of the thread's attachment directory. The agent may read it. It may not exist yet. Files can appear in it before each turn. */
  readonly attachments?: string
  /** The key of an earlier session of this thread. Continue that conversation if the provider still has it. */
  readonly resumeKey?: string
  /** Continue a copy of that conversation. The copy gets a new resume key. Only for an agent with the `fork` capability. */
  readonly fork?: true
  /**
   * With `fork`: the agent's id of the last turn that the copy has; absent: all. Only for an agent with the `fork-at` capability. An agent that cannot
   * copy up to there begins a new conversation, as after a lost one.
   */
  readonly forkAt?: string
  /** The conversation from the log, for an agent that stores none. It is read when the effect runs. */
  readonly history?: (bounds: HistoryBounds) => Effect.Effect<History>
}

/** An attachment of a turn, for the agent. */
export interface TurnAttachment extends PlacedAttachment {
  /** `path`: the prompt names the path. */
  readonly delivery: Delivered["delivery"]
}

export interface ProviderSession {
  /**
   * Every event of the agent, in chunks, in order. Ends after the process has exited and its output was read to the end;
   * before that, every open item, turn and request is closed with the evidence (P5). Never fails: a death is reported as
   * events. May be run once. Back-pressure reaches the agent's pipe.
   */
  readonly events: Stream.Stream<ProviderEvent>
  readonly continuity: Continuity
  /** Present when the provider can resume this conversation. It may change with any event, because an agent can begin another conversation. */
  readonly resumeKey: string | undefined
  readonly capabilities: ReadonlyArray<Capability>
  /** Succeeds when the agent accepted the turn. Its end is an event. `action` replaces `text`; its type must be one of the capabilities. */
  readonly startTurn: (input: {
    readonly turnId: TurnId
    readonly text: string
    readonly action?: TurnAction
    readonly attachments?: ReadonlyArray<TurnAttachment>
  }) => Effect.Effect<void, ProviderError>
  readonly steer: (input: {
    readonly turnId: TurnId
    readonly text: string
    readonly attachments?: ReadonlyArray<TurnAttachment>
  }) => Effect.Effect<void, ProviderError>
  /** Whether the agent takes this attachment in its own protocol. The others are delivered as paths. Absent: the agent takes none. */
  readonly takes?: (attachment: Attachment) => boolean
  /**
   * Changes settings of the running session before the next turn. The caller passes only settings whose change the session's capabilities list as
   * `set-model`, `set-effort` or `set-permission-mode`. For other changes, and for full access and the default permission mode, a new session resumes
   * the conversation. `undefined`: the agent's default.
   */
  readonly configure?: (changed: {
    readonly model?: string | undefined
    readonly effort?: string | undefined
    readonly permissionMode?: PermissionMode
  }) => Effect.Effect<void, ProviderError>
  /** Asks the agent to stop this turn, within the agent's own protocol. The caller escalates with `stop`. */
  readonly interrupt: (turnId: TurnId) => Effect.Effect<void, ProviderError>
  /** Passes an answer to the agent. Does nothing for a request that is unknown to the session or already settled. */
  readonly answer: (requestId: RequestId, answer: Answer) => Effect.Effect<void, ProviderError>
  /** Ends the process within the adapter's budget: by the protocol, by closing stdin, by SIGTERM, then by SIGKILL of its group. `events` then ends. Idempotent. */
  readonly stop: (reason: string) => Effect.Effect<void>
}

/** A turn in the agent's own history. `nativeItemId` is the agent's id of the item. */
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

/** The conversations that an agent stores, including those that began outside Millrace. Each call starts a separate process. */
export interface NativeHistory {
  /** At most `limit` conversations, newest first. With `cwd`, only conversations of that directory. */
  readonly list: (options: {
    readonly cwd?: string
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<NativeThread>, ProviderError>
  /** The thread and its turns, oldest first. Turns are read one page at a time. The process lives as long as the scope. */
  readonly read: (nativeThreadId: string) => Effect.Effect<
    {
      readonly thread: NativeThread
      readonly turns: Stream.Stream<NativeTurn, ProviderError>
      /** A sentence about the parts of these turns that the agent did not report. Run it after `turns` has been read. */
      readonly omitted?: Effect.Effect<string | undefined>
    },
    ProviderError,
    Scope.Scope
  >
}

export interface ProviderAdapter {
  readonly name: string
  /** Absent: only `model` can be set. */
  readonly settable?: Settable
  /** What can be set for a thread of this directory, by the choices of the agent's last session there. `undefined`: it had none. Absent: `settable` holds. */
  readonly settableIn?: (cwd: string) => Settable | undefined
  /** The settings of the instance. They apply to a thread that sets nothing else. */
  readonly defaults?: Settings
  /** The command line with which a person signs the agent in, on the server's machine. Absent: the failure says what to do. */
  readonly signIn?: string
  /** Present if the agent's own conversations can be read. Their ids are resume keys. */
  readonly history?: NativeHistory
  /** Whether the agent is installed, its version, whether it is signed in. Never fails, bounded in time. */
  readonly probe: Effect.Effect<ProviderStatus>
  /** Starts the agent for one thread; the process lives in the given scope (closing it is the same as `stop`). */
  readonly open: (input: OpenInput) => Effect.Effect<ProviderSession, ProviderError, Scope.Scope>
}

/** The agents of this server, by name. */
export class Providers extends Context.Tag("@millrace/contracts/Providers")<
  Providers,
  { readonly adapters: ReadonlyMap<string, ProviderAdapter> }
>() {}
