/** Opens a session: after the end of the previous agent (P7), within a deadline, and with the transcript after a hand-over. */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Failure } from "@millrace/contracts/Item"
import type {
  History,
  HistoryBounds,
  OpenInput,
  ProviderAdapter,
  ProviderError,
  ProviderSession
} from "@millrace/contracts/ProviderAdapter"
import { type Duration, Effect, Scope } from "effect"
import * as Handover from "./Handover.ts"

export interface Input {
  readonly adapter: ProviderAdapter | undefined
  readonly provider: string
  readonly threadId: ThreadId
  readonly epoch: number
  readonly budgets: { readonly open: Duration.DurationInput }
  /** Done when no earlier agent of the thread can still write its conversation (P7). */
  readonly alone: Effect.Effect<void>
  /** The input of `open`, read from the log. */
  readonly openInput: Effect.Effect<
    Omit<OpenInput, "threadId" | "epoch" | "history"> & {
      readonly history: NonNullable<OpenInput["history"]>
      /** The previous agent, after a hand-over. */
      readonly handedFrom?: string
    }
  >
}

export interface Opened {
  readonly session: ProviderSession
  /** When it gets the conversation from the log: the parts that it was not given. */
  readonly lost?: string
  /** Why it gets the conversation from the log: a hand-over, or its own record is lost. */
  readonly continuity?: "handed-off" | "replayed"
  /** The transcript to put before its first prompt; absent if the agent reads the log itself. */
  readonly brief?: Handover.HandoverBrief
}

const noProvider = (provider: string): Failure => ({
  kind: "not-installed",
  message: `This server has no provider ${provider}. Start it with that provider, or make a new thread with another one.`
})
const openTimedOut: Failure = {
  kind: "process",
  message: "The agent did not start in time. Check its logs, or try again."
}

const notAlone: Failure = {
  kind: "process",
  message:
    "The previous agent process of this thread may still be running, and two agents must not write one conversation. Find it with millrace ps, stop it, then send the turn again."
}

/**
 * Opens the agent. After a hand-over or a lost conversation, an agent that does not read the history from the log itself gets the transcript with
 * its first turn.
 */
const enter = (input: Input, target: ProviderAdapter, scope: Scope.Scope): Effect.Effect<Opened, ProviderError> =>
  Effect.gen(function* () {
    const { threadId, epoch } = input
    const { handedFrom, history, ...given } = yield* input.openInput
    let read: History | undefined
    const recordingHistory = (asked: HistoryBounds) => Effect.tap(history(asked), (found) => Effect.sync(() => (read = found)))
    const session = yield* Scope.extend(target.open({ ...given, threadId, epoch, history: recordingHistory }), scope)
    const continuity = handedFrom === undefined ? "replayed" : "handed-off"
    // The agent began a new conversation in place of the one that was requested, or in a thread that was imported from a file (only such a thread has
    // turns before its first session): it has no history.
    const forgot =
      handedFrom === undefined && session.continuity === "fresh" && (given.resumeKey !== undefined || input.epoch === 1)
    if (handedFrom === undefined && !forgot) return { session }
    if (read !== undefined && read.turns.length > 0) return { session, lost: Handover.replayed(read), continuity }
    const brief = Handover.brief(handedFrom, yield* history(Handover.bounds))
    return brief === undefined ? { session } : { session, lost: brief.lost, brief, continuity }
  })

/** The session lives in the scope. `stopped`: completes with a reason if the session is stopped before it has opened. */
export const open = (input: Input, scope: Scope.Scope, stopped: Effect.Effect<string>): Effect.Effect<Opened, Failure> => {
  const { adapter, alone, budgets, provider } = input
  if (adapter === undefined) return Effect.fail(noProvider(provider))
  return enter(input, adapter, scope).pipe(
    Effect.mapError((error) => error.failure),
    Effect.timeoutFail({ duration: budgets.open, onTimeout: () => openTimedOut }),
    (opening) => Effect.zipRight(Effect.timeoutFail(alone, { duration: budgets.open, onTimeout: () => notAlone }), opening),
    Effect.catchAllDefect((defect) =>
      Effect.fail<Failure>({ kind: "unknown", message: "The agent could not be started.", detail: String(defect) })
    ),
    Effect.raceFirst(Effect.flatMap(stopped, (message) => Effect.fail<Failure>({ kind: "process", message })))
  )
}
