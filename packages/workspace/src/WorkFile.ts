/**
 * Reads and replaces one file of a work tree. Its parent directories are opened one after another without following links, so that a link that is put in
 * their place meanwhile leads nothing out (W7). On systems without `/proc` the canonical path of the parent is compared instead.
 */
import { Effect, Schema } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { constants, type Stats } from "node:fs"
import {
  chmod,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rmdir,
  symlink,
  unlink
} from "node:fs/promises"
import { codeOf, unlessAbsent } from "./FileError.ts"
import * as RawPath from "./RawPath.ts"

/** A file as a tree of git has it: the mode `100644`, `100755` or `120000` (link), and the id of its bytes. */
export interface Entry {
  readonly mode: string
  readonly object: string
}

/** A file of the work tree: `undefined` does not exist, or is a directory, `other` is no regular file and no link, or larger than `maxBytes`. */
export type Found = Entry | "other" | undefined

/** A file was not changed, because of its path or its present content. */
export class Refused extends Error {}

/** A file or a directory could not be read or written, for example because the disk is full or a permission is missing. */
export class FileFailed extends Schema.TaggedError<FileFailed>()("FileFailed", { message: Schema.String }) {}

export const attempt = <A>(use: () => Promise<A>): Effect.Effect<A, FileFailed> =>
  Effect.tryPromise({ try: use, catch: (cause) => new FileFailed({ message: messageOf(cause) }) })

export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

export interface Root {
  /** Canonical. */
  readonly path: string
  /** `sha1` or `sha256`. */
  readonly objectFormat: string
  /** Whether the file system keeps the executable bit (`core.fileMode`). */
  readonly hasModes: boolean
}

/** No checkpoint has a larger file. */
const maxBytes = 32 * 1024 * 1024
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const slash = Buffer.from("/")

export const idOf = (objectFormat: string, bytes: Uint8Array): string =>
  createHash(objectFormat).update(`blob ${bytes.length}\0`).update(bytes).digest("hex")

/** Whether a part of a path is git's own directory, also on file systems that ignore case or have short names. */
const isGitDirectory = (part: string): boolean => /^(\.git|git~\d+)[ .]*$/i.test(part)

/** An open directory of the work tree. */
interface Directory {
  readonly handle: FileHandle
  /** A path of the open directory: no other process can put another one in its place. */
  readonly at: Buffer
}

const inDirectory = (directory: Buffer, name: string): Buffer => Buffer.concat([directory, slash, RawPath.toBytes(name)])

const openDirectory = async (path: Buffer, expected: Buffer): Promise<Directory> => {
  const handle = await open(path, directoryFlags)
  try {
    if (process.platform === "linux") return { handle, at: Buffer.from(`/proc/self/fd/${handle.fd}`) }
    const canonical = await realpath(path, "buffer")
    if (!canonical.equals(expected)) throw new Refused("a directory of its path is a link")
    return { handle, at: canonical }
  } catch (cause) {
    await handle.close()
    throw cause
  }
}

/**
 * Opens the parent of `path`, or returns `undefined` if it does not exist. `create`: makes what is missing. Refused if the path leads through a link or a
 * file, into a git directory, or into another repository.
 */
const openParent = async (root: Root, parts: ReadonlyArray<string>, create: boolean): Promise<Directory | undefined> => {
  let path: Buffer = Buffer.from(root.path)
  let directory = await openDirectory(path, path)
  for (const part of parts) {
    const [parent, next] = [directory, inDirectory(directory.at, part)]
    path = inDirectory(path, part)
    try {
      if (create)
        await mkdir(next).catch((cause) => {
          if (codeOf(cause) !== "EEXIST") throw cause
        })
      directory = await openDirectory(next, path)
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined
      if (codeOf(cause) === "ELOOP" || codeOf(cause) === "ENOTDIR")
        throw new Refused("a part of its path is a link or a file", { cause })
      throw cause
    } finally {
      await parent.handle.close()
    }
    const own = await lstat(inDirectory(directory.at, ".git")).catch(unlessAbsent)
    if (own !== undefined) {
      await directory.handle.close()
      throw new Refused("it is in another repository inside the work tree")
    }
  }
  return directory
}

const splitPath = (path: RawPath.RawPath) => {
  const parts = path.split("/")
  if (parts.some((part) => part === "" || part === "." || part === ".." || isGitDirectory(part)))
    throw new Refused("its path leads out of the work tree or into a git directory")
  return { parents: parts.slice(0, -1), name: parts.at(-1) ?? "" }
}

const withParent = async <A>(
  root: Root,
  path: RawPath.RawPath,
  create: boolean,
  absent: A,
  use: (directory: Buffer, name: string, handle: FileHandle) => Promise<A>
): Promise<A> => {
  const { name, parents } = splitPath(path)
  const directory = await openParent(root, parents, create)
  if (directory === undefined) return absent
  try {
    return await use(directory.at, name, directory.handle)
  } finally {
    await directory.handle.close()
  }
}

const read = async (path: Buffer): Promise<Buffer | undefined> => {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY)
  try {
    const { size } = await handle.stat()
    return size > maxBytes ? undefined : await handle.readFile()
  } finally {
    await handle.close()
  }
}

const entryAt = async (root: Root, path: Buffer): Promise<Found> => {
  const info = await lstat(path).catch(unlessAbsent)
  if (info === undefined || info.isDirectory()) return undefined
  const id = (bytes: Uint8Array) => idOf(root.objectFormat, bytes)
  if (info.isSymbolicLink()) return { mode: "120000", object: id(await readlink(path, "buffer")) }
  // A link or a pipe that takes the file's place meanwhile is none of its content.
  const bytes = info.isFile()
    ? await read(path).catch((cause) => (codeOf(cause) === "ELOOP" ? undefined : unlessAbsent(cause)))
    : undefined
  return bytes === undefined ? "other" : { mode: (info.mode & 0o100) === 0 ? "100644" : "100755", object: id(bytes) }
}

/** Whether the file is as the tree has it. `undefined`: it does not exist. */
const isSame = (root: Root, found: Found, wanted: Entry | undefined): boolean => {
  if (found === undefined || wanted === undefined) return found === wanted
  if (found === "other" || found.object !== wanted.object) return false
  return found.mode === wanted.mode || (!root.hasModes && found.mode !== "120000" && wanted.mode !== "120000")
}

/** Whether the file is as the tree has it now. Behind a link or a file there is none. */
export const matches = async (root: Root, path: RawPath.RawPath, wanted: Entry | undefined): Promise<boolean> => {
  try {
    return await withParent(root, path, false, wanted === undefined, async (directory, name) =>
      isSame(root, await entryAt(root, inDirectory(directory, name)), wanted)
    )
  } catch (cause) {
    if (cause instanceof Refused) return wanted === undefined
    throw cause
  }
}

/**
 * Why the file at the path cannot be changed now; `undefined`: it can. `isNew`: no checkpoint has a file there. `removed`: paths whose files are removed
 * first, so that a file or a link in the place of a directory, and the reverse, is no obstacle.
 */
export const obstacle = async (
  root: Root,
  path: RawPath.RawPath,
  isNew: boolean,
  removed: ReadonlySet<string>
): Promise<string | undefined> => {
  try {
    const { parents } = splitPath(path)
    if (parents.some((_, at) => removed.has(parents.slice(0, at + 1).join("/")))) return undefined
    return await withParent(root, path, false, undefined, async (directory, name) => {
      const there = await lstat(inDirectory(directory, name)).catch(unlessAbsent)
      if (there === undefined || !isNew) return undefined
      if (!there.isDirectory()) return "a file that no checkpoint has is in its place"
      const isEmptied = await isRemoved(inDirectory(directory, name), path, removed)
      return isEmptied ? undefined : "a directory with other files is in its place"
    })
  } catch (cause) {
    if (cause instanceof Refused) return cause.message
    throw cause
  }
}

/** Whether the file at the path was made before `at` (milliseconds since 1970). False if the file system does not say it. */
export const isOlder = async (root: Root, path: RawPath.RawPath, at: number): Promise<boolean> => {
  try {
    return await withParent(root, path, false, false, async (directory, name) => {
      const info = await lstat(inDirectory(directory, name)).catch(unlessAbsent)
      return info !== undefined && info.birthtimeMs > 0 && info.birthtimeMs < at
    })
  } catch (cause) {
    if (cause instanceof Refused) return false
    throw cause
  }
}

/** Whether every file below the directory is removed, and it has at least one. */
const isRemoved = async (directory: Buffer, path: string, removed: ReadonlySet<string>): Promise<boolean> => {
  const entries = await readdir(directory, { withFileTypes: true, encoding: "buffer" })
  for (const entry of entries) {
    const name = RawPath.fromBytes(entry.name as unknown as Uint8Array)
    const below = `${path}/${name}`
    if (entry.isDirectory() ? !(await isRemoved(inDirectory(directory, name), below, removed)) : !removed.has(below)) return false
  }
  return entries.length > 0
}

/** Steps between which the server may be killed. For tests. */
export type Step = "comparing" | "written" | "replacing" | "replaced"

export interface Replacement {
  readonly path: RawPath.RawPath
  /** The file as it must be. */
  readonly before: Entry | undefined
  /** The file as it becomes; `undefined`: removed. */
  readonly after: (Entry & { readonly content: Uint8Array }) | undefined
}

/** Names of temporary files begin with this. `id`: of one rewind. */
export const temporaryPrefix = (id: string): string => `.millrace-rewind-${id}-`

/** The permissions of the new file: those of the present one, with the executable bits that the mode has. */
const permissions = (known: Stats | undefined, created: number, mode: string): number => {
  const present = (known?.isFile() === true ? known.mode : created) & 0o777
  return mode === "100755" ? present | ((present & 0o444) >> 2) : present & 0o666
}

/** Puts the temporary file in the place of an absent one. Fails with `EEXIST` if it exists meanwhile. */
const create = async (temporary: Buffer, path: Buffer): Promise<void> => {
  try {
    await link(temporary, path)
  } catch (cause) {
    // A file system without hard links.
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(codeOf(cause))) throw cause
    return await rename(temporary, path)
  }
  await unlink(temporary)
}

const writeTemporary = async (temporary: Buffer, after: Entry & { readonly content: Uint8Array }, known: Stats | undefined) => {
  if (after.mode === "120000") return await symlink(Buffer.from(after.content), temporary)
  const handle = await open(temporary, "wx", known === undefined ? 0o666 : 0o600)
  try {
    const created = (await handle.stat()).mode
    await handle.writeFile(after.content)
    await handle.sync()
    await chmod(temporary, permissions(known, created, after.mode))
  } finally {
    await handle.close()
  }
}

/** Removes directories that have become empty, from the parent of `path` upwards; not the root and not those that `keeps` contains. */
const removeEmpty = async (root: Root, parents: ReadonlyArray<string>, keeps: ReadonlySet<string>): Promise<void> => {
  for (let depth = parents.length; depth > 0; depth--) {
    const path = parents.slice(0, depth).join("/")
    if (keeps.has(path)) return
    const removed = await withParent(root, path, false, false, async (directory, name) =>
      rmdir(inDirectory(directory, name)).then(
        () => true,
        () => false
      )
    ).catch(() => false)
    if (!removed) return
  }
}

/**
 * Replaces, creates or removes one file, which is compared with `before` right before. Refused if it differs. The new file is written under a temporary
 * name in the same directory and renamed, so that a crash leaves the file as before or as after. `keeps`: directories that stay when they become empty.
 */
export const replace = async (
  root: Root,
  { after, before, path }: Replacement,
  id: string,
  keeps: ReadonlySet<string>,
  onStep: (step: Step) => Promise<void>
): Promise<void> => {
  const changed = () => new Refused("it has changed meanwhile")
  await withParent(root, path, after !== undefined, undefined, async (directory, name, handle) => {
    const target = inDirectory(directory, name)
    const compare = async () => {
      if (!isSame(root, await entryAt(root, target), before)) throw changed()
    }
    await onStep("comparing")
    await compare()
    if (after === undefined) {
      await onStep("replacing")
      await compare()
      if (before !== undefined) await unlink(target)
    } else {
      const known = before === undefined ? undefined : await lstat(target)
      const temporary = inDirectory(directory, temporaryPrefix(id) + randomBytes(6).toString("hex"))
      try {
        await writeTemporary(temporary, after, known)
        await onStep("written")
        // The last statement before the replacement that can see a change.
        await compare()
        await onStep("replacing")
        if (before === undefined) await create(temporary, target)
        else await rename(temporary, target)
      } catch (cause) {
        await unlink(temporary).catch(() => undefined)
        throw codeOf(cause) === "EEXIST" ? changed() : cause
      }
    }
    await handle.sync().catch(() => undefined)
    await onStep("replaced")
  })
  if (after === undefined) await removeEmpty(root, splitPath(path).parents, keeps)
}

/** Removes the temporary files that a killed server left next to these files. */
export const sweep = async (root: Root, paths: Iterable<RawPath.RawPath>, id: string): Promise<void> => {
  const seen = new Set<string>()
  for (const path of paths) {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")))
    if (seen.has(parent)) continue
    seen.add(parent)
    await withParent(root, path, false, undefined, async (directory) => {
      for (const entry of await readdir(directory, "buffer")) {
        const name = RawPath.fromBytes(entry)
        if (name.startsWith(temporaryPrefix(id))) await unlink(inDirectory(directory, name))
      }
    }).catch(() => undefined)
  }
}
