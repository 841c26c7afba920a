/** Reads the log's rows after a death, before recovery, and checks them. Pure, except for the reading. */
import { isTerminal, type LogEvent } from "@millrace/contracts/Event"
import * as Sqlite from "@millrace/log/internal/Sqlite"
import { SqliteReader } from "@millrace/log/internal/SqliteReader"
import { join } from "node:path"
import type { Row } from "../HistoryChecker.ts"

export const read = (dataDir: string): ReadonlyArray<Row> => {
  const db = Sqlite.openReader(join(dataDir, "log.db"))
  try {
    const reader = new SqliteReader(db)
    const rows: Array<Row> = []
    for (let after = 0, more = true; more;) {
      const page = reader.view(({ events }) => events({ after }))
      rows.push(...page.events)
      after = page.upTo
      more = after < page.head
    }
    return rows
  } finally {
    db.close()
  }
}

interface Data {
  readonly turnId?: string
  readonly itemId?: string
  readonly requestId?: string
}

/** The open work of agents: sessions, given turns, items and requests, each with the offset at which it began. */
export const open = (events: Iterable<LogEvent>): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  for (const { data, epoch, offset, stream, type } of events) {
    const { itemId, requestId, turnId } = data as Data
    if (type === "session.started") found.set(`session ${stream} ${epoch}`, offset)
    else if (type === "session.stopped") found.delete(`session ${stream} ${epoch}`)
    else if (type === "turn.dispatched" || type === "turn.started") found.set(`turn ${turnId}`, offset)
    else if (isTerminal(type) || type === "turn.requeued") found.delete(`turn ${turnId}`)
    else if (type === "item.started") found.set(`item ${itemId}`, offset)
    else if (type === "item.completed") found.delete(`item ${itemId}`)
    else if (type === "request.opened") found.set(`request ${requestId}`, offset)
    else if (/^request\.(answered|expired|cancelled)$/.test(type)) found.delete(`request ${requestId}`)
  }
  return found
}
