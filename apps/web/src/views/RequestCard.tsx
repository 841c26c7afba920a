/** What is asked of a person, with its choices; and how it was answered, also when somebody else was first. */
import { useState } from "react"
import type { Ask, Decision, RequestView } from "@millrace/contracts/Item"
import { useAction } from "../ui/Action.tsx"
import { threadHref } from "../ui/Route.ts"
import { link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import type { Settled } from "../store/World.ts"
import { Changes } from "./Diff.tsx"

const choiceWord: Readonly<Record<Decision, string>> = {
  accept: "Accept",
  "accept-for-session": "Accept for this session",
  decline: "Decline",
  cancel: "Cancel the turn"
}

type Answering = ReturnType<typeof useAction>

const Approval = ({ action, request }: { readonly request: RequestView; readonly action: Answering }) => {
  const { ask } = request
  if (ask.kind !== "approval") return null
  return (
    <>
      {ask.command !== undefined && (
        <pre className="code" tabIndex={0} data-text>
          {ask.command}
        </pre>
      )}
      {ask.cwd !== undefined && <p className="path">in {ask.cwd}</p>}
      {ask.reason !== undefined && <p>{ask.reason}</p>}
      {ask.changes !== undefined && <Changes changes={ask.changes} />}
      <div className="choices">
        {ask.choices.map((decision) => (
          <button
            key={decision}
            type="button"
            className={decision === "accept" ? "primary" : decision === "accept-for-session" ? "" : "quiet"}
            disabled={action.busy}
            onClick={() => void action.run(() => link.send("request.answer", { requestId: request.requestId, decision }))}
          >
            {choiceWord[decision]}
          </button>
        ))}
      </div>
    </>
  )
}

const Questions = ({ action, request }: { readonly request: RequestView; readonly action: Answering }) => {
  const [answers, setAnswers] = useState<Readonly<Record<string, string>>>({})
  const { ask } = request
  if (ask.kind !== "question") return null
  const send = () =>
    action.run(() =>
      link.send("request.answer", {
        requestId: request.requestId,
        answers: Object.fromEntries(ask.questions.map(({ id }) => [id, [answers[id] ?? ""]]))
      })
    )
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      {ask.questions.map((question) => (
        <label key={question.id} className="question">
          <span>{question.text}</span>
          {question.options !== undefined && (
            <span className="choices">
              {question.options.map((option) => (
                <button
                  key={option.label}
                  type="button"
                  title={option.description}
                  aria-pressed={answers[question.id] === option.label}
                  onClick={() => setAnswers({ ...answers, [question.id]: option.label })}
                >
                  {option.label}
                </button>
              ))}
            </span>
          )}
          <input
            type={question.secret === true ? "password" : "text"}
            autoComplete="off"
            value={answers[question.id] ?? ""}
            onChange={(event) => setAnswers({ ...answers, [question.id]: event.target.value })}
          />
        </label>
      ))}
      <div className="choices">
        <button type="submit" className="primary" disabled={action.busy}>
          Answer
        </button>
      </div>
    </form>
  )
}

const wants = (ask: Ask): string => {
  if (ask.kind === "question") return "Asks you"
  if (ask.command !== undefined) return "Wants to run"
  return ask.changes === undefined ? "Asks for approval" : "Wants to change files"
}

/** The title says again what stands below it. */
const saidBelow = (ask: Ask): boolean =>
  ask.kind === "question"
    ? ask.questions.length === 1 && ask.questions[0].text === ask.title
    : ask.command !== undefined && ask.title.includes(ask.command)

export const RequestCard = ({ request, linked }: { readonly request: RequestView; readonly linked?: boolean }) => {
  const action = useAction()
  const thread = useStore((state) => state.world?.threads[request.threadId])
  const { ask } = request
  return (
    <section className="request" aria-label={`Request: ${ask.title}`}>
      <header>
        <b>{wants(ask)}</b>
        {!saidBelow(ask) && <span className="ask-title">{ask.title}</span>}
        {linked === true && thread !== undefined && <a href={threadHref(thread.threadId)}>{thread.title}</a>}
      </header>
      <Approval request={request} action={action} />
      <Questions request={request} action={action} />
      {action.error !== undefined && (
        <p className="refusal" role="alert">
          {action.error}
        </p>
      )}
    </section>
  )
}

const outcome = ({ answer, by, reason }: Settled): string => {
  if (answer === undefined) return `is over: ${reason ?? "nobody answered"}`
  const what =
    "answers" in answer
      ? Object.values(answer.answers).flat().join(", ")
      : "decision" in answer
        ? answer.decision.replaceAll("-", " ")
        : answer.optionId
  return `${what}, answered by ${by ?? "somebody"}`
}

export const SettledCard = ({ settled, linked }: { readonly settled: Settled; readonly linked?: boolean }) => {
  const thread = useStore((state) => state.world?.threads[settled.request.threadId])
  return (
    <p className="settled">
      <span className="ask-title">{settled.request.ask.title}</span>
      <span>{outcome(settled)}</span>
      {linked === true && thread !== undefined && <a href={threadHref(thread.threadId)}>{thread.title}</a>}
    </p>
  )
}
