/** The queued turns in their order: edit, move, remove, or run one now. */
import { useEffect, useState } from "react"
import { Attachments } from "../attach/Attachments.tsx"
import { fill } from "../attach/Drafts.ts"
import type { TurnId } from "@millrace/contracts/Ids"
import type { ThreadView, Waiting } from "@millrace/contracts/State"
import { Action } from "../ui/Action.tsx"
import { Icon } from "../ui/Icon.tsx"
import { link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import { EditTurn } from "./EditTurn.tsx"
import type { Transcript } from "@millrace/model/Transcript"

const moved = (ids: ReadonlyArray<TurnId>, from: number, to: number): Array<TurnId> => {
  const next = ids.filter((_, at) => at !== from)
  next.splice(to, 0, ids[from] as TurnId)
  return next
}

/** Why the next turn does not start. No event carries the reason: while turns are queued and none runs, the page queries the thread after each of its events. */
const useWaiting = (thread: ThreadView): Waiting | undefined => {
  const { threadId } = thread
  const [answer, setAnswer] = useState<ThreadView>()
  const isLive = useStore((state) => state.connection.state === "live")
  const isBlocked = isLive && thread.queuedTurnIds.length > 0 && thread.activeTurnId === undefined
  useEffect(() => {
    if (!isBlocked) return setAnswer(undefined)
    let isMounted = true
    link.call<ThreadView>({ name: "thread", threadId }).then(
      (now) => isMounted && setAnswer(now),
      // If the request fails, no reason is shown. The next event sends the request again.
      () => {}
    )
    return () => {
      isMounted = false
    }
  }, [isBlocked, thread, threadId])
  return isBlocked && answer?.threadId === threadId ? answer.waiting : undefined
}

export const Queue = (props: {
  readonly thread: ThreadView
  readonly opened: { readonly transcript: Transcript } | undefined
}) => {
  const { queuedTurnIds, threadId } = props.thread
  useStore((state) => (state.threads.get(threadId)?.state === "ready" ? props.opened?.transcript.version : 0))
  const waiting = useWaiting(props.thread)
  const [editing, setEditing] = useState<TurnId>()
  if (queuedTurnIds.length === 0) return null
  return (
    <section className="queue" aria-label="Queue">
      <h2>
        Queue <b className="count">{queuedTurnIds.length}</b>
      </h2>
      <ol>
        {queuedTurnIds.map((turnId, at) => {
          const { attachments, text = "" } = props.opened?.transcript.turns.get(turnId)?.value ?? {}
          return (
            <li key={turnId}>
              {editing === turnId ? (
                <EditTurn threadId={threadId} turnId={turnId} onEnd={() => setEditing(undefined)} />
              ) : (
                <span className="text">
                  <span data-text>{text}</span>
                  <Attachments files={attachments} />
                </span>
              )}
              {at === 0 && waiting !== undefined && (
                <small className="why" role="status">
                  {waiting.message}
                </small>
              )}
              <span className="tools">
                {editing !== turnId && (
                  <>
                    <Action
                      label="Move up"
                      className="quiet icon-only"
                      run={() => link.send("turn.reorder", { threadId, turnIds: moved(queuedTurnIds, at, Math.max(0, at - 1)) })}
                    >
                      <Icon name="up" />
                    </Action>
                    <Action
                      label="Move down"
                      className="quiet icon-only"
                      run={() => link.send("turn.reorder", { threadId, turnIds: moved(queuedTurnIds, at, at + 1) })}
                    >
                      <Icon name="down" />
                    </Action>
                    <button
                      type="button"
                      className="quiet icon-only"
                      aria-label="Edit"
                      title="Edit"
                      onClick={() => {
                        // An edit that a reload interrupted is continued.
                        fill(turnId, { text, attachments: attachments ?? [] })
                        setEditing(turnId)
                      }}
                    >
                      <Icon name="edit" />
                    </button>
                    <Action
                      label="Run now: interrupts the running turn"
                      className="quiet icon-only"
                      run={() => link.send("turn.promote", { threadId, turnId, strategy: "interrupt" })}
                    >
                      <Icon name="promote" />
                    </Action>
                    <Action label="Remove" className="quiet icon-only" run={() => link.send("turn.remove", { threadId, turnId })}>
                      <Icon name="close" />
                    </Action>
                  </>
                )}
              </span>
            </li>
          )
        })}
      </ol>
    </section>
  )
}
