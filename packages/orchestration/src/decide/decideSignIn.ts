/**
 * decide for an agent that is not signed in: its turn fails, and a request asks a person to sign in. If it is accepted, a new turn sends the same prompt to a
 * new session (T19). All events of the failure are one decision and so one transaction.
 */
import { bare } from "@millrace/contracts/Attachment"
import { defined } from "@millrace/contracts/Defined"
import type { RequestId } from "@millrace/contracts/Ids"
import type { Ask, Failure } from "@millrace/contracts/Item"
import * as Continuation from "../state/Continuation.ts"
import type { Draft } from "./Draft.ts"
import { type Ending, stopFor } from "./lifecycle.ts"
import type { OpenTurn, ThreadState } from "../state/ThreadState.ts"

const askOf = (provider: string, command: string | undefined, { message }: Failure) =>
  ({
    kind: "sign-in",
    title: `Sign in to ${provider}`,
    instructions:
      command === undefined
        ? `${message} Then accept: the prompt is sent again.`
        : `Run \`${command}\` on the machine of the server, then accept: the prompt is sent again.`,
    ...defined({ command }),
    choices: ["accept", "decline"]
  }) as const satisfies Ask

/**
 * The end of the active turn whose agent is not signed in. `plan` opens the request; call it after the turn's end is written and before the next turn
 * starts. `undefined`: no person is asked.
 */
export const afterAuth = (
  draft: Draft,
  state: ThreadState,
  turn: OpenTurn,
  ending: Ending
): { readonly ending: Ending; readonly plan: () => void } | undefined => {
  const { provider, threadId } = state
  if (ending._tag !== "failed" || ending.error.kind !== "auth") return undefined
  // A turn that the agent began itself has no prompt.
  const isWanted = turn.origin !== "provider" && !turn.interruptRequested && !state.archived && state.stopping === undefined
  if (!isWanted || state.continuation !== undefined) return undefined
  const { turnId } = turn
  const { at, policy, signIn } = draft.context
  const ask = askOf(provider, signIn?.get(provider), ending.error)
  // A turn ends once, so this id is unique.
  const requestId = `req_${turnId.slice("trn_".length)}_sign_in` as RequestId
  const reason = ending.reason ?? ending.error.message
  // The instructions may begin with the agent's message.
  const said = ask.instructions.startsWith(reason) ? ask.instructions : `${reason.replace(/\.$/, "")}. ${ask.instructions}`
  return {
    ending: { ...ending, reason: said },
    plan: () => {
      // A session that fails at its start may leave the turn in the queue.
      if (draft.thread(threadId)?.queue.some((one) => one.turnId === turnId) === true) return
      draft.emit(threadId, "continuation.planned", {
        threadId,
        ...Continuation.next(turn, "sign-in", at),
        at: Continuation.iso(Date.parse(at) + (policy ?? Continuation.defaults).asking),
        requestId,
        text: Continuation.textOf("sign-in", turn),
        ...defined({ action: turn.action, attachments: turn.attachments?.map(bare) })
      })
      draft.emit(threadId, "request.opened", { ...ask, threadId, turnId, requestId })
      // The running agent may keep the credentials that it started with.
      stopFor(draft, threadId, "its agent is not signed in")
    }
  }
}
