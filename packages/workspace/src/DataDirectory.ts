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

/** A check whether the root, or a directory of a path relative to it, is a data directory. It remembers what it found. */
export const below = (root: string) => {
  const known = new Map<string, Promise<boolean>>()
  const isOne = (directory: string) => {
    const found = known.get(directory) ?? isDataDirectory(Buffer.concat([Buffer.from(`${root}/`), RawPath.toBytes(directory)]))
    known.set(directory, found)
    return found
  }
  return async (path: RawPath.RawPath): Promise<boolean> => {
    if (await isOne("")) return true
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) if (await isOne(path.slice(0, at))) return true
    return false
  }
}
