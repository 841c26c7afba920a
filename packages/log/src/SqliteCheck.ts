/**
 * The checks of `verify` that need the database file: its pages and indexes, and whether the recorded version of each stream is that of its last event.
 * Blocks the event loop while SQLite reads the whole file, so use it only in a program that does nothing else.
 */
import { Effect } from "effect"
import * as Sqlite from "./Sqlite.ts"
import { attempt } from "./Storage.ts"
import type { Check, Problem } from "./Verify.ts"

const maxProblems = 100

const problemsOf = (db: Sqlite.Connection): ReadonlyArray<Problem> => {
  const integrity = db.prepare(`PRAGMA integrity_check(${maxProblems})`).pluck().all() as ReadonlyArray<string>
  const streams = db
    .prepare(
      `SELECT name, version, last FROM (
         SELECT s.name, s.version, (SELECT e.version FROM events e WHERE e.stream = s.id ORDER BY e.offset DESC LIMIT 1) AS last FROM streams s)
       WHERE last IS NOT NULL AND last <> version LIMIT ${maxProblems}`
    )
    .all() as ReadonlyArray<{ readonly name: string; readonly version: number; readonly last: number }>
  return [
    ...integrity.filter((line) => line !== "ok").map((message): Problem => ({ problem: "file", message })),
    ...streams.map(({ name, version, last }): Problem => ({
      stream: name,
      problem: "version",
      message: `${name} is recorded at version ${version}, its last event has version ${last}`
    }))
  ]
}

/** A check for `verify({ checks })`. A file that cannot be read completely is a reported problem, not an error. */
export const check = (file: string): Check => ({
  page: () => Effect.succeed([]),
  end: () =>
    Effect.acquireUseRelease(
      attempt("verify", () => Sqlite.openReader(file)),
      (db) => attempt("verify", () => Sqlite.guarded(() => problemsOf(db))),
      (db) => Effect.sync(() => Sqlite.close(db))
    ).pipe(Effect.catchTag("LogUnavailable", ({ message }) => Effect.succeed([{ problem: "file" as const, message }])))
})

/** Copies the database as of now. An owner may be running: the copy does not block it. */
export const copy = (file: string, target: string) =>
  Effect.acquireUseRelease(
    attempt("copy", () => Sqlite.openReader(file)),
    (db) => attempt("copy", () => Sqlite.guarded(() => void db.prepare("VACUUM INTO ?").run(target))),
    (db) => Effect.sync(() => Sqlite.close(db))
  )
