/** The live sessions and their processes, with the thread of each. */
import { useEffect, useState } from "react"
import type { ProcessView } from "@millrace/contracts/Access"
import { Action } from "../ui/Action.tsx"
import { historyWords } from "../ui/History.ts"
import { Badge } from "../ui/Status.tsx"
import { threadHref } from "../ui/Route.ts"
import { ago } from "../ui/Time.ts"
import { useNow } from "../ui/useNow.ts"
import { get } from "../store/Http.ts"
import { link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import { titleOf } from "./Rail.tsx"
import { FullAccess } from "./FullAccess.tsx"

const endedStatuses = new Set(["stopped", "error"])
const mebibytes = (bytes: number | undefined) => (bytes === undefined ? "" : `${Math.round(bytes / 1_048_576)} MiB`)

export const Sessions = () => {
  const threads = useStore((state) => state.world?.threads)
  const [processes, setProcesses] = useState<ReadonlyArray<ProcessView>>([])
  const [error, setError] = useState<string>()
  const now = useNow(5_000)
  useEffect(() => {
    get<ReadonlyArray<ProcessView>>("/api/processes").then(setProcesses, (cause: Error) => setError(cause.message))
  }, [now])
  const live = Object.values(threads ?? {}).filter(({ session }) => session !== undefined && !endedStatuses.has(session.status))
  return (
    <div className="page wide">
      <h1>Sessions</h1>
      {live.length === 0 && (
        <p className="nothing">No live sessions. A session starts with a turn and ends after it was idle for some time.</p>
      )}
      {live.length > 0 && (
        <div className="table-wrap" tabIndex={0} role="region" aria-label="Live sessions">
          <table className="table">
            <thead>
              <tr>
                <th>Thread</th>
                <th>Agent</th>
                <th>Status</th>
                <th>Session</th>
                <th>Process</th>
                <th>Last activity</th>
                <th>
                  <span className="unseen">Stop</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {live.map((thread) => {
                const agentProcess = processes.find(
                  (one) => one.threadId === thread.threadId && one.epoch === thread.session?.epoch
                )
                return (
                  <tr key={thread.threadId}>
                    <td>
                      <a href={threadHref(thread.threadId)}>{titleOf(thread)}</a>
                      <FullAccess thread={thread} />
                    </td>
                    <td>{thread.provider}</td>
                    <td>
                      <Badge status={thread.status} />
                    </td>
                    <td>
                      {thread.session?.status}
                      {thread.session?.continuity !== undefined && `, ${historyWords[thread.session.continuity]}`}
                      {thread.backgroundIds !== undefined && `, ${thread.backgroundIds.length} in background`}
                    </td>
                    <td className="mono">
                      {agentProcess === undefined ? "" : `${agentProcess.pid} ${mebibytes(agentProcess.memoryBytes)}`}
                    </td>
                    <td>{ago(thread.updatedAt, now)}</td>
                    <td>
                      <Action className="quiet" run={() => link.send("session.stop", { threadId: thread.threadId })}>
                        Stop
                      </Action>
                    </td>
                  </tr>
                )
              })}
            </tbody>
          </table>
        </div>
      )}
      {processes.some(({ alive }) => !alive) && (
        <p className="nothing">{processes.filter(({ alive }) => !alive).length} dead processes are being removed.</p>
      )}
      {error !== undefined && <p className="refusal">{error}</p>}
    </div>
  )
}
