/** Reads the rewinds that a log has recorded, and whether it contradicts its anchor now (L12). For `verify` and `doctor`; a server may run on the log. */
import { serverStream } from "@millrace/contracts/Ids"
import type { Effect } from "effect"
import { compare, type Anchor, type Absent, type Identity, type Rewound } from "./Anchor.ts"
import * as AnchorFile from "./AnchorFile.ts"
import type { LogUnavailable } from "./EventLog.ts"
import * as Sqlite from "./Sqlite.ts"
import { SqliteReader } from "./SqliteReader.ts"
import { attempt } from "./Storage.ts"

/** The data in the files next to the database. Read them before the database is read or copied: an anchor that is newer than the copy would contradict it. */
export interface Evidence {
  readonly anchor: Anchor | Absent
  readonly database: Identity
  readonly marks: ReadonlyArray<string>
}

export const evidence = (anchor: string, file: string): Effect.Effect<Evidence, LogUnavailable> =>
  attempt("history", () =>
    Sqlite.guarded(() => ({
      anchor: AnchorFile.read(anchor),
      database: AnchorFile.identify(file),
      marks: AnchorFile.marks(anchor)
    }))
  )

/** A `log.rewound` event of this log. */
export interface Rewind {
  readonly offset: number
  readonly at: string
  readonly data: { readonly from: number; readonly to: number; readonly reason: string }
}

export interface History {
  /** The report of the next start. `undefined` if nothing is wrong. */
  readonly contradiction: Rewound | undefined
  /** The newest ten, newest first. */
  readonly rewinds: ReadonlyArray<Rewind>
}

/** The wire JSON of one event. `undefined` if there is no such event. */
export const jsonAt = (reader: SqliteReader, offset: number): string | undefined =>
  reader.view(({ events, head }) =>
    offset < 1 || offset > head ? undefined : events({ after: offset - 1, limit: 1 }).events[0]?.json
  )

/** Reads the stream `server`, which has an event for each start, and the segments with events of it. */
const rewindsOf = (reader: SqliteReader): ReadonlyArray<Rewind> => {
  const found: Array<Rewind> = []
  for (let after = 0, more = true; more;) {
    const page = reader.view(({ events }) => events({ after, stream: serverStream }))
    for (const { json, type } of page.events) if (type === "log.rewound") found.push(JSON.parse(json) as Rewind)
    after = page.upTo
    more = after < page.head
  }
  return found.toReversed().slice(0, 10)
}

const read = (db: Sqlite.Connection, { anchor, database, marks }: Evidence): History => {
  const event = () => undefined
  // A database that was emptied has no tables.
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'events'").get() === undefined) {
    const nothing = { epoch: "", head: 0, retainedFrom: 0, anchored: false, database, marks, event }
    return { contradiction: compare(anchor, nothing), rewinds: [] }
  }
  const reader = new SqliteReader(db)
  const meta = new Map(
    (db.prepare("SELECT key, value FROM meta").all() as ReadonlyArray<{ readonly key: string; readonly value: string }>).map(
      ({ key, value }) => [key, value] as const
    )
  )
  const opened = {
    ...reader.view(({ head, retainedFrom }) => ({ head, retainedFrom })),
    epoch: meta.get("epoch") ?? "",
    anchored: meta.has("anchored"),
    database,
    marks,
    event: (offset: number) => jsonAt(reader, offset)
  }
  return { contradiction: compare(anchor, opened), rewinds: rewindsOf(reader) }
}

/** `file`: the database, or a copy of it that is newer than the evidence. */
export const inspect = (found: Evidence, file: string): Effect.Effect<History, LogUnavailable> =>
  attempt("history", () =>
    Sqlite.guarded(() => {
      const db = Sqlite.openReader(file)
      try {
        return read(db, found)
      } finally {
        Sqlite.close(db)
      }
    })
  )
