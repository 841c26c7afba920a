/**
 * Files that a caller sends as `data:` URLs. They are stored in the data directory under the hash of their content, and the prompt contains their
 * paths, so that the agent reads them from disk. At most 500 are kept; the least recently used are deleted first.
 */
import { createHash } from "node:crypto"
import { mkdir, readdir, rm, stat, utimes, writeFile } from "node:fs/promises"
import { extname, join } from "node:path"
import { Clock, Effect } from "effect"
import { words } from "../Thrown.ts"
import { Failure } from "./Failure.ts"
import type { Part } from "./Wire.ts"

export interface Attached {
  readonly name: string
  readonly mediaType: string
  readonly base64: string
}

const maxFiles = 500

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined

const mediaPattern = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,/

/** `data:MEDIA;base64,DATA`; `undefined` for every other value. */
const ofUrl = (url: unknown, name: unknown, otherwise: string): Attached | undefined => {
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
export const ofPart = (part: Part): Attached | undefined => {
  const { file, file_data: data, filename, image_url: image, type } = part
  if (type === "image_url" || type === "input_image")
    return ofUrl(typeof image === "string" ? image : fieldOf(image, "url"), undefined, "image")
  if (type === "file") return ofUrl(fieldOf(file, "file_data"), fieldOf(file, "filename"), "file")
  return type === "input_file" ? ofUrl(data, filename, "file") : undefined
}

const extensionOf = ({ mediaType, name }: Attached): string => {
  const named = extname(name)
  return /^\.[A-Za-z0-9]{1,10}$/.test(named) ? named : `.${(/\/([A-Za-z0-9]{1,10})/.exec(mediaType)?.[1] ?? "bin").toLowerCase()}`
}

const pathOf = (dataDir: string, file: Attached): { readonly path: string; readonly bytes: Buffer } => {
  const bytes = Buffer.from(file.base64, "base64")
  const hash = createHash("sha256").update(bytes).digest("hex")
  return { path: join(dataDir, "attachments", `${hash}${extensionOf(file)}`), bytes }
}

/** Deletes the oldest files of the directory beyond the bound. */
const sweep = async (directory: string): Promise<void> => {
  const names = await readdir(directory)
  if (names.length <= maxFiles) return
  const files = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(directory, name))).mtimeMs })))
  const old = files.toSorted((a, b) => a.at - b.at).slice(0, files.length - maxFiles)
  await Promise.all(old.map(({ name }) => rm(join(directory, name), { force: true })))
}

/** Stores files and returns the end of the prompt, which lists their paths. The same files give the same text. */
export const keep = (dataDir: string, files: ReadonlyArray<Attached>): Effect.Effect<string, Failure> =>
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
              // The same content is the same file. Its modification time is that of its last use.
              await writeFile(path, bytes, { mode: 0o600 })
              await utimes(path, now, now)
              lines.push(
                `- ${path} (${file.name.replaceAll(/[\r\n]/g, " ").slice(0, 100)}, ${file.mediaType}, ${bytes.length} bytes)`
              )
            }
            await sweep(directory)
            return `\n\nAttached files, to be read from disk:\n${lines.join("\n")}`
          },
          catch: (cause) =>
            new Failure({
              status: 500,
              type: "server_error",
              code: "attachments_unusable",
              param: null,
              message: `Cannot write the attached files: ${words(cause)}. Put them into the agent's directory, and name them in the prompt.`,
              retry: false
            })
        })
      )
