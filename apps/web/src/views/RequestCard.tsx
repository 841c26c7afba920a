/** A request to a person with its choices, and a settled request with its answer and who gave it. */
import { useState } from "react"
import { nameOf } from "@millrace/contracts/RuleName"
import type { ApprovalOption, Ask, Decision, Question, RequestView } from "@millrace/contracts/Item"
import { useAction } from "../ui/Action.tsx"
import { Copy } from "../ui/Copy.tsx"
import { threadHref } from "../ui/Route.ts"
import { link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import type { Settled } from "@millrace/model/AppState"
import { Changes } from "./Diff.tsx"

const choiceLabels: Readonly<Record<Decision, string>> = {
  accept: "Accept",
  "accept-for-session": "Accept for this session",
  decline: "Decline",
  cancel: "Cancel the turn"
}

const classNames: Readonly<Record<string, string>> = {
  accept: "primary",
  "accept-for-session": "",
  decline: "quiet",
  cancel: "quiet"
}

/** A button of an approval: a decision, or one of the agent's options with its label. */
interface Choice {
  readonly key: string
  readonly label: string
  readonly className: string
  readonly answer: { readonly decision: Decision } | { readonly optionId: string }
}

const ofOption = ({ kind, label, optionId }: ApprovalOption): Choice => ({
  key: `option ${optionId}`,
  label,
  className: classNames[kind] ?? "",
  answer: { optionId }
})

const ofDecision = (decision: Decision): Choice => ({
  key: decision,
  label: choiceLabels[decision],
  className: classNames[decision] ?? "",
  answer: { decision }
})

/** The agent's options, then the decisions that no option represents. */
const choicesOf = ({ choices, options = [] }: Extract<Ask, { readonly kind: "approval" }>): ReadonlyArray<Choice> => [
  ...options.map(ofOption),
  ...choices.filter((decision) => !options.some(({ kind }) => kind === decision)).map(ofDecision)
]

type Answering = ReturnType<typeof useAction>

/** A button that adds the proposed rule to the thread and accepts this request. From then on the rule accepts such requests. */
const AlwaysAllow = ({ action, request }: { readonly request: RequestView; readonly action: Answering }) => {
  const thread = useStore((state) => state.world?.threads[request.threadId])
  const { proposedRule: rule, requestId, threadId } = request
  if (rule === undefined || thread === undefined) return null
  const allow = async () => {
    await link.send("thread.configure", { threadId, approve: [...(thread.approve ?? []), rule] })
    await link.send("request.answer", { requestId, decision: "accept" })
  }
  return (
    <button type="button" className="quiet" disabled={action.busy} onClick={() => void action.run(allow)}>
      Always allow in this thread: {nameOf(rule)}
    </button>
  )
}

/** The command of an approval. `onChange`: the agent takes a changed command. */
const CommandField = (props: { readonly command: string; readonly onChange: ((command: string) => void) | undefined }) => {
  const { command, onChange } = props
  const [editing, setEditing] = useState(false)
  if (onChange === undefined || !editing)
    return (
      <>
        <pre className="code" tabIndex={0} data-text>
          {command}
        </pre>
        {onChange !== undefined && (
          <button type="button" className="quiet" onClick={() => setEditing(true)}>
            Edit the command
          </button>
        )}
      </>
    )
  return <textarea autoFocus aria-label="Command" rows={3} value={command} onChange={(event) => onChange(event.target.value)} />
}

/** What the person adds to an answer: a changed command to an acceptance, a reason to a refusal. */
const additionTo = (answer: Choice["answer"], typed: { readonly command: string | undefined; readonly reason: string }) => {
  if (!("decision" in answer)) return {}
  if (answer.decision === "accept") return typed.command === undefined ? {} : { input: { command: typed.command } }
  return answer.decision === "decline" && typed.reason.trim() !== "" ? { reason: typed.reason.trim() } : {}
}

const Approval = ({ action, request }: { readonly request: RequestView; readonly action: Answering }) => {
  const { ask } = request
  const [changed, setChanged] = useState<string>()
  const [reason, setReason] = useState("")
  if (ask.kind !== "approval") return null
  const takes = (what: string) => ask.takes?.includes(what) === true
  const command = changed === ask.command ? undefined : changed
  const isEmpty = command?.trim() === ""
  return (
    <>
      {ask.command !== undefined && (
        <CommandField command={changed ?? ask.command} onChange={takes("input") ? setChanged : undefined} />
      )}
      {ask.cwd !== undefined && <p className="path">in {ask.cwd}</p>}
      {ask.reason !== undefined && <p>{ask.reason}</p>}
      {ask.changes !== undefined && <Changes changes={ask.changes} />}
      {takes("reason") && (
        <input
          type="text"
          aria-label="Reason, if you decline"
          placeholder="Reason, if you decline"
          autoComplete="off"
          maxLength={4000}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      )}
      <div className="choices">
        {choicesOf(ask).map(({ answer, className, key, label }) => (
          <button
            key={key}
            type="button"
            className={className}
            // "Accept for this session" is disabled after an edit, because the agent would remember the original command.
            disabled={action.busy || (key === "accept" && isEmpty) || (key === "accept-for-session" && command !== undefined)}
            onClick={() =>
              void action.run(() =>
                link.send("request.answer", {
                  requestId: request.requestId,
                  ...answer,
                  ...additionTo(answer, { command, reason })
                })
              )
            }
          >
            {label}
          </button>
        ))}
        {command === undefined && <AlwaysAllow request={request} action={action} />}
      </div>
    </>
  )
}

type Given = Readonly<Record<string, { readonly chosen: ReadonlyArray<string>; readonly typed: string }>>

/** The chosen options and the typed text, if it is not blank. */
const answersTo = (given: Given, id: string): ReadonlyArray<string> => {
  const { chosen, typed } = given[id] ?? { chosen: [], typed: "" }
  return typed.trim() === "" ? chosen : [...chosen, typed]
}

const QuestionField = (props: {
  readonly question: Question
  readonly given: Given[string] | undefined
  readonly onChange: (given: Given[string]) => void
}) => {
  const { given = { chosen: [], typed: "" }, onChange, question } = props
  const { chosen, typed } = given
  const press = (label: string) => {
    const isChosen = chosen.includes(label)
    const others = question.multiple === true ? chosen.filter((one) => one !== label) : []
    onChange({ chosen: isChosen ? others : [...others, label], typed: question.multiple === true ? typed : "" })
  }
  return (
    // No `<label>` element: it would give its text to the first button, and a click on the text would press that button.
    <div className="question" role="group" aria-label={question.text}>
      {question.header !== undefined && <b>{question.header}</b>}
      <span>{question.text}</span>
      {question.options !== undefined && (
        <span className="choices options">
          {question.multiple === true && <span className="hint">Choose one or more</span>}
          {question.options.map(({ description, label }) => (
            <button key={label} type="button" aria-pressed={chosen.includes(label)} onClick={() => press(label)}>
              {label}
              {description !== undefined && <small>{description}</small>}
            </button>
          ))}
        </span>
      )}
      <input
        type={question.secret === true ? "password" : "text"}
        aria-label={question.options === undefined ? question.text : "Another answer"}
        autoComplete="off"
        placeholder={question.options === undefined ? undefined : "Another answer"}
        value={typed}
        onChange={(event) => onChange({ chosen: question.multiple === true ? chosen : [], typed: event.target.value })}
      />
    </div>
  )
}

const Questions = ({ action, request }: { readonly request: RequestView; readonly action: Answering }) => {
  const [given, setGiven] = useState<Given>({})
  const { ask } = request
  if (ask.kind !== "question") return null
  const isIncomplete = ask.questions.some(({ id }) => answersTo(given, id).length === 0)
  const send = () =>
    action.run(() =>
      link.send("request.answer", {
        requestId: request.requestId,
        answers: Object.fromEntries(ask.questions.map(({ id }) => [id, answersTo(given, id)]))
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
        <QuestionField
          key={question.id}
          question={question}
          given={given[question.id]}
          onChange={(next) => setGiven({ ...given, [question.id]: next })}
        />
      ))}
      <div className="choices">
        <button type="submit" className="primary" disabled={action.busy || isIncomplete}>
          Answer
        </button>
      </div>
    </form>
  )
}

/** The instructions, the command to run, and the two answers. */
const SignIn = ({ action, request: { ask, requestId } }: { readonly request: RequestView; readonly action: Answering }) => {
  if (ask.kind !== "sign-in") return null
  const send = (decision: Decision) => () => void action.run(() => link.send("request.answer", { requestId, decision }))
  return (
    <>
      <p>{ask.instructions}</p>
      {ask.command !== undefined && (
        <div className="to-run">
          <pre className="code" tabIndex={0} data-text>
            {ask.command}
          </pre>
          <Copy text={ask.command} />
        </div>
      )}
      <div className="choices">
        <button type="button" className="primary" disabled={action.busy} onClick={send("accept")}>
          Signed in: send the prompt again
        </button>
        <button type="button" className="quiet" disabled={action.busy} onClick={send("decline")}>
          {choiceLabels.decline}
        </button>
      </div>
    </>
  )
}

const headingOf = (ask: Ask): string => {
  if (ask.kind === "sign-in") return "The agent is not signed in"
  if (ask.kind === "question") return "Asks you"
  if (ask.command !== undefined) return "Wants to run"
  return ask.changes === undefined ? "Asks for approval" : "Wants to change files"
}

/** Whether the card's body repeats the title. */
const bodyRepeatsTitle = (ask: Ask): boolean =>
  ask.kind === "question"
    ? ask.questions.length === 1 && ask.questions[0].text === ask.title
    : ask.kind === "approval" && ask.command !== undefined && ask.title.includes(ask.command)

export const RequestCard = ({ request, linked }: { readonly request: RequestView; readonly linked?: boolean }) => {
  const action = useAction()
  const thread = useStore((state) => state.world?.threads[request.threadId])
  const { ask } = request
  return (
    <section className="request" aria-label={`Request: ${ask.title}`}>
      <header>
        <b>{headingOf(ask)}</b>
        {!bodyRepeatsTitle(ask) && <span className="ask-title">{ask.title}</span>}
        {linked === true && thread !== undefined && <a href={threadHref(thread.threadId)}>{thread.title}</a>}
      </header>
      {request.held === true && <p className="hint">The server restarted. The answer is passed on when the agent asks again.</p>}
      <Approval request={request} action={action} />
      <Questions request={request} action={action} />
      <SignIn request={request} action={action} />
      {action.error !== undefined && (
        <p className="refusal" role="alert">
          {action.error}
        </p>
      )}
    </section>
  )
}

/** The agent's label of an option. */
const optionLabel = (ask: Ask, optionId: string): string =>
  (ask.kind === "approval" ? ask.options?.find((option) => option.optionId === optionId)?.label : undefined) ?? optionId

const outcome = ({ answer, by, reason, request }: Settled): string => {
  if (answer === undefined) return `ended without an answer${reason === undefined ? "" : `: ${reason}`}`
  const what =
    "answers" in answer
      ? Object.values(answer.answers).flat().join(", ")
      : answer.optionId !== undefined
        ? optionLabel(request.ask, answer.optionId)
        : "decision" in answer
          ? answer.decision.replaceAll("-", " ")
          : ""
  return `${what}, answered by ${by ?? "an unknown client"}`
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
