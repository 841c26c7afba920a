/** The disk usage of the log, and its largest threads. The server measures it once a minute. */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { LogUsage } from "@millrace/contracts/LogUsage"
import { useEffect, useState } from "react"
import { get } from "../store/Http.ts"
import { useStore } from "../store/useStore.ts"
import { threadHref } from "../ui/Route.ts"
import { size } from "../ui/Size.ts"
import { useNow } from "../ui/useNow.ts"
import { titleOf } from "./Rail.tsx"

const days = ({ bytesPerDay, daysUntilFull }: LogUsage): string =>
  daysUntilFull === undefined ? "It does not grow." : `${daysUntilFull.toLocaleString("en")}, at ${size(bytesPerDay)} a day`

const figures = (usage: LogUsage): ReadonlyArray<readonly [name: string, value: string]> => [
  ["File", usage.maxFileBytes === undefined ? size(usage.fileBytes) : `${size(usage.fileBytes)} of ${size(usage.maxFileBytes)}`],
  ["Compressed events", size(usage.coldBytes)],
  ["Large values", size(usage.blobBytes)],
  ["Free in the file", size(usage.freeBytes)],
  ["Free on the disk", size(usage.diskFreeBytes)],
  ["Days until full", days(usage)]
]

export const Disk = ({ close }: { readonly close: () => void }) => {
  const threads = useStore((state) => state.world?.threads)
  const [usage, setUsage] = useState<LogUsage>()
  const [error, setError] = useState<string>()
  const now = useNow(60_000)
  useEffect(() => {
    let isCurrent = true
    get<LogUsage>("/api/log").then(
      (found) => {
        if (!isCurrent) return
        setUsage(found)
        setError(undefined)
      },
      (cause: Error) => isCurrent && setError(cause.message)
    )
    return () => {
      isCurrent = false
    }
  }, [now])
  const titleOfId = (threadId: ThreadId) => {
    const thread = threads?.[threadId]
    return thread === undefined ? threadId : titleOf(thread)
  }
  return (
    <section className="raw disk" aria-label="Disk">
      <header>
        <b>Disk</b>
        <button type="button" className="quiet" onClick={close}>
          Close
        </button>
      </header>
      {error !== undefined && <p className="refusal">{error}</p>}
      {usage !== undefined && (
        <div className="figures-of" tabIndex={0} role="region" aria-label="Use of the disk">
          <table className="table">
            <tbody>
              {figures(usage).map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <table className="table">
            <caption>Largest threads</caption>
            <tbody>
              {usage.threads.map(({ bytes, threadId }) => (
                <tr key={threadId}>
                  <td>
                    <a href={threadHref(threadId)}>{titleOfId(threadId)}</a>
                  </td>
                  <td>{size(bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {usage.threads.length === 0 && <p className="nothing">No thread has events yet.</p>}
        </div>
      )}
    </section>
  )
}
