/** Messages that wait for a connection, above the composer. */
import { useSyncExternalStore } from "react"
import { Attachments } from "../attach/Attachments.tsx"
import type { ThreadId } from "@millrace/contracts/Ids"
import { useStore } from "../store/useStore.ts"
import * as Store from "../store/Waiting.ts"

export const Waiting = ({ threadId }: { readonly threadId: ThreadId }) => {
  const all = useSyncExternalStore(Store.subscribe, Store.current)
  const isLive = useStore((state) => state.connection.state === "live")
  // While the page is connected, an answer arrives at once, so messages in flight are not shown.
  const ofThread = all.filter((one) => one.threadId === threadId && (!isLive || one.refused !== undefined))
  if (ofThread.length === 0) return null
  return (
    <section className="queue" aria-label="Not sent yet">
      <h2>
        Not sent yet <b className="count">{ofThread.length}</b>
      </h2>
      <ol>
        {ofThread.map(({ attachments, commandId, refused, text }) => (
          <li key={commandId}>
            <span className="text">
              {text}
              <Attachments files={attachments} />
            </span>
            {refused === undefined ? (
              <small>waits for the connection</small>
            ) : (
              <span>
                <small className="refusal">{refused}</small>
                <button type="button" className="quiet" onClick={() => Store.remove(commandId)}>
                  Remove
                </button>
              </span>
            )}
          </li>
        ))}
      </ol>
    </section>
  )
}
