/** One item, rendered by its kind with the text of the log. Tests compare `data-item` and `data-text` with the log. */
import { memo, type ReactNode } from "react"
import type { ItemView, PlanStep } from "@millrace/contracts/Item"
import { Attachments } from "../attach/Attachments.tsx"
import { Code } from "../text/Code.tsx"
import { Markdown } from "../text/Markdown.tsx"
import { Terminal } from "../text/Terminal.tsx"
import { Copy } from "../ui/Copy.tsx"
import { span } from "../ui/Time.ts"
import { useStore } from "../store/useStore.ts"
import { Changes } from "./Diff.tsx"
import { useWhole } from "./Whole.tsx"

const pretty = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value, undefined, 2) ?? ""))

const Json = ({ name, value }: { readonly name: string; readonly value: unknown }) =>
  value === undefined ? null : (
    <details>
      <summary>{name}</summary>
      <pre className="code" tabIndex={0}>
        <Code text={pretty(value)} language={typeof value === "string" ? undefined : "json"} />
      </pre>
    </details>
  )

/** The steps of a plan with their status. */
export const Steps = ({ steps }: { readonly steps: ReadonlyArray<PlanStep> }) => (
  <ol className="steps">
    {steps.map((step, at) => (
      <li key={at} className={step.status}>
        {step.text}
      </li>
    ))}
  </ol>
)

const State = ({ item }: { readonly item: ItemView }) => {
  const hasRequest = useStore(
    (state) => item.status === "open" && Object.values(state.world?.requests ?? {}).some(({ ask }) => ask.itemId === item.itemId)
  )
  if (item.status === "completed") return null
  if (item.status === "open")
    return <span className={hasRequest ? "state asks" : "state open"}>{hasRequest ? "waits for you" : "running"}</span>
  return (
    <span className={`state ${item.status}`} title={item.reason}>
      {item.status}
      {item.reason !== undefined && `: ${item.reason}`}
    </span>
  )
}

const Command = ({ item }: { readonly item: ItemView }) => (
  <div className="card command">
    <header>
      <code className="line" data-text>
        {item.command}
      </code>
      {item.exitCode !== undefined && (
        <span className={item.exitCode === 0 ? "state" : "state failed"}>exit {item.exitCode}</span>
      )}
      {item.durationMillis !== undefined && <span className="state">{span(item.durationMillis)}</span>}
      <State item={item} />
    </header>
    {item.output !== undefined && item.output !== "" && <Terminal text={item.output} />}
  </div>
)

const body = (item: ItemView): ReactNode => {
  const text = item.text ?? ""
  switch (item.kind) {
    case "user-message":
      return (
        <div className="bubble" data-text hidden={text === "" && item.attachments !== undefined}>
          {text}
        </div>
      )
    case "agent-message":
      return (
        <div className={item.status === "open" ? "said streaming" : "said"}>
          <Markdown text={text} />
          {item.status !== "open" && <State item={item} />}
          {item.status !== "open" && <Copy text={text} />}
        </div>
      )
    case "reasoning":
      return (
        <details className="reasoning" open={item.status === "open"}>
          <summary>{item.status === "open" ? "Thinking" : "Thought"}</summary>
          <Markdown text={text} />
        </details>
      )
    case "command":
      return <Command item={item} />
    case "file-change":
      return (
        <div className="card">
          <State item={item} />
          {text !== "" && <Markdown text={text} />}
          <Changes changes={item.changes ?? []} />
        </div>
      )
    case "plan":
      return (
        <div className="card plan">
          <header>
            <b>Plan</b>
            <State item={item} />
          </header>
          {item.steps === undefined || item.steps.length === 0 ? <Markdown text={text} /> : <Steps steps={item.steps} />}
        </div>
      )
    default:
      return (
        <div className="card tool">
          <header>
            <b>{item.tool ?? item.kind.replaceAll("-", " ")}</b>
            <State item={item} />
          </header>
          {text !== "" && <Markdown text={text} />}
          {item.output !== undefined && item.output !== "" && <Terminal text={item.output} />}
          <Json name="input" value={item.input} />
          <Json name="result" value={item.result} />
        </div>
      )
  }
}

const names: Readonly<Record<string, string>> = { "user-message": "You", "agent-message": "Agent" }

export const Item = memo(({ item }: { readonly item: ItemView }) => {
  const { lines, shown } = useWhole(item)
  // `truncatedBytes`: of an older version, which cut long values.
  const cut = item.omittedBytes ?? item.truncatedBytes
  return (
    <article
      className={`item item-${item.kind}`}
      data-item={item.itemId}
      aria-label={names[item.kind] ?? item.kind.replaceAll("-", " ")}
    >
      {body(shown)}
      <Attachments files={item.attachments} />
      {lines}
      {cut !== undefined && (
        <p className="cut">{cut.toLocaleString("en")} bytes were cut from this item. The agent's own record has them.</p>
      )}
    </article>
  )
})
