/** decide for forks: a thread of its own whose agent begins with a copy of another one's conversation. */
import type { CommandOf } from "@millrace/contracts/Command"
import type { ThreadId } from "@millrace/contracts/Ids"
import { given } from "@millrace/contracts/Labels"
import { Either } from "effect"
import { type Decided, ok, reject, threadFor } from "./Decided.ts"
import type { Draft } from "./Draft.ts"

/** The copy is made when the new thread's first session opens; what was said until then stands in the old thread. */
export const threadFork = (draft: Draft, command: CommandOf<"thread.fork">): Decided =>
  Either.flatMap(threadFor(draft, command.threadId), (state) => {
    const { cwd, model, projectId, provider, recovery, afterLimit, resumeKey } = state
    const [turnId] = Object.keys(state.turns)
    if (turnId !== undefined) return reject("TurnActive", "A turn runs. Wait for its end, or interrupt it.", turnId)
    if (resumeKey === undefined || !state.capabilities.includes("fork"))
      return reject(
        "Unsupported",
        `${provider} has no conversation here that it can copy: either it cannot at all, or this thread had no session yet.`,
        command.threadId
      )
    const threadId = `thr_${draft.moment.seed}` as ThreadId
    draft.emit(threadId, "thread.created", {
      threadId,
      projectId,
      provider,
      ...(model === undefined ? {} : { model }),
      title: command.title ?? state.title,
      cwd,
      ...(recovery === undefined ? {} : { recovery }),
      ...(afterLimit === undefined ? {} : { afterLimit }),
      ...given(state),
      forkedFrom: { threadId: command.threadId, resumeKey }
    })
    return ok({ projectId, threadId })
  })
