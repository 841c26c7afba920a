/** A thread's status as text with a coloured dot. */
import type { ThreadStatus } from "@millrace/contracts/State"

const statusWord: Readonly<Record<ThreadStatus, string>> = {
  "needs-you": "needs you",
  running: "running",
  queued: "queued",
  idle: "idle",
  failed: "failed"
}

export const Dot = ({ status }: { readonly status: ThreadStatus }) => (
  <span className={`dot ${status}`} role="img" aria-label={statusWord[status]} title={statusWord[status]} />
)

export const Badge = ({ status }: { readonly status: ThreadStatus }) => (
  <span className={`badge ${status}`}>
    <Dot status={status} />
    {statusWord[status]}
  </span>
)
