/**
 * The anchor records the last acknowledged event outside the database. If the WAL or the database was removed, damaged or replaced by an older copy,
 * SQLite opens an older or empty log without an error; the comparison with the anchor detects that (L12). docs/decisions/0084 lists what it detects and
 * what it cannot detect. Pure; AnchorFile.ts reads and writes the file.
 */
import { hash } from "node:crypto"
import { Schema } from "effect"
import { isForgotten } from "./Forgotten.ts"

/** Identifies the database file. A rename within the file system keeps both values. A copy has different values. */
export const Identity = Schema.Struct({
  inode: Schema.String,
  /** Creation time in nanoseconds since 1970; empty if the file system does not record it. Inode numbers are reused, creation times are not. */
  born: Schema.String
})
export type Identity = typeof Identity.Type

export const Anchor = Schema.Struct({
  epoch: Schema.String,
  head: Schema.Int,
  /** SHA-256 of the wire JSON of the event at `head`, in hex. Empty if the log has no event. */
  hash: Schema.String,
  database: Identity,
  /** The name of the mark, a file in the directory; two names while it is renamed. Each start and stop renames it, so that the files of an older copy do not match the anchor. */
  marks: Schema.Array(Schema.String)
})
export type Anchor = typeof Anchor.Type

/** Why there is no usable anchor. `damaged`: the file is not an anchor. */
export type Absent = "missing" | "damaged"

/** The log at the time it was opened. */
export interface Opened {
  readonly epoch: string
  readonly head: number
  readonly retainedFrom: number
  /** This database had an anchor before. */
  readonly anchored: boolean
  readonly database: Identity
  /** The marks in the directory. */
  readonly marks: ReadonlyArray<string>
  /** The wire JSON of a retained event. */
  readonly event: (offset: number) => string | undefined
}

/** History was lost, or this is a copy: `data` of `log.rewound`. */
export interface Rewound {
  readonly from: number
  readonly to: number
  readonly reason: string
  readonly previousEpoch: string
}

export const hashOf = (json: string): string => hash("sha256", json)

const isSame = (a: Identity, b: Identity): boolean => a.inode === b.inode && (a.born === "" || b.born === "" || a.born === b.born)

const unknown = (state: Absent, { epoch, head }: Opened): Rewound => ({
  from: head,
  to: head,
  reason: `The anchor of the log is ${state}, so it is not known whether acknowledged events were lost. A copy of the database alone has no anchor.`,
  previousEpoch: epoch
})

/** Undefined: the log is the anchor's log and holds every acknowledged event. */
export const compare = (anchor: Anchor | Absent, log: Opened): Rewound | undefined => {
  const { epoch, head } = log
  // A log of an older version has no anchor.
  if (anchor === "missing" && !log.anchored) return undefined
  if (anchor === "missing" || anchor === "damaged") return unknown(anchor, log)
  const rewound = (reason: string, from = anchor.head): Rewound => ({ from, to: head, reason, previousEpoch: anchor.epoch })
  if (anchor.head > head)
    return rewound(
      `The log ends at ${head}, but ${anchor.head} was acknowledged: the database or its WAL was removed, damaged or replaced by an older copy.`
    )
  if (anchor.epoch !== epoch) return rewound("The database was replaced by another one: its epoch differs from the anchor's.")
  if (!isSame(anchor.database, log.database))
    return rewound("The database is a copy: other events may have been acknowledged after the copy was made.", head)
  const isMarked = anchor.marks.length === 0 || anchor.marks.some((mark) => log.marks.includes(mark))
  if (!isMarked || log.marks.some((mark) => !anchor.marks.includes(mark)))
    return rewound("Files of a copy were written over this data directory: later events may have been acknowledged.", head)
  if (anchor.head > log.retainedFrom) {
    const json = log.event(anchor.head)
    // After a power loss the anchor may name an event that was forgotten later.
    if (json === undefined || (hashOf(json) !== anchor.hash && !isForgotten(json)))
      return rewound(`Event ${anchor.head} is not the one that was acknowledged: it was damaged, or the database was replaced.`)
  }
  return undefined
}
