/**
 * Migration 4: forgets the threads that earlier versions deleted, as `thread.delete` does now: their events, their blobs, the rows of what they said, and
 * all of their state but the id and the time of the deletion (`ThreadState.deleted`).
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { deletedProject } from "@millrace/contracts/Ids"
import { Effect } from "effect"
import * as Segment from "./Segment.ts"

interface Deletion {
  /** The id of the thread's stream. */
  readonly stream: number
  /** Its events up to this offset are forgotten. */
  readonly forgotten: number
  /** ISO 8601. Null: the event that had it cannot be read. */
  readonly at: string | null
}

const deletedType = "thread.deleted"

/** The deletions that are rows of the table `events`. */
const ofRows = `
  SELECT stream, max(offset) - 1 AS forgotten, CASE WHEN json_valid(json) THEN json ->> '$.at' END AS at
  FROM events WHERE type = '${deletedType}' GROUP BY stream`

/** Deleted threads by their state. Their deletion cannot be read any more if retention removed it, or its segment is damaged: all that is left goes. */
const ofStates = `
  SELECT s.id AS stream, NULL AS at,
    max(coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'retainedFrom'), 0),
        coalesce((SELECT max(g.last) FROM segment_streams i JOIN segments g ON g.first = i.first WHERE i.stream = s.id), 0),
        coalesce((SELECT max(offset) FROM events WHERE stream = s.id), 0)) AS forgotten
  FROM rows r JOIN streams s ON s.name = 'thread/' || r.key
  WHERE r.collection = 'thread-state' AND CASE WHEN json_valid(r.json) THEN r.json ->> '$.deleted' END = 1 AND s.forgotten = 0`

const timeOf = ({ json, valid }: Segment.Row): string | null => {
  const at = valid ? (JSON.parse(json) as { readonly at?: unknown }).at : undefined
  return typeof at === "string" ? at : null
}

/** The deletions among the events of a segment. A damaged segment has none. */
const ofSegment = (stored: Segment.Stored): ReadonlyArray<Deletion> => {
  const segment = Segment.open(stored)
  if (segment instanceof Segment.Damaged) return []
  const found: Array<Deletion> = []
  for (let offset = segment.first; offset <= segment.last; offset++) {
    const row = segment.row(offset)
    if (row?.type === deletedType) found.push({ stream: row.stream, forgotten: offset - 1, at: timeOf(row) })
  }
  return found
}

const thread = `(SELECT substr(name, length('thread/') + 1) FROM streams WHERE id = ?)`

/** What is deleted of a thread. The parameters are those of `Deletion`. */
const forget = ({ at, forgotten, stream }: Deletion) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.forEach(
      [
        [`UPDATE streams SET forgotten = ? WHERE id = ?`, [forgotten, stream]],
        [
          `UPDATE blobs SET hash = NULL, at = -1 WHERE id IN (SELECT blob FROM blob_refs WHERE stream = ?)
             AND NOT EXISTS (SELECT 1 FROM blob_refs r WHERE r.blob = blobs.id AND r.stream <> ?)`,
          [stream, stream]
        ],
        [`DELETE FROM blob_refs WHERE stream = ?`, [stream]],
        [`DELETE FROM rows WHERE collection IN ('turn', 'item', 'request', 'request-open') AND parent = ${thread}`, [stream]],
        [
          `UPDATE rows SET json = (
             SELECT json_object('threadId', rows.key, 'projectId', '${deletedProject}', 'provider', '', 'title', '', 'cwd', '', 'archived', json('false'),
               'deleted', json('true'), 'createdAt', time.at, 'updatedAt', time.at, 'capabilities', json('[]'), 'failed', json('false'),
               'turns', json('[]'), 'queue', json('[]'), 'items', json('[]'), 'requests', json('[]'))
             FROM (SELECT coalesce(?, CASE WHEN json_valid(rows.json) THEN rows.json ->> '$.updatedAt' END, '1970-01-01T00:00:00.000Z') AS at) AS time)
           WHERE collection = 'thread-state' AND key = ${thread}`,
          [at, stream]
        ]
      ] as const,
      ([text, values]) => sql.unsafe(text, values),
      { discard: true }
    )
  )

export const deletedThreads = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql.unsafe(`PRAGMA secure_delete = ON`)
  const forgetAll = (deletions: ReadonlyArray<Deletion>) => Effect.forEach(deletions, forget, { discard: true })
  for (let after = -1; ;) {
    const [stored] = yield* sql.unsafe<Segment.Stored>(
      `SELECT first, last, codec, crc, bytes FROM segments WHERE first > ? ORDER BY first LIMIT 1`,
      [after]
    )
    if (stored === undefined) break
    after = stored.first
    yield* forgetAll(ofSegment(stored))
  }
  // Later than what is packed.
  yield* forgetAll(yield* sql.unsafe<Deletion>(ofRows))
  yield* forgetAll(yield* sql.unsafe<Deletion>(ofStates))
})
