/**
 * Files that a caller sends as `data:` URLs. They are stored in the data directory under the hash of their content, and the prompt contains their
 * paths, so that the agent reads them from disk. At most 500 are kept; the least recently used are deleted first.
 */
import { createHash, randomUUID } from "node:crypto"
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises"
import { extname, join } from "node:path"
import { cut } from "@millrace/contracts/Text"
import { Clock, Effect } from "effect"
import { messageOf } from "../NodeError.ts"
import { Failure } from "./Failure.ts"
import type { Part } from "./Wire.ts"

export interface Attachment {
  readonly name: string
  readonly mediaType: string
  readonly base64: string
}

const maxFiles = 500

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined

const mediaPattern = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,/

/** `data:MEDIA;base64,DATA`; `undefined` for every other value. */
const ofUrl = (url: unknown, name: unknown, otherwise: string): Attachment | undefined => {
  const head = typeof url === "string" ? mediaPattern.exec(url) : null
  if (head === null || typeof url !== "string") return undefined
  const base64 = url.slice(head[0].length)
  if (!/^[\w+/=-]+$/.test(base64)) return undefined
  return {
    name: typeof name === "string" && name !== "" ? name : otherwise,
    mediaType: head[1] ?? "application/octet-stream",
    base64
  }
}

/** The file of a part; `undefined` when it has none or not as a `data:` URL. */
export const ofPart = (part: Part): Attachment | undefined => {
  const { file, file_data: data, filename, image_url: image, type } = part
  if (type === "image_url" || type === "input_image")
    return ofUrl(typeof image === "string" ? image : fieldOf(image, "url"), undefined, "image")
  if (type === "file") return ofUrl(fieldOf(file, "file_data"), fieldOf(file, "filename"), "file")
  return type === "input_file" ? ofUrl(data, filename, "file") : undefined
}

const extensionOf = ({ mediaType, name }: Attachment): string => {
  const named = extname(name)
  return /^\.[A-Za-z0-9]{1,10}$/.test(named) ? named : `.${(/\/([A-Za-z0-9]{1,10})/.exec(mediaType)?.[1] ?? "bin").toLowerCase()}`
}

const pathOf = (dataDir: string, file: Attachment): { readonly path: string; readonly bytes: Buffer } => {
  const bytes = Buffer.from(file.base64, "base64")
  const hash = createHash("sha256").update(bytes).digest("hex")
  return { path: join(dataDir, "attachments", `${hash}${extensionOf(file)}`), bytes }
}

/** `undefined`: the file does not exist, or no longer. */
const ifThere = <A>(found: Promise<A>): Promise<A | undefined> =>
  found.catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined
    throw cause
  })

/** Writes a file that an agent may be reading: it is never truncated, and never seen half written. Its modification time is that of its last use. */
const write = async (path: string, bytes: Buffer, now: Date): Promise<void> => {
  // The same content is the same file.
  const same = async () => {
    if ((await stat(path)).size !== bytes.length) return false
    await utimes(path, now, now)
    return true
  }
  if (await ifThere(same())) return
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await writeFile(temporary, bytes, { mode: 0o600, flag: "wx" })
    await utimes(temporary, now, now)
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw cause
  }
}

/** Deletes the oldest files of the directory beyond the bound. Another call may do the same at the same time. */
const deleteOldest = async (directory: string): Promise<void> => {
  const names = await readdir(directory)
  if (names.length <= maxFiles) return
  const found = await Promise.all(
    names.map(async (name) => ({ name, at: (await ifThere(stat(join(directory, name))))?.mtimeMs }))
  )
  const files = found.flatMap(({ at, name }) => (at === undefined ? [] : [{ name, at }]))
  const old = files.toSorted((a, b) => a.at - b.at).slice(0, Math.max(0, files.length - maxFiles))
  await Promise.all(old.map(({ name }) => rm(join(directory, name), { force: true })))
}

/** Stores files and returns the end of the prompt, which lists their paths. The same files give the same text. */
export const keep = (dataDir: string, files: ReadonlyArray<Attachment>): Effect.Effect<string, Failure> =>
  files.length === 0
    ? Effect.succeed("")
    : Effect.flatMap(Clock.currentTimeMillis, (millis) =>
        Effect.tryPromise({
          try: async () => {
            const now = new Date(millis)
            const directory = join(dataDir, "attachments")
            await mkdir(directory, { recursive: true, mode: 0o700 })
            const lines: Array<string> = []
            for (const file of files) {
              const { bytes, path } = pathOf(dataDir, file)
              await write(path, bytes, now)
              lines.push(
                `- ${path} (${cut(file.name.replaceAll(/[\r\n]/g, " "), 100)}, ${file.mediaType}, ${bytes.length} bytes)`
              )
            }
            await deleteOldest(directory)
            return `\n\nAttached files, to be read from disk:\n${lines.join("\n")}`
          },
          catch: (cause) =>
            new Failure({
              status: 500,
              type: "server_error",
              code: "attachments_unusable",
              param: null,
              message: `Cannot write the attached files: ${messageOf(cause)}. Put them into the agent's directory, and name them in the prompt.`,
              retry: false
            })
        })
      )
