/** Read models for a log without an engine: the test decides which threads and projects exist. */
import type { EventLog } from "@millrace/log/EventLog"
import { Effect } from "effect"

type Log = typeof EventLog.Service

/** `exists` is called for a thread or project without state in the log. Default: all exist. */
export const knownThreads = (log: Log, exists: (id: string) => boolean = () => true): Log => ({
  ...log,
  query: (request) =>
    Effect.map(log.query(request), (answer) => {
      for (const [name, part] of Object.entries(request)) {
        const rows: unknown = Reflect.get(answer, name)
        if (part._tag !== "RowsByKey" || !(rows instanceof Map) || !/^(thread|project)-state$/.test(part.collection)) continue
        for (const key of part.keys)
          if (!rows.has(key) && exists(key)) rows.set(key, { key, parent: "", rank: 0, value: { deleted: false } })
      }
      return answer
    })
})
