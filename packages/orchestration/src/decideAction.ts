/** decide for what an agent is asked beside prompts: a turn with an action, which waits, runs and ends like every other one. */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ReviewTarget, TurnAction } from "@millrace/contracts/State"
import { type Decided, ok, reject, threadFor } from "./Decided.ts"
import type { Draft } from "./Draft.ts"
import { startNext } from "./lifecycle.ts"
import { maxQueue } from "./ThreadState.ts"
import { Either } from "effect"

const reviewed = (target: ReviewTarget): string => {
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

/** The action in words, for those who read the transcript. */
const textOf = (action: TurnAction): string => (action.type === "compact" ? "Compact the conversation." : reviewed(action.target))

/** Behind the queue; it is no message, so a plan to go on and a goal stay as they are. */
export const threadAct = (draft: Draft, threadId: ThreadId, action: TurnAction): Decided =>
  Either.flatMap(threadFor(draft, threadId), ({ archived, capabilities, provider, queue }) => {
    if (archived) return reject("ThreadArchived", "This thread is archived. Unarchive it first.", threadId)
    if (!capabilities.includes(action.type))
      return reject(
        "Unsupported",
        `${provider} is not known to do that here (${action.type}): either it cannot at all, or this thread's session has not begun yet.`,
        threadId
      )
    if (queue.length >= maxQueue) return reject("QueueFull", `${maxQueue} turns wait already. Interrupt some, or wait.`, threadId)
    const turnId = `trn_${draft.moment.seed}` as TurnId
    draft.emit(threadId, "turn.requested", { threadId, turnId, text: textOf(action), strategy: "enqueue", action })
    startNext(draft, threadId)
    return ok({ threadId, turnId, outcome: draft.thread(threadId)?.session?.activeTurnId === turnId ? "started" : "queued" })
  })
