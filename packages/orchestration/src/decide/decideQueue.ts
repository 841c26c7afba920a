/** Decides the commands for queued turns: edit, remove, reorder and promote, by any client (T12). Rejects a turn that runs or has ended. */
import type { CommandOf } from "@millrace/contracts/Command"
import type { CommandRejected } from "@millrace/contracts/Errors"
import type { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { defined } from "@millrace/contracts/Defined"
import { Either } from "effect"
import * as Attachments from "./decideAttachments.ts"
import { type CommandOutcome, ok, reject, threadFor } from "./CommandOutcome.ts"
import * as Goals from "./decideGoal.ts"
import type { Draft } from "./Draft.ts"
import { dequeue, userMessage } from "./lifecycle.ts"
import { activeTurn, type QueuedTurn, type ThreadState } from "../state/ThreadState.ts"

interface Queued {
  readonly state: ThreadState
  readonly turn: QueuedTurn
}

const queued = (draft: Draft, state: ThreadState, turnId: TurnId): Either.Either<Queued, CommandRejected> => {
  const turn = state.queue.find((one) => one.turnId === turnId)
  if (turn !== undefined) return Either.right({ state, turn })
  return state.turns[turnId] !== undefined || draft.state.knowsTurn(state.threadId, turnId)
    ? reject("TurnNotQueued", "This turn is no longer queued: it runs or has ended. Interrupt it, or send another turn.", turnId)
    : reject("TurnNotFound", "This thread has no such turn.", turnId)
}

const find = (draft: Draft, { threadId, turnId }: { readonly threadId: ThreadId; readonly turnId: TurnId }) =>
  Either.flatMap(threadFor(draft, threadId), (state) => queued(draft, state, turnId))

/** Sets the order of the queue. Writes no event if the order is unchanged. */
const setOrder = (draft: Draft, { threadId, queue }: ThreadState, turnIds: ReadonlyArray<TurnId>): void => {
  if (queue.some(({ turnId }, n) => turnId !== turnIds[n])) draft.emit(threadId, "queue.reordered", { threadId, turnIds })
}

/** The queue's order after `turnIds` were moved to the front. */
const movedToFront = ({ queue }: ThreadState, turnIds: ReadonlyArray<TurnId>): ReadonlyArray<TurnId> => {
  const first = new Set(turnIds)
  return [...first, ...queue.flatMap(({ turnId }) => (first.has(turnId) ? [] : [turnId]))]
}

export const turnEdit = (draft: Draft, command: CommandOf<"turn.edit">, blobs: Attachments.KnownBlobs): CommandOutcome =>
  Either.flatMap(find(draft, command), ({ turn }) => {
    const { threadId, turnId } = command
    // The transcript shows the turn's text since the turn was first dispatched.
    if (turn.shown)
      return reject(
        "TurnNotQueued",
        "This turn was dispatched before, so its text cannot change. Remove it and send another turn.",
        turnId
      )
    if (turn.action !== undefined)
      return reject("Unsupported", "This turn has an action and no prompt to edit. Remove it and request another action.", turnId)
    const given = Attachments.prompt(command, blobs, turn.attachments)
    if (Either.isLeft(given)) return Either.left(given.left)
    const { attachments, text } = given.right
    const attachmentsChange = attachments !== undefined && JSON.stringify(attachments) !== JSON.stringify(turn.attachments ?? [])
    if (turn.text !== text || attachmentsChange)
      draft.emit(threadId, "turn.edited", { threadId, turnId, text, ...(attachmentsChange ? { attachments } : {}) })
    return ok({ threadId, turnId, outcome: "queued" })
  })

export const turnRemove = (draft: Draft, command: CommandOf<"turn.remove">, actor: string): CommandOutcome =>
  Either.map(find(draft, command), ({ state }) => {
    const { threadId, turnId } = command
    Goals.interrupted(draft, state, turnId, `${actor} removed its turn from the queue`)
    dequeue(draft, threadId, turnId, `removed from the queue by ${actor}`)
    return { threadId, turnId, outcome: "dequeued" }
  })

export const turnReorder = (draft: Draft, { threadId, turnIds }: CommandOf<"turn.reorder">): CommandOutcome =>
  Either.flatMap(threadFor(draft, threadId), (state) => {
    for (const turnId of turnIds) {
      const found = queued(draft, state, turnId)
      if (Either.isLeft(found)) return Either.left(found.left)
    }
    setOrder(draft, state, movedToFront(state, turnIds))
    return ok({ threadId })
  })

/** Steers the running turn with the text of a queued turn. The queued turn ends without a run. */
const steerWith = (draft: Draft, { threadId }: ThreadState, turn: QueuedTurn, active: TurnId): CommandOutcome => {
  dequeue(draft, threadId, turn.turnId, `its text was added to the running turn ${active}`)
  const { attachments, text } = turn
  const prompt = { text, ...defined({ attachments }) }
  draft.emit(threadId, "turn.steered", { threadId, turnId: active, ...prompt })
  userMessage(draft, threadId, active, `itm_${draft.context.seed}` as ItemId, prompt)
  return ok({ threadId, turnId: active, outcome: "steering" })
}

export const turnPromote = (draft: Draft, command: CommandOf<"turn.promote">): CommandOutcome =>
  Either.flatMap(find(draft, command), ({ state, turn }) => {
    const { threadId, turnId, strategy } = command
    const active = activeTurn(state)
    const steerable = active !== undefined && state.capabilities.includes("steer") && state.stopping === undefined
    if (strategy === "steer" && steerable && !turn.shown && turn.action === undefined)
      return steerWith(draft, state, turn, active.turnId)
    setOrder(draft, state, movedToFront(state, [turnId]))
    if (strategy !== "interrupt" || active === undefined) return ok({ threadId, turnId, outcome: "queued" })
    if (!active.interruptRequested) draft.emit(threadId, "turn.interrupt.requested", { threadId, turnId: active.turnId })
    return ok({ threadId, turnId, outcome: "interrupting" })
  })
