/** What is known of a worktree: one small file next to it, written before git creates anything and removed after everything else is removed. */
import { Schema } from "effect"
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"

export const WorktreeRecord = Schema.Struct({
  /** The name of its directory: the id of its thread. */
  id: Schema.String,
  /** The directory of the project, from which the worktree was made. */
  directory: Schema.String,
  /** The git directory that all worktrees of the repository share. */
  repository: Schema.String,
  /** Absolute path of the worktree. */
  root: Schema.String,
  branch: Schema.String,
  /** The branch was created for it. */
  isNewBranch: Schema.Boolean,
  /** Where the branch began. */
  commit: Schema.String,
  /** Milliseconds since 1970. */
  createdAt: Schema.Number,
  /** False until git has checked out all files: no one has worked in it. */
  isReady: Schema.Boolean,
  /** No agent was started in it yet, and no setup command has succeeded. Absent in records of older versions: not new. */
  isNew: Schema.optional(Schema.Boolean),
  /** The first of its ports, given when it is first asked for. */
  port: Schema.optional(Schema.Int)
})
export type WorktreeRecord = typeof WorktreeRecord.Type

const suffix = ".json"
const decode = Schema.decodeUnknownSync(Schema.parseJson(WorktreeRecord))
const fileOf = (home: string, id: string) => join(home, `${id}${suffix}`)

/** Replaces the record as a whole: a crash leaves the old one or the new one. */
export const write = async (home: string, record: WorktreeRecord): Promise<void> => {
  await mkdir(home, { recursive: true, mode: 0o700 })
  const partial = `${fileOf(home, record.id)}.partial`
  const file = await open(partial, "w", 0o600)
  try {
    await file.writeFile(JSON.stringify(record))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(partial, fileOf(home, record.id))
}

export const remove = (home: string, id: string): Promise<void> => rm(fileOf(home, id), { force: true })

/** `undefined`: there is none, or it is damaged. */
export const read = (home: string, id: string): Promise<WorktreeRecord | undefined> =>
  readFile(fileOf(home, id), "utf8")
    .then(decode)
    .catch(() => undefined)

/** All records, oldest first. */
export const all = async (home: string): Promise<ReadonlyArray<WorktreeRecord>> => {
  const names = await readdir(home).catch(() => [])
  const found = await Promise.all(
    names.filter((name) => name.endsWith(suffix)).map((name) => read(home, name.slice(0, -suffix.length)))
  )
  return found.filter((record) => record !== undefined).toSorted((a, b) => a.createdAt - b.createdAt)
}
