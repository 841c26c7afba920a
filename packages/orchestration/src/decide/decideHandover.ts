/** decide for hand-over: another agent continues a conversation, between two turns. */
import { defined } from "@millrace/contracts/Defined"
import type { CommandOf } from "@millrace/contracts/Command"
import { unsupported } from "@millrace/contracts/Settable"
import { Either } from "effect"
import * as Continuations from "./decideContinuation.ts"
import { type CommandOutcome, ok, reject, threadFor } from "./CommandOutcome.ts"
import { settableIn } from "./decideSettings.ts"
import type { Draft } from "./Draft.ts"
import { startNext } from "./lifecycle.ts"
import { epochOf, hasLiveSession } from "../state/ThreadState.ts"

/** Stops the current agent's session; queued turns run on the new agent. */
export const threadHandover = (draft: Draft, command: CommandOf<"thread.handover">, actor: string): CommandOutcome =>
  Either.flatMap(threadFor(draft, command.threadId), (state) => {
    const { provider, threadId } = command
    // An agent that is handed back keeps the model and the effort of its earlier session: these are its own words.
    const parked = state.parked?.provider === provider ? state.parked : undefined
    const model = command.model ?? parked?.model
    const effort = parked?.effort
    const { providers } = draft.context
    const [turnId] = Object.keys(state.turns)
    if (!providers.has(provider)) {
      const names = [...providers.keys()].join(", ")
      return reject("ProviderUnknown", `This server has no provider ${provider}. It has: ${names}.`, provider)
    }
    if (state.archived) return reject("ThreadArchived", "This thread is archived. Unarchive it first.", threadId)
    if (provider === state.provider) return reject("Unsupported", `This thread runs on ${provider} already.`, threadId)
    if (turnId !== undefined)
      return reject("TurnActive", "A turn runs. Wait for its end, or interrupt it; pause a goal before that.", turnId)
    const { directories, instructions, mcpServers, permissionMode } = state
    const kept = defined({ model, effort, directories, instructions, mcpServers, permissionMode })
    const refused = unsupported(provider, kept, settableIn(draft, provider, state.cwd))
    if (refused !== undefined)
      return reject("Unsupported", `${refused} Set it to null with thread.configure, then hand over.`, threadId)
    const reason = `handed over to ${provider} by ${actor}`
    Continuations.cancel(draft, threadId, reason)
    draft.emit(threadId, "thread.handed-over", {
      threadId,
      provider,
      from: state.provider,
      ...defined({ model, effort })
    })
    if (hasLiveSession(state)) draft.emit(threadId, "session.stop.requested", { threadId, epoch: epochOf(state), reason })
    startNext(draft, threadId)
    return ok({ threadId })
  })
