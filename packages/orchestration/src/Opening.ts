/** How a session begins: alone with its conversation (P7), in time, and with what another agent said and did where it takes over. */
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
  /** Done when no earlier agent of the thread can write its conversation any more (P7). */
  readonly alone: Effect.Effect<void>
  /** What the agent is opened with, from the log. */
  readonly openInput: Effect.Effect<
    Omit<OpenInput, "threadId" | "epoch" | "history"> & {
      readonly history: NonNullable<OpenInput["history"]>
      /** The agent that had the conversation until now. */
      readonly handedFrom?: string
    }
  >
}

export interface Opened {
  readonly session: ProviderSession
  /** It gets the conversation from the log: what of it it was not given. */
  readonly lost?: string
  /** Why it gets it: another agent had it, or this one has lost its own record. */
  readonly continuity?: "handed-off" | "replayed"
  /** The same: what it is to be told with its first turn, for it does not read the log by itself. */
  readonly told?: Handover.Told
}

const noProvider = (provider: string): Failure => ({
  kind: "not-installed",
  message: `This server has no provider ${provider}. Start it with that provider, or make a new thread with another one.`
})
const openTimedOut: Failure = {
  kind: "process",
  message: "The agent did not start in time. Look at its own logs, or try again."
}

const notAlone: Failure = {
  kind: "process",
  message:
    "The agent of this thread's last session cannot be shown to be gone, and two must not write one conversation. End its process (millrace ps), then send again."
}

/**
 * Opens the agent. One that has lost the conversation it is asked to continue, or that takes over one and does not read it from the log by itself,
 * is to get it with its first turn.
 */
const enter = (input: Input, target: ProviderAdapter, scope: Scope.Scope): Effect.Effect<Opened, ProviderError> =>
  Effect.gen(function* () {
    const { threadId, epoch } = input
    const { handedFrom, history, ...given } = yield* input.openInput
    let read: History | undefined
    const noted = (asked: HistoryBounds) => Effect.tap(history(asked), (found) => Effect.sync(() => (read = found)))
    const session = yield* Scope.extend(target.open({ ...given, threadId, epoch, history: noted }), scope)
    const continuity = handedFrom === undefined ? "replayed" : "handed-off"
    // A conversation was asked for, and the agent has begun another one: it knows nothing of what was said.
    const forgot = handedFrom === undefined && given.resumeKey !== undefined && session.continuity === "fresh"
    if (handedFrom === undefined && !forgot) return { session }
    if (read !== undefined && read.turns.length > 0) return { session, lost: Handover.replayed(read), continuity }
    const told = Handover.told(handedFrom, yield* history(Handover.bounds))
    return told === undefined ? { session } : { session, lost: told.lost, told, continuity }
  })

/** The session lives in the scope. `stopped`: somebody wants it to end before it began, in these words. */
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
