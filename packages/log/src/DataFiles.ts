/**
 * The files of a data directory, by name: what each is, whether a backup has it, and whether a restore leaves it in place. A name that no rule matches
 * is part of a backup, so that a new kind of file is never missing in one.
 */
export type Kind =
  | "log"
  | "access"
  | "configuration"
  | "attachments"
  | "search"
  | "migrations"
  | "replaced"
  | "scratch"
  | "server-log"
  | "live"
  | "temporary"
  | "other"

export interface DataFile {
  readonly kind: Kind
  /** A backup has the file. The log is not copied as a file: a backup has its database in parts. */
  readonly backedUp: boolean
  /** A restore neither moves nor replaces it. */
  readonly stays: boolean
}

type Rule = readonly [name: RegExp, kind: Kind, what?: "backed up" | "stays"]

const rules: ReadonlyArray<Rule> = [
  [/^log\.db(-wal|-shm|-journal)?$/, "log"],
  [/^tokens\.jsonl$|^cli-token$|^access\.jsonl$|^trusted$|^secrets/, "access", "backed up"],
  [/^millrace\.config\.json$/, "configuration", "backed up"],
  // Copies of blobs of the log, written again when they are missing. Those of a deleted thread may stay until the next start.
  [/^attachments$/, "attachments"],
  // Derived from the log; built again when it is missing.
  [/^search\.db/, "search"],
  // A copy of the database before a migration (Migrations.ts).
  [/^log\.db\.v\d+\.backup/, "migrations"],
  // Files that an earlier restore moved aside.
  [/^replaced-/, "replaced", "stays"],
  // The working directory of agents that have no project.
  [/^scratch$/, "scratch", "stays"],
  [/^service\.log/, "server-log", "stays"],
  // The next start ends the processes that are listed here.
  [/^processes$/, "live", "stays"],
  [/^owner\./, "live", "stays"],
  // Files of this machine and this log epoch: the server's address, pairing codes, the cursors of the command line, the anchor.
  [/^server\.json|^pairing$|^cursors$|^anchor(-|$)/, "live"],
  [/^restore\./, "temporary", "stays"],
  [/^verify-/, "temporary"]
]

/** `name`: of an entry of the data directory. */
export const of = (name: string): DataFile => {
  const [, kind, what] = rules.find(([pattern]) => pattern.test(name)) ?? [undefined, "other" as const, "backed up" as const]
  return { kind, backedUp: what === "backed up", stays: what === "stays" }
}
