/** What a person should know of the connection, and no more: nothing while all is well. */
import { useEffect } from "react"
import { Icon } from "../ui/Icon.tsx"
import { count } from "../ui/Time.ts"
import { dismiss, link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"

const expired: Readonly<Record<string, string>> = {
  CursorExpired:
    "This page was away for longer than the log reaches back. It shows the present state; what happened in between is not listed.",
  CursorForeign: "This server has another log than at your last visit. The page shows that log's present state.",
  CursorAhead: "The server's log was set back to an older copy. The page shows its present state."
}

export const Banner = () => {
  const connection = useStore((state) => state.connection)
  const notice = useStore((state) => state.notice)
  useEffect(() => {
    if (notice?.kind !== "resumed") return
    const timer = setTimeout(dismiss, 12_000)
    return () => clearTimeout(timer)
  }, [notice])
  const words =
    connection.state === "draining"
      ? "The server is going down in order. What was accepted is in the log; this page goes on when it is back."
      : connection.state === "reconnecting" && connection.attempt > 1
        ? "No connection. You see the state as it was; it goes on where it stopped."
        : connection.state === "failed"
          ? connection.message
          : undefined
  return (
    <div className="banners" aria-live="polite">
      {words !== undefined && (
        <p className={`banner ${connection.state}`}>
          <span>{words}</span>
          <button type="button" className="quiet" onClick={link.retry}>
            Try now
          </button>
        </p>
      )}
      {notice !== undefined && (
        <p className="banner notice">
          <span>
            {notice.kind === "resumed"
              ? `${count(notice.events, "event")} while you were away${notice.requests > 0 ? `, ${count(notice.requests, "request")}` : ""}`
              : (expired[notice.why] ?? "The page took a new snapshot of the log.")}
          </span>
          <button type="button" className="quiet icon-only" aria-label="Dismiss" onClick={dismiss}>
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  )
}
