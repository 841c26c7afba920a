/** What the tables of a log take in its file, and whether the file stays near what it has to keep. */
import Sqlite from "@millrace/sqlite-driver"

/** Packed after this many minutes, the least that a configuration allows. */
export const coldAfterMinutes = 1
/** An event stays a row for so long: until it is old enough, and then until the next run of the maintenance, once a minute. */
export const hotMinutes = coldAfterMinutes + 1

/** One measurement: minute, head, and bytes of the file, of its segments and of its free pages. */
export interface Sample {
  readonly minute: number
  readonly head: number
  readonly file: number
  readonly cold: number
  readonly free: number
}

export interface Tables {
  /** Bytes of each table with its indexes, largest first. */
  readonly bytes: ReadonlyArray<readonly [table: string, bytes: number]>
  /** Bytes of one event that is not packed, in the file. */
  readonly perHotEvent: number
  /** Bytes of the other tables, per event: the read models. */
  readonly perEvent: number
}

/** Reads the whole file of a log that no server owns. */
export const tablesOf = (file: string, head: number): Tables => {
  const db = new Sqlite(file, { readonly: true })
  try {
    const bytes = db
      .prepare(
        `SELECT coalesce((SELECT tbl_name FROM sqlite_schema s WHERE s.name = d.name), d.name) AS owner, sum(pgsize) AS bytes
         FROM dbstat d WHERE aggregate = TRUE GROUP BY owner ORDER BY bytes DESC`
      )
      .raw()
      .all() as ReadonlyArray<readonly [string, number]>
    const of = new Map(bytes)
    const hot = db.prepare("SELECT count(*) FROM events").pluck().get() as number
    const all = bytes.reduce((sum, [, size]) => sum + size, 0)
    const events = of.get("events") ?? 0
    return { bytes, perHotEvent: events / Math.max(1, hot), perEvent: (all - events - (of.get("segments") ?? 0)) / head }
  } finally {
    db.close()
  }
}

/**
 * The file at each minute, divided by what it has to keep: its segments, the read models of its events, and as rows the events of the last `hotMinutes`. From
 * the first minute on in which something is packed.
 */
export const ratios = (samples: ReadonlyArray<Sample>, { perEvent, perHotEvent }: Tables): ReadonlyArray<number> =>
  samples
    .filter(({ cold }) => cold > 0)
    .map(({ cold, file, head, minute }) => {
      const before = samples.find((earlier) => earlier.minute === minute - hotMinutes)?.head ?? 0
      return file / (cold + perEvent * head + perHotEvent * (head - before))
    })
