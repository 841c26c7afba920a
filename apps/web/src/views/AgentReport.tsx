/** What the thread's agent reports of itself: its mode, the used part of its context, and the limits of its account. Read again when a turn or the session begins or ends. */
import type { AgentReport as Report } from "@millrace/contracts/AgentReport"
import type { ThreadView } from "@millrace/contracts/State"
import { isLive } from "@millrace/model/Thread"
import { useEffect, useState } from "react"
import { link } from "../store/Store.ts"

const count = (tokens: number) => tokens.toLocaleString("en")

const contextOf = ({ tokens, window }: NonNullable<Report["context"]>) =>
  tokens === undefined
    ? undefined
    : window === undefined || window === 0
      ? { words: `${count(tokens)} tokens of context`, title: "The size of the model's context window is not known" }
      : { words: `${Math.round((tokens / window) * 100)}% of context`, title: `${count(tokens)} of ${count(window)} tokens` }

const limitOf = ({ name, resetsAt, status, usedPercent }: NonNullable<Report["limits"]>[number]) => {
  const value = usedPercent === undefined ? status : `${Math.round(usedPercent)}%`
  const title = `Limit of the account${resetsAt === undefined ? "" : `, resets ${new Date(resetsAt).toLocaleString()}`}`
  return value === undefined ? undefined : { words: `${name} ${value}`, title }
}

export const AgentReport = ({ thread }: { readonly thread: ThreadView }) => {
  const { activeTurnId, session, threadId } = thread
  const [report, setReport] = useState<Report>()
  const isRunning = isLive(session)
  useEffect(() => {
    if (!isRunning) return setReport(undefined)
    let isMounted = true
    link.call<ThreadView>({ name: "thread", threadId }).then(
      ({ agent }) => isMounted && setReport(agent),
      // The next turn reads it again.
      () => {}
    )
    return () => {
      isMounted = false
    }
  }, [threadId, isRunning, activeTurnId, session?.epoch, session?.status])
  if (report === undefined) return null
  const { context, limits = [], mode } = report
  const shown = [
    mode === undefined ? undefined : { words: `${mode} mode`, title: "The agent's mode" },
    context === undefined ? undefined : contextOf(context),
    ...limits.map(limitOf)
  ].filter((one) => one !== undefined)
  return shown.map(({ title, words }) => (
    <span key={words} className="report" title={title}>
      {words}
    </span>
  ))
}
