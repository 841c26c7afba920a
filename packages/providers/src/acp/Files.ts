/**
 * Reads and writes files for an agent: only inside the directories that the caller names, despite links, `..` and races (X5).
 * Text only, at most 16 MiB, regular files only.
 */
import { constants } from "node:fs"
import { mkdir, open, realpath } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path"
import { Effect } from "effect"
import { isRecord, stringAt } from "../Fields.ts"

/** A JSON-RPC error. */
export interface Refusal {
  readonly code: number
  readonly message: string
}

const mostBytes = 16 * 1024 * 1024
const invalid = (message: string): Refusal => ({ code: -32602, message })
const notFound = (path: string): Refusal => ({ code: -32002, message: `There is no file ${path}.` })

const codeOf = (cause: unknown): string | undefined => stringAt(cause, "code")
class Refused extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}
const refuse = (refusal: Refusal): never => {
  throw new Refused(refusal)
}

const isInside = (root: string, path: string): boolean => {
  const way = relative(root, path)
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** `real`: the real path, without links, of the directory or its nearest existing parent. `missing`: the part below it that does not exist. */
const realDirectory = async (path: string): Promise<{ readonly real: string; readonly missing: string }> => {
  try {
    return { real: await realpath(path), missing: "" }
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT" || dirname(path) === path) throw cause
    const above = await realDirectory(dirname(path))
    return { real: above.real, missing: join(above.missing, basename(path)) }
  }
}

/** The real paths of these directories; one that does not exist is left out. */
const realRoots = async (roots: ReadonlyArray<string>): Promise<ReadonlyArray<string>> =>
  (await Promise.all(roots.map((root) => realpath(root).catch(() => [])))).flat()

const outside = (path: string) => invalid(`${path} is outside of the project directory`)

/** The path with its directory resolved; the last part may still be a link, which `open` refuses to follow. */
const located = async (homes: ReadonlyArray<string>, params: unknown) => {
  const path = stringAt(params, "path")
  if (path === undefined || !isAbsolute(path) || path.includes("\0")) return refuse(invalid("path must be an absolute path"))
  const wanted = resolve(path)
  const { missing, real } = await realDirectory(dirname(wanted))
  const directory = join(real, missing)
  const file = join(directory, basename(wanted))
  if (!homes.some((home) => isInside(home, file) && file !== home)) return refuse(outside(path))
  return { directory, file, path }
}

/** The path to open: a link to a file inside the directories is replaced by its real path. */
const target = async (roots: ReadonlyArray<string>, params: unknown) => {
  const homes = await realRoots(roots)
  const { directory, file, path } = await located(homes, params)
  try {
    const real = await realpath(file)
    if (!homes.some((home) => isInside(home, real))) return refuse(outside(path))
    return { directory: dirname(real), file: real, path }
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause
    return { directory, file, path }
  }
}

const attempt = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, Refusal> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => {
      if (cause instanceof Refused) return cause.refusal
      const code = codeOf(cause)
      if (code === "ENOENT") return notFound(path)
      return code === "ELOOP" ? invalid(`${path} is a link`) : { code: -32603, message: `${path}: ${code ?? String(cause)}` }
    }
  })

const pathOf = (params: unknown) => stringAt(params, "path") ?? "?"
const countAt = (params: unknown, key: string): number | undefined => {
  const found = isRecord(params) ? params[key] : undefined
  return typeof found === "number" && Number.isInteger(found) && found >= 0 ? found : undefined
}

/** `fs/read_text_file` below one of `roots`: the whole text, or `limit` lines from line `line` (1 is the first). */
export const read = (roots: ReadonlyArray<string>, params: unknown): Effect.Effect<{ readonly content: string }, Refusal> =>
  attempt(pathOf(params), async () => {
    const { file, path } = await target(roots, params)
    // Without O_NONBLOCK, opening a pipe without a writer would block.
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const facts = await handle.stat()
      if (!facts.isFile()) return refuse(invalid(`${path} is not a plain file`))
      if (facts.size > mostBytes) return refuse(invalid(`${path} has ${facts.size} bytes; ${mostBytes} can be read`))
      const content = await handle.readFile("utf8")
      const line = countAt(params, "line")
      const limit = countAt(params, "limit")
      if (line === undefined && limit === undefined) return { content }
      const from = Math.max(line ?? 1, 1) - 1
      return {
        content: content
          .split("\n")
          .slice(from, limit === undefined ? undefined : from + limit)
          .join("\n")
      }
    } finally {
      await handle.close()
    }
  })

/** `fs/write_text_file` below `root`: creates the file and its missing directories, or replaces the text. Returns the bytes written. */
export const write = (root: string, params: unknown): Effect.Effect<number, Refusal> =>
  attempt(pathOf(params), async () => {
    const content = stringAt(params, "content")
    if (content === undefined) return refuse(invalid("content must be a text"))
    const bytes = Buffer.byteLength(content)
    if (bytes > mostBytes) return refuse(invalid(`${bytes} bytes are too many; ${mostBytes} can be written`))
    const { directory, file, path } = await target([root], params)
    await mkdir(directory, { recursive: true })
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const handle = await open(file, flags, 0o666)
    try {
      if (!(await handle.stat()).isFile()) return refuse(invalid(`${path} is not a plain file`))
      await handle.truncate(0)
      await handle.writeFile(content, "utf8")
    } finally {
      await handle.close()
    }
    return bytes
  })
