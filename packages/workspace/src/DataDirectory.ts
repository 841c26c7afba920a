/**
 * A data directory of Millrace inside of a workspace is no part of it: it holds tokens and secrets, and a rewind that takes back a log destroys it (W1).
 * Its `.gitignore` hides it from git; here are the cases in which a person has added its files to the repository.
 */
import { dirname } from "node:path"
import { exists } from "./Exists.ts"
import * as RawPath from "./RawPath.ts"

/** Whether the directory is a data directory, of this server or of another one. Links are followed. */
export const isDataDirectory = async (path: string | Buffer): Promise<boolean> => {
  const has = (name: string) => exists(Buffer.concat([Buffer.from(path), Buffer.from(`/${name}`)]))
  return (await has("owner.db")) && (await has("log.db"))
}

/** Whether the directory is a data directory or in one. Absolute, links resolved. */
export const isBelowDataDirectory = async (path: string): Promise<boolean> => {
  for (let at = path; ; at = dirname(at)) {
    if (await isDataDirectory(at)) return true
    if (dirname(at) === at) return false
  }
}

/** Whether the root, or a directory of the path, which is relative to it, is a data directory. */
export const isInDataDirectory = async (root: string, path: RawPath.RawPath): Promise<boolean> => {
  if (await isDataDirectory(root)) return true
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1))
    if (await isDataDirectory(Buffer.concat([Buffer.from(`${root}/`), RawPath.toBytes(path.slice(0, at))]))) return true
  return false
}
