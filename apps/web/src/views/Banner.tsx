/** Notices about the connection; nothing while it is live. */
import { useEffect } from "react"
import { Icon } from "../ui/Icon.tsx"
import { count } from "../ui/Time.ts"
import { dismiss, link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"

const expired: Readonly<Record<string, string>> = {
  CursorExpired:
    "This page was offline for longer than the log is retained. It shows the current state; the events in between are not listed.",
  CursorForeign: "This server has a different log than at your last visit. The page shows the current state of the new log.",
  CursorAhead: "The server's log was restored from an older copy. The page shows its current state."
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
      ? "The server is shutting down. Accepted commands are in the log; this page resumes when the server is back."
      : connection.state === "reconnecting" && connection.attempt > 1
        ? (connection.reason ?? "No connection. You see the last known state; the page resumes where it stopped.")
        : connection.state === "failed"
          ? connection.message
          : undefined
  return (
    <div className="banners" aria-live="polite">
      {words !== undefined && (
        <p className={`banner ${connection.state}`}>
          <span>{words}</span>
          <button type="button" className="quiet" onClick={link.retry}>
            Retry now
          </button>
        </p>
      )}
      {notice !== undefined && (
        <p className="banner notice">
          <span>
            {notice.kind === "resumed"
              ? `${count(notice.events, "event")} while you were away${notice.requests > 0 ? `, ${count(notice.requests, "request")}` : ""}`
              : (expired[notice.why] ?? "The page loaded a new snapshot of the log.")}
          </span>
          <button type="button" className="quiet icon-only" aria-label="Dismiss" onClick={dismiss}>
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  )
}
