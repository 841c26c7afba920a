/** A log without an engine has no read models: here its threads and projects are there as long as a test says so. */
import type { EventLog, Row } from "@millrace/log/EventLog"

type Log = typeof EventLog.Service

/** `exists` is asked for a thread or project that the log holds no state of; default: all are there. */
export const knownThreads = (log: Log, exists: (id: string) => boolean = () => true): Log => ({
  ...log,
  view: (read) =>
    log.view((view) =>
      read({
        ...view,
        row: (collection, key): Row | undefined =>
          view.row(collection, key) ??
          (/^(thread|project)-state$/.test(collection) && exists(key)
            ? { key, parent: "", rank: 0, value: { deleted: false } }
            : undefined)
      })
    )
})
