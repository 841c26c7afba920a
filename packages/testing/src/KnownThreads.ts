/** Read models for a log without an engine: the test decides which threads and projects exist. */
import type { EventLog, Row } from "@millrace/log/EventLog"

type Log = typeof EventLog.Service

/** `exists` is called for a thread or project of which the log holds no state. Default: all exist. */
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
