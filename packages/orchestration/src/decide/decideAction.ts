/** decide for actions (compact, review): a turn with an action instead of a prompt, which is queued, runs and ends like any other turn. */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ReviewTarget, TurnAction } from "@millrace/contracts/State"
import { type CommandOutcome, ok, reject, threadFor } from "./CommandOutcome.ts"
import type { Draft } from "./Draft.ts"
import { startNext } from "./lifecycle.ts"
import { maxQueue } from "../state/ThreadState.ts"
import { Either } from "effect"

const reviewText = (target: ReviewTarget): string => {
  switch (target.type) {
    case "uncommittedChanges":
      return "Review the changes that are not committed."
    case "baseBranch":
      return `Review the changes against ${target.branch}.`
    case "commit":
      return `Review the commit ${target.sha}${target.title === undefined ? "" : `: ${target.title}`}.`
    case "custom":
      return target.instructions
  }
}

/** The action as text for the transcript. */
const textOf = (action: TurnAction): string =>
  action.type === "compact" ? "Compact the conversation." : reviewText(action.target)

/** Enqueues the action as the last turn. It is not a message, so a scheduled continuation and a goal are unchanged. */
export const threadAct = (draft: Draft, threadId: ThreadId, action: TurnAction): CommandOutcome =>
  Either.flatMap(threadFor(draft, threadId), ({ archived, capabilities, provider, queue }) => {
    if (archived) return reject("ThreadArchived", "This thread is archived. Unarchive it first.", threadId)
    if (!capabilities.includes(action.type))
      return reject(
        "Unsupported",
        `${provider} does not support this action (${action.type}), or this thread has had no session yet. Send a turn first.`,
        threadId
      )
    if (queue.length >= maxQueue)
      return reject("QueueFull", `The queue of this thread is full: ${maxQueue} turns. Remove some, or wait.`, threadId)
    const turnId = `trn_${draft.context.seed}` as TurnId
    draft.emit(threadId, "turn.requested", {
      threadId,
      turnId,
      text: textOf(action),
      strategy: "enqueue",
      position: "back",
      action
    })
    startNext(draft, threadId)
    return ok({ threadId, turnId, outcome: draft.thread(threadId)?.session?.activeTurnId === turnId ? "started" : "queued" })
  })
