/** decide for forks and retries: a new thread whose agent begins with a copy of another thread's conversation, or of its beginning. */
import { bare } from "@millrace/contracts/Attachment"
import type { CommandOf } from "@millrace/contracts/Command"
import { defined } from "@millrace/contracts/Defined"
import type { CommandRejected } from "@millrace/contracts/Errors"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { given } from "@millrace/contracts/Labels"
import { settingsOf } from "@millrace/contracts/Settings"
import type { ForkSource, TurnView } from "@millrace/contracts/State"
import { Either } from "effect"
import { type CommandOutcome, ok, reject, rejected, threadFor } from "./CommandOutcome.ts"
import * as Attachments from "./decideAttachments.ts"
import * as Child from "./decideChild.ts"
import type { Draft } from "./Draft.ts"
import type * as ForkPoint from "../readmodel/ForkPoint.ts"
import { startNext } from "./lifecycle.ts"
import type { ThreadState } from "../state/ThreadState.ts"

/** A turn of the thread that has ended. */
export const ended = (draft: Draft, state: ThreadState, turnId: TurnId): Either.Either<TurnView, CommandRejected> => {
  const turn = draft.state.turn?.(state.threadId, turnId)
  if (state.turns[turnId] !== undefined || state.queue.some((one) => one.turnId === turnId))
    return reject("TurnActive", "This turn has not ended. Wait for its end, or interrupt it.", turnId)
  return turn === undefined ? reject("TurnNotFound", "This thread has no such turn.", turnId) : Either.right(turn)
}

/** A turn of the thread that has ended, with which a fork can end: the agent was given it. */
const lastOf = (draft: Draft, state: ThreadState, turnId: TurnId): Either.Either<TurnView, CommandRejected> =>
  Either.filterOrLeft(
    ended(draft, state, turnId),
    ({ startedAt }) => startedAt !== undefined,
    () => rejected("TurnNotFound", "This turn never began. Fork at an earlier turn, or send it again with turn.retry.", turnId)
  )

/** Creates the fork, with the thread's settings, rules, labels and policies. */
export const emitFork = (
  draft: Draft,
  state: ThreadState,
  title: string,
  forkedFrom: typeof ForkSource.Type,
  parentThreadId?: ThreadId
): ThreadId => {
  const { afterLimit, approve, cwd, exclusive, projectId, provider, recovery } = state
  const threadId = `thr_${draft.context.seed}` as ThreadId
  draft.emit(threadId, "thread.created", {
    threadId,
    projectId,
    provider,
    ...settingsOf(state),
    title,
    cwd,
    ...defined({ recovery, afterLimit, approve, exclusive }),
    ...given(state),
    forkedFrom,
    ...defined({ parentThreadId })
  })
  return threadId
}

/** The agent's id of the last turn of the fork, if its agent can copy its conversation up to there. */
const forkPoint = (draft: Draft, { capabilities, resumeKey }: ThreadState, source: ForkPoint.Source): string | undefined =>
  capabilities.includes("fork-at") && resumeKey !== undefined ? draft.state.forkPoint?.(source) : undefined

/**
 * The agent makes its own copy when the new thread's first session opens, if it can: up to the last turn of the fork, or of all turns, if the source has
 * no other turn by then. Otherwise it gets the transcript. The earlier transcript stays in the source thread only.
 */
export const threadFork = (draft: Draft, command: CommandOf<"thread.fork">, parent?: ThreadId): CommandOutcome =>
  Either.gen(function* () {
    const { threadId: source, title, turnId } = command
    const state = yield* threadFor(draft, source)
    const { capabilities, projectId, resumeKey } = state
    if (parent !== undefined) yield* Child.fits(draft, parent, state)
    const [running] = Object.keys(state.turns)
    if (turnId !== undefined) yield* lastOf(draft, state, turnId)
    else if (running !== undefined)
      return yield* reject(
        "TurnActive",
        "A turn runs. Wait for its end, interrupt it, or give the turnId of an earlier turn.",
        running
      )
    const last = running === undefined ? draft.state.lastTurn?.(source) : undefined
    const nativeTurnId = forkPoint(draft, state, { threadId: source, ...defined({ turnId }) })
    const isWhole = turnId === undefined || turnId === last
    const copied = nativeTurnId !== undefined || (isWhole && capabilities.includes("fork")) ? resumeKey : undefined
    const forkedFrom = { threadId: source, ...defined({ resumeKey: copied, nativeTurnId, turnId: turnId ?? last }) }
    return { projectId, threadId: emitFork(draft, state, title ?? state.title, forkedFrom, parent) }
  })

/** A fork without the turn, in which its prompt is sent again. */
export const turnRetry = (draft: Draft, command: CommandOf<"turn.retry">, blobs: Attachments.KnownBlobs): CommandOutcome =>
  Either.gen(function* () {
    const { attachments, threadId: source, turnId: before } = command
    const state = yield* threadFor(draft, source)
    const turn = yield* ended(draft, state, before)
    if (turn.origin !== "user" || turn.action !== undefined)
      return yield* reject(
        "Unsupported",
        "Only a prompt of a person can be sent again. Fork the thread, and send a prompt.",
        before
      )
    const kept = attachments === undefined ? turn.attachments?.map(bare) : undefined
    const prompt = yield* Attachments.prompt({ text: command.text ?? turn.text, attachments }, blobs, kept)
    const nativeTurnId = forkPoint(draft, state, { threadId: source, before })
    const copied = nativeTurnId === undefined ? {} : defined({ resumeKey: state.resumeKey, nativeTurnId })
    const threadId = emitFork(draft, state, state.title, { threadId: source, before, ...copied })
    const turnId = `trn_${draft.context.seed}` as TurnId
    const asked = { ...defined({ attachments: kept }), ...prompt }
    draft.emit(threadId, "turn.requested", { threadId, turnId, ...asked, strategy: "enqueue", position: "back" })
    startNext(draft, threadId)
    return yield* ok({ projectId: state.projectId, threadId, turnId })
  })
