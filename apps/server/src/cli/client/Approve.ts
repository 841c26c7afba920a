/** How `run` settles a request: by policy, by a question on this terminal, or not at all, so that a person answers it elsewhere. */
import { Effect } from "effect"
import * as Client from "@millrace/client/Client"
import type { RequestId } from "@millrace/contracts/Ids"
import type { Answer, Ask as AskOf } from "@millrace/contracts/Item"
import * as TerminalQuestion from "../terminal/TerminalQuestion.ts"
import * as ApprovalOptions from "../terminal/ApprovalOptions.ts"
import type { Connected } from "./Connect.ts"
import { type CliFailure, fromError, needsPerson } from "../Failure.ts"
import { Output } from "../Output.ts"
import { line } from "../terminal/Style.ts"

/**
 * `never` declines, or cancels the turn if the request has no decline. `always` accepts, but asks if several options of the agent mean "accept". `ask` asks
 * on this terminal. All three ask if the request is a question.
 */
export type Policy = "never" | "always" | "ask"

/** The policy's answer; `undefined` when a person must decide. */
export const byPolicy = (policy: Policy, ask: AskOf): Answer | undefined => {
  if (ask.kind !== "approval" || policy === "ask") return undefined
  const wanted = policy === "always" ? (["accept", "accept-for-session"] as const) : (["decline", "cancel"] as const)
  if (policy === "always" && ApprovalOptions.isAmbiguous(ask, wanted)) return undefined
  const decision = wanted.find((choice) => ask.choices.includes(choice))
  return decision === undefined ? undefined : { decision }
}

/** Placeholder of the answer in the hint to run `millrace answer`. */
const answerPlaceholder = (asked: AskOf): string => {
  const ask = ApprovalOptions.choosable(asked)
  if (ask.kind === "question") return "TEXT"
  return ask.options === undefined ? "accept|decline" : `ANSWER\nANSWER is one of: ${ApprovalOptions.offered(ask).join(", ")}`
}

const needsPersonFailure = (connected: Connected, requestId: RequestId, ask: AskOf): CliFailure =>
  needsPerson(
    connected.via === "server"
      ? `The turn waits for a person: ${line(ask.title, 200)}\nThe request stays open. Answer it: millrace answer ${requestId} ${answerPlaceholder(ask)}`
      : `The turn needs a person: ${line(ask.title, 200)}\nThere is no terminal to ask on, and no server to keep the request open. Run this in a terminal, pass --approve always or --approve never, or start a server first: millrace serve`
  )

/** Settles one request. Fails with exit code 4 when it needs a person and this terminal cannot ask one. */
export const settle = (
  connected: Connected,
  policy: Policy,
  requestId: RequestId,
  ask: AskOf
): Effect.Effect<void, CliFailure, Output> =>
  Effect.gen(function* () {
    const output = yield* Output
    const decided = byPolicy(policy, ask)
    if (decided === undefined && !output.canAsk) return yield* needsPersonFailure(connected, requestId, ask)
    yield* output.progress(undefined)
    const answer =
      decided ??
      (yield* Effect.mapError(TerminalQuestion.person(ask, output.style), () => needsPersonFailure(connected, requestId, ask)))
    if (decided !== undefined && "decision" in decided && ask.kind === "approval")
      yield* output.note(
        output.style.yellow(
          `${ApprovalOptions.wordsOf(ask, decided.decision)} (--approve ${policy}): ${line(ask.title, output.noteWidth)}`
        )
      )
    const command = yield* Client.command("request.answer", { requestId, ...answer })
    const accepted = yield* Effect.mapError(connected.millrace.dispatch(command), fromError)
    yield* output.progress("working")
    if (accepted.outcome === "already-settled") yield* output.note("The request was settled elsewhere first.")
  })
