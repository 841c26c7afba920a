/**
 * Reads one file of a workspace. The file that is read is inside the workspace: this is checked on the opened descriptor, so a link that changes
 * meanwhile does not lead out (W1).
 */
import { maxFileBytes } from "@millrace/contracts/Workspace"
import { createHash } from "node:crypto"
import { constants, type Stats } from "node:fs"
import { type FileHandle, lstat, open, readlink, realpath, stat } from "node:fs/promises"
import { join, sep } from "node:path"
import { hasGitName, privateOf } from "./GitDirectory.ts"

/** Why a file was not read. `git`: it is in a git directory, or is one. `data`: it is in a data directory of Millrace. */
export type Refusal = "absent" | "outside" | "git" | "data" | "directory" | "special" | "too-large" | "not-permitted" | "changed"

export interface FoundFile {
  readonly content: Uint8Array
  /** SHA-256 of the content, in lowercase hex. */
  readonly hash: string
}

/** Steps between which another process may change the file. For tests. */
export type Step = "resolved" | "opened" | "named"

const refused: { readonly [code: string]: Refusal } = {
  ENOENT: "absent",
  ENOTDIR: "absent",
  ENAMETOOLONG: "absent",
  ELOOP: "outside",
  EACCES: "not-permitted",
  EPERM: "not-permitted",
  // An open of a socket.
  ENXIO: "special"
}

const refusalOf = (cause: unknown): Refusal | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? refused[cause.code] : undefined

/** Whether a canonical path is below a canonical root. */
const isInside = (root: string, path: string): boolean => path.startsWith(root.endsWith(sep) ? root : root + sep)

const kindOf = (found: Stats): Refusal | undefined => (found.isFile() ? undefined : found.isDirectory() ? "directory" : "special")

/** The canonical path of an open file. Linux names the file of a descriptor; elsewhere the path's present file must be the opened one. */
const nameOf = async (file: FileHandle, asked: string): Promise<string | undefined> => {
  const openedPath = await readlink(`/proc/self/fd/${file.fd}`).catch(() => undefined)
  if (openedPath !== undefined) return openedPath
  const path = await realpath(asked)
  const [there, opened] = [await lstat(path), await file.stat()]
  return there.dev === opened.dev && there.ino === opened.ino ? path : undefined
}

/** Reads at most one byte more than `maxFileBytes`, also of a file that grows. */
const contentOf = async (file: FileHandle): Promise<Uint8Array | undefined> => {
  const { size } = await file.stat()
  if (size > maxFileBytes) return undefined
  // Files of /proc and /sys have the size 0.
  const buffer = Buffer.allocUnsafe(size === 0 ? maxFileBytes + 1 : size + 1)
  let bytes = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, bytes, buffer.length - bytes, bytes)
    bytes += bytesRead
    if (bytesRead === 0) return bytes > maxFileBytes ? undefined : buffer.subarray(0, bytes)
    // The file has grown: its new content is not read, because it may still change.
    if (bytes === buffer.length) return bytes > maxFileBytes ? undefined : buffer.subarray(0, size)
  }
}

/**
 * The content of `path`, which is relative to the directory `root` and has no empty, `.` or `..` segment. Opens regular files only: opening a device or a
 * pipe can have effects, or wait. Rejects with an error of the file system that no `Refusal` names.
 */
export const read = async (
  root: string,
  path: string,
  onStep: (step: Step) => Promise<void> = async () => {}
): Promise<FoundFile | Refusal> => {
  if (hasGitName(path)) return "git"
  try {
    const base = await realpath(root)
    const asked = join(base, path)
    const resolved = await realpath(asked)
    if (!isInside(base, resolved)) return "outside"
    const hidden = await privateOf(base, resolved)
    if (hidden !== undefined) return hidden
    const kind = kindOf(await stat(resolved))
    if (kind !== undefined) return kind
    await onStep("resolved")
    // Without waiting, if a pipe has taken the file's place.
    const file = await open(resolved, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY)
    try {
      await onStep("opened")
      const opened = await file.stat()
      const openedKind = kindOf(opened)
      if (openedKind !== undefined) return openedKind
      const name = await nameOf(file, resolved)
      if (name === undefined) return "changed"
      if (!isInside(base, name)) return "outside"
      const hiddenNow = await privateOf(base, name)
      if (hiddenNow !== undefined) return hiddenNow
      await onStep("named")
      const content = await contentOf(file)
      if (content === undefined) return "too-large"
      return { content, hash: createHash("sha256").update(content).digest("hex") }
    } finally {
      await file.close()
    }
  } catch (cause) {
    const refusal = refusalOf(cause)
    if (refusal === undefined) throw cause
    return refusal
  }
}
