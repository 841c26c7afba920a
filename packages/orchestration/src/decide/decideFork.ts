/** decide for forks: a new thread whose agent begins with a copy of another thread's conversation. */
import { defined } from "@millrace/contracts/Defined"
import type { CommandOf } from "@millrace/contracts/Command"
import type { ThreadId } from "@millrace/contracts/Ids"
import { given } from "@millrace/contracts/Labels"
import { settingsOf } from "@millrace/contracts/Settings"
import { Either } from "effect"
import { type CommandOutcome, ok, reject, threadFor } from "./CommandOutcome.ts"
import type { Draft } from "./Draft.ts"

/** The agent copies the conversation when the new thread's first session opens; the earlier transcript stays in the source thread only. */
export const threadFork = (draft: Draft, command: CommandOf<"thread.fork">): CommandOutcome =>
  Either.flatMap(threadFor(draft, command.threadId), (state) => {
    const { cwd, projectId, provider, recovery, afterLimit, approve, resumeKey } = state
    const [turnId] = Object.keys(state.turns)
    if (turnId !== undefined) return reject("TurnActive", "A turn runs. Wait for its end, or interrupt it.", turnId)
    if (resumeKey === undefined || !state.capabilities.includes("fork"))
      return reject(
        "Unsupported",
        `${provider} cannot fork this conversation: it does not support forks, or this thread has had no session yet.`,
        command.threadId
      )
    const threadId = `thr_${draft.context.seed}` as ThreadId
    draft.emit(threadId, "thread.created", {
      threadId,
      projectId,
      provider,
      ...settingsOf(state),
      title: command.title ?? state.title,
      cwd,
      ...defined({ recovery, afterLimit, approve }),
      ...given(state),
      forkedFrom: { threadId: command.threadId, resumeKey }
    })
    return ok({ projectId, threadId })
  })
