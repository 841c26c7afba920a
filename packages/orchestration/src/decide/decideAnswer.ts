/** Decides answers: an answer settles its request once, and the first answer wins (T13). */
import type { CommandOf } from "@millrace/contracts/Command"
import { defined } from "@millrace/contracts/Defined"
import type { CommandRejected } from "@millrace/contracts/Errors"
import type { RequestId } from "@millrace/contracts/Ids"
import { type Answer, type ApprovalOption, type Ask, Decision, type RequestView } from "@millrace/contracts/Item"
import { Either, Schema } from "effect"
import * as Continuation from "../state/Continuation.ts"
import * as Continuations from "./decideContinuation.ts"
import { type CommandOutcome, ok, reject } from "./CommandOutcome.ts"
import type { Draft } from "./Draft.ts"
import type { ThreadState } from "../state/ThreadState.ts"

type Approval = Extract<Ask, { readonly kind: "approval" }>
const isDecision = Schema.is(Decision)

const answerOf = ({ kind, label, optionId }: ApprovalOption): Answer =>
  isDecision(kind) ? { decision: kind, optionId, label } : { optionId, label }

/** The answer to an approval: the option that the command names, or the only option of the decision's kind. */
const approvalFor = (
  command: Pick<CommandOf<"request.answer">, "decision" | "optionId" | "requestId">,
  ask: Approval
): Either.Either<Answer, CommandRejected> => {
  const { decision, optionId, requestId } = command
  const options = ask.options ?? []
  if (optionId !== undefined) {
    const option = options.find((one) => one.optionId === optionId)
    if (option === undefined || (decision !== undefined && decision !== option.kind))
      return reject(
        "DecisionNotOffered",
        options.length === 0
          ? `This request has no options. Give a decision, one of: ${ask.choices.join(", ")}.`
          : `Give one of the request's options: ${options.map((one) => one.optionId).join(", ")}.`,
        requestId
      )
    return Either.right(answerOf(option))
  }
  const fitting = options.filter((one) => one.kind === decision)
  if (fitting.length > 1)
    return reject(
      "AmbiguousDecision",
      `Several options match this decision. Give optionId, one of: ${fitting.map((one) => `${one.optionId} (${one.label})`).join(", ")}.`,
      requestId
    )
  const [only] = fitting
  return decision !== undefined && ask.choices.includes(decision)
    ? Either.right(only === undefined ? { decision } : answerOf(only))
    : reject("DecisionNotOffered", `Give a decision, one of: ${ask.choices.join(", ")}.`, requestId)
}

/** The answer that gives this decision to an approval. Fails if the request does not offer the decision, or offers it in several options. */
export const decisionFor = (decision: Decision, ask: Approval) => approvalFor({ decision, requestId: "" as RequestId }, ask)

/** The answer with the person's reason and changed input. An input that would not reach the agent is rejected, because the original would run. */
const withAddition = (
  { input, reason, requestId }: CommandOf<"request.answer">,
  { takes = [] }: Approval,
  answer: Answer
): Either.Either<Answer, CommandRejected> => {
  if (input !== undefined && !("decision" in answer && answer.decision === "accept"))
    return reject("Unsupported", "A changed input needs the decision accept.", requestId)
  if (input !== undefined && !takes.includes("input"))
    return reject("Unsupported", "The agent takes no changed input for this request. Decline it, and give the reason.", requestId)
  return Either.right({ ...answer, ...defined({ input, reason }) })
}

const answerFor = (command: CommandOf<"request.answer">, { ask }: RequestView): Either.Either<Answer, CommandRejected> => {
  const { decision, optionId, answers, requestId } = command
  // Rejects a command with fields that do not fit the kind of the request. It does not drop these fields.
  if (ask.kind === "approval")
    return answers === undefined
      ? Either.flatMap(approvalFor(command, ask), (answer) => withAddition(command, ask, answer))
      : reject("DecisionNotOffered", "This request is an approval. Give a decision or an optionId, and no answers.", requestId)
  if (ask.kind === "sign-in")
    return decision !== undefined && ask.choices.includes(decision) && command.reason === undefined && command.input === undefined
      ? Either.right({ decision })
      : reject("DecisionNotOffered", `Give only a decision, one of: ${ask.choices.join(", ")}.`, requestId)
  if (command.reason !== undefined || command.input !== undefined)
    return reject("Unsupported", "This request is a question. A reason and a changed input are only for approvals.", requestId)
  if (optionId !== undefined || (answers !== undefined && decision !== undefined))
    return reject(
      "AnswersIncomplete",
      "This request is a question. Give either answers by question id, or the decision cancel.",
      requestId
    )
  if (answers === undefined)
    return decision === "cancel" || decision === "decline"
      ? Either.right({ decision })
      : reject("AnswersIncomplete", "This request is a question. Give answers by question id, or the decision cancel.", requestId)
  const isGiven = (id: string) => answers[id]?.some((given) => given.trim() !== "") === true
  const unknown = Object.keys(answers).filter((given) => ask.questions.every(({ id }) => id !== given))
  if (unknown.length > 0)
    return reject(
      "AnswersIncomplete",
      `There is no question ${unknown.join(", ")}. The questions are: ${ask.questions.map(({ id }) => id).join(", ")}.`,
      requestId
    )
  const missing = ask.questions.filter(({ id }) => !isGiven(id)).map(({ id }) => id)
  return missing.length === 0
    ? Either.right({ answers })
    : reject("AnswersIncomplete", `Answers are missing for: ${missing.join(", ")}.`, requestId)
}

/** The text in the log in place of a secret answer (X4). */
const redaction = "(secret)"

/** The answer as the log stores it, with secrets replaced. Returns the same object if there are no secrets. */
const redacted = (ask: Ask, answer: Answer): Answer => {
  if (ask.kind !== "question" || !("answers" in answer)) return answer
  const secret = new Set(ask.questions.flatMap((question) => (question.secret === true ? [question.id] : [])))
  if (!Object.keys(answer.answers).some((id) => secret.has(id))) return answer
  return {
    answers: Object.fromEntries(Object.entries(answer.answers).map(([id, given]) => [id, secret.has(id) ? [redaction] : given]))
  }
}

/** The content of an approval without its item id. */
const contentOf = (ask: Approval): string =>
  JSON.stringify([ask.title, ask.command, ask.cwd, ask.changes, ask.choices, ask.options])

/** Writes the answer. `by`: the sender of the answer. */
export const answered = (
  draft: Draft,
  { held, repeatedAs, requestId, threadId, turnId }: RequestView,
  by: string,
  answer: Answer
): void => {
  draft.emit(threadId, "request.answered", { threadId, turnId, requestId, by, ...defined({ held, repeatedAs }), ...answer })
}

/** After `accept-for-session`: gives the same answer to the open approvals with the same content (T13). */
const answerEqual = (draft: Draft, { requests }: ThreadState, allowed: RequestView, answer: Answer): void => {
  const { ask } = allowed
  // Approvals without a command or changes have too little content to compare.
  if (ask.kind !== "approval" || (ask.command === undefined && ask.changes === undefined)) return
  for (const request of Object.values(requests)) {
    const { ask: other, requestId } = request
    if (requestId === allowed.requestId || other.kind !== "approval" || contentOf(other) !== contentOf(ask)) continue
    answered(draft, request, "policy", answer)
  }
}

/** Answers a request. If the request is settled, the outcome is `already-settled`. Rejects an unknown request. */
export const requestAnswer = (draft: Draft, command: CommandOf<"request.answer">, actor: string): CommandOutcome => {
  const { requestId } = command
  const threadId = draft.state.threadOfRequest(requestId)
  const state = threadId === undefined ? undefined : draft.thread(threadId)
  if (threadId === undefined || state === undefined)
    return reject("RequestNotFound", "There is no such request. List requests to find its id.", requestId)
  const open = state.requests[requestId]
  if (open === undefined) return ok({ threadId, outcome: "already-settled" })
  const decides = Continuations.isDecidedBy(state, open)
  if (decides && open.held !== true && open.ask.kind === "question" && !Continuation.isAnswer(command))
    return reject("AnswersIncomplete", `Answer ${Continuation.continueChoice} or ${Continuation.leave}.`, requestId)
  return Either.map(answerFor(command, open), (answer) => {
    answered(draft, open, actor, redacted(open.ask, answer))
    if (decides) Continuations.answered(draft, threadId, answer, actor, open.held === true)
    if ("decision" in answer && answer.decision === "accept-for-session") answerEqual(draft, state, open, answer)
    return { threadId, turnId: open.turnId, outcome: "answered" }
  })
}
