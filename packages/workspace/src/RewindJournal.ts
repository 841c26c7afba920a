/** The record of a rewind that has begun to change files, in the private git directory. It exists until the rewind is recorded in the log. */
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Option, Schema } from "effect"
import { open, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"

export const Journal = Schema.Struct({
  /** Part of the names of its temporary files. */
  id: Schema.String,
  threadId: ThreadId,
  /** Who sent the command. */
  actor: Schema.String,
  /** Absent: the way back from an earlier rewind. */
  turnId: Schema.optional(TurnId),
  /** Files of a discard, as its command names them. */
  paths: Schema.optional(Schema.Array(Schema.String)),
  /** Commit of the files before the rewind. */
  from: Schema.String,
  /** Commit of the files as the rewind makes them. */
  to: Schema.String
})
export type Journal = typeof Journal.Type

const format = Schema.parseJson(Journal)
const nameIn = (privateDir: string) => join(privateDir, "rewind.json")

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, "r")
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Durable when the promise resolves. */
export const write = async (privateDir: string, journal: Journal): Promise<void> => {
  const [file, temporary] = [nameIn(privateDir), `${nameIn(privateDir)}.tmp`]
  const handle = await open(temporary, "w", 0o600)
  try {
    await handle.writeFile(Schema.encodeSync(format)(journal))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  await syncDirectory(privateDir)
}

/** `undefined`: no rewind of this work tree is unfinished. */
export const read = async (privateDir: string): Promise<Journal | undefined> => {
  const text = await readFile(nameIn(privateDir), "utf8").catch(() => "")
  return Option.getOrUndefined(Schema.decodeOption(format)(text))
}

export const remove = (privateDir: string): Promise<void> => rm(nameIn(privateDir), { force: true })
