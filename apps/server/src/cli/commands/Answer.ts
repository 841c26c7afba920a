/** `millrace answer REQUEST ANSWER`: answers an open request from any terminal. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect, Option, Schema } from "effect"
import * as Client from "@millrace/client/Client"
import { defined } from "@millrace/contracts/Defined"
import { RequestId } from "@millrace/contracts/Ids"
import { nameOf } from "@millrace/contracts/ApprovalRule"
import type { Answer, Ask as AskOf, RequestView } from "@millrace/contracts/Item"
import * as ApprovalOptions from "../terminal/ApprovalOptions.ts"
import * as TerminalQuestion from "../terminal/TerminalQuestion.ts"
import * as Connect from "../client/Connect.ts"
import { type CliFailure, failed, fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import { line } from "../terminal/Style.ts"

const isRequest = Schema.is(RequestId)

const answerOf = (asked: AskOf, words: ReadonlyArray<string>) => {
  const ask = ApprovalOptions.choosable(asked)
  if (ask.kind === "approval") {
    const [word] = words
    const answer = word === undefined ? undefined : ApprovalOptions.answerOf(ask, words.join(" "))
    return answer === undefined
      ? Effect.fail(
          usage(
            `ANSWER: expected one of ${ApprovalOptions.offered(ask).join(", ")} for "${line(ask.title, 200)}", got ${JSON.stringify(words.join(" "))}`
          )
        )
      : Effect.succeed(answer)
  }
  const questions = ask.questions.map(({ header, text }) => (header === undefined ? text : `${header}: ${text}`)).join(" / ")
  if (words.length !== ask.questions.length)
    return Effect.fail(usage(`ANSWER: expected ${ask.questions.length} answers, got ${words.length}: ${questions}`))
  if (words.some((word) => word.trim() === ""))
    return Effect.fail(usage(`ANSWER: an answer is empty. Give one text each: ${questions}`))
  return Effect.succeed<Answer>({
    answers: Object.fromEntries(
      ask.questions.map((question, n) => [question.id, TerminalQuestion.chosen(question, words[n] ?? "")])
    )
  })
}

/** The rule that the request proposes, which `--always` adds. */
const ruleOf = ({ proposedRule: rule }: RequestView, given: Answer, isChanged: boolean) =>
  Effect.gen(function* () {
    if (!("decision" in given) || given.decision !== "accept") return yield* usage("--always needs the answer accept.")
    if (isChanged) return yield* usage("--always allows the command that the agent asked for: do not combine it with --command.")
    if (rule === undefined)
      return yield* usage("--always: no rule can accept this request: it is more than one simple command, one file or one tool.")
    return rule
  })

/** Adds a rule to the thread. */
const addRule = (
  millrace: Connect.Connected["millrace"],
  threadId: RequestView["threadId"],
  rule: NonNullable<RequestView["proposedRule"]>
): Effect.Effect<void, CliFailure, Output.Output> =>
  Effect.gen(function* () {
    const { approve = [] } = yield* Effect.mapError(millrace.thread(threadId), fromError)
    const configure = yield* Client.command("thread.configure", { threadId, approve: [...approve, rule] })
    yield* Effect.mapError(millrace.dispatch(configure), fromError)
    yield* (yield* Output.Output).note(`Always allowed in this thread: ${line(nameOf(rule), 200)}`)
  })

export const command = Command.make(
  "answer",
  {
    request: Flags.argument("REQUEST").pipe(Args.withDescription("The request's id. See: millrace requests")),
    answer: Flags.argument("ANSWER").pipe(
      Args.withDescription(
        "For an approval: an option's id or label, or accept, accept-for-session, decline or cancel. For questions: one text per question; separate several choices with commas."
      ),
      Args.atLeast(1)
    ),
    reason: Options.optional(Options.text("reason")).pipe(
      Options.withDescription("The reason. Agents that accept reasons get it with a decline.")
    ),
    command: Options.optional(Options.text("command")).pipe(
      Options.withDescription("With accept: the command that the agent runs in place of the requested one.")
    ),
    always: Options.boolean("always").pipe(
      Options.withDescription(
        "With accept: also add the rule that the request proposes, so that the thread accepts such requests later."
      )
    ),
    json: Flags.json,
    data: Flags.data,
    url: Flags.url
  },
  ({ always, answer, command: changed, data, json, reason, request, url }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      if (!isRequest(request))
        return yield* usage(`REQUEST: expected a request id, like req_01HXYZ, got ${JSON.stringify(request)}`)
      const { millrace } = yield* Connect.server({ dataDir: data, url: Flags.orUndefined(url) })
      const open = yield* Effect.mapError(millrace.requests, fromError)
      const asked = open.find((one) => one.requestId === request)
      if (asked === undefined)
        return yield* failed(`No open request ${request}: it may be settled already. See: millrace requests`)
      const given = yield* answerOf(asked.ask, answer)
      // Added before the answer, because the agent may ask the same again at once.
      if (always) yield* addRule(millrace, asked.threadId, yield* ruleOf(asked, given, Option.isSome(changed)))
      const command = yield* Client.command("request.answer", {
        requestId: request,
        ...given,
        ...defined({
          reason: Flags.orUndefined(reason),
          input: Option.isSome(changed) ? { command: changed.value } : undefined
        })
      })
      const accepted = yield* Effect.mapError(millrace.dispatch(command), fromError)
      if (json) return yield* Output.json(accepted)
      yield* output.note(
        accepted.outcome === "already-settled" ? "The request was settled already; this answer was not used." : "Answered."
      )
    })
).pipe(Command.withDescription("Answer an agent's request: an approval or its questions."))
