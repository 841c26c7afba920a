/** Stores the files of a work tree as a commit: tracked files and untracked ones that are not ignored, within bounds. */
import { Clock, Effect, Schema } from "effect"
import { constants } from "node:fs"
import { access, lstat } from "node:fs/promises"
import { isDataDirectory } from "./DataDirectory.ts"
import { isAbsent } from "./FileError.ts"
import { Git, GitFailed } from "./Git.ts"
import * as RawPath from "./RawPath.ts"
import type { WorkTree } from "./WorkTree.ts"

export interface Bounds {
  /** A larger file is not stored. */
  readonly fileBytes: number
  /** Bytes of new and changed files of one checkpoint. */
  readonly bytes: number
  /** Untracked files of one checkpoint that the one before does not have. */
  readonly files: number
}

export const defaults: Bounds = { fileBytes: 32 * 1024 * 1024, bytes: 512 * 1024 * 1024, files: 50_000 }

export interface Skipped {
  readonly path: RawPath.RawPath
  readonly reason: string
}

export interface Captured {
  /** Id of the commit, which has no parent. */
  readonly commit: string
  /** Files that are there and not in the commit. */
  readonly skipped: ReadonlyArray<Skipped>
  /** The tree of the commit. */
  readonly tree: string
  readonly message: Message
}

/** Skipped files that the commit's message names; if there are more, the checkpoint is not complete. */
const maxNamed = 1000

/** What the message of a commit says about its tree. */
export const Message = Schema.Struct({
  /** Milliseconds since 1970, before the files were read. */
  at: Schema.Number,
  skipped: Schema.Array(Schema.String),
  complete: Schema.Boolean,
  /** An agent of the directory may have written before all files were read. */
  late: Schema.optional(Schema.Literal(true))
})
export type Message = typeof Message.Type
const encode = Schema.encodeSync(Schema.parseJson(Message))
export const decodeMessage = Schema.decodeUnknownOption(Schema.parseJson(Message))

/** No identity of the person is needed or used. */
const identity = {
  GIT_AUTHOR_NAME: "Millrace",
  GIT_AUTHOR_EMAIL: "checkpoint@millrace.invalid",
  GIT_COMMITTER_NAME: "Millrace",
  GIT_COMMITTER_EMAIL: "checkpoint@millrace.invalid"
}

/** Files whose kind and size are read at the same time. */
const batch = 256

type Inspected = { readonly path: RawPath.RawPath } & (
  | { readonly kind: "file"; readonly bytes: number }
  | { readonly kind: "absent" }
  /** It is behind a link, where git has no file, or in a data directory of Millrace. */
  | { readonly kind: "elsewhere" }
  | { readonly kind: "unreadable"; readonly reason: string }
)

/** Whether a directory of the path is a link, or one of them or the root a data directory of Millrace. `known`: what was found for other paths. */
const isElsewhere = async (root: Buffer, path: RawPath.RawPath, known: Map<string, Promise<boolean>>): Promise<boolean> => {
  const isData = known.get("") ?? isDataDirectory(root)
  known.set("", isData)
  if (await isData) return true
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const directory = path.slice(0, at)
    const absolute = Buffer.concat([root, RawPath.toBytes(directory)])
    const found =
      known.get(directory) ??
      lstat(absolute).then(
        (info) => info.isSymbolicLink() || isDataDirectory(absolute),
        () => false
      )
    known.set(directory, found)
    if (await found) return true
  }
  return false
}

export const inspect = async (
  root: Buffer,
  path: RawPath.RawPath,
  known = new Map<string, Promise<boolean>>()
): Promise<Inspected> => {
  if (await isElsewhere(root, path, known)) return { path, kind: "elsewhere" }
  const absolute = Buffer.concat([root, RawPath.toBytes(path)])
  const info = await lstat(absolute).catch((cause: unknown) => {
    return isAbsent(cause) ? undefined : "the server may not read it"
  })
  if (typeof info === "string") return { path, kind: "unreadable", reason: info }
  if (info === undefined || info.isDirectory()) return { path, kind: "absent" }
  if (info.isSymbolicLink()) return { path, kind: "file", bytes: info.size }
  if (!info.isFile()) return { path, kind: "unreadable", reason: "it is no regular file" }
  const readable = await access(absolute, constants.R_OK).then(
    () => true,
    () => false
  )
  return readable ? { path, kind: "file", bytes: info.size } : { path, kind: "unreadable", reason: "the server may not read it" }
}

/** Sorts the files into those to store and those to skip, in the order of their names. */
const choose = async (root: string, paths: ReadonlyArray<RawPath.RawPath>, untracked: ReadonlySet<string>, bounds: Bounds) => {
  const stored: Array<RawPath.RawPath> = []
  const skipped: Array<Skipped> = []
  const elsewhere: Array<RawPath.RawPath> = []
  const known = new Map<string, Promise<boolean>>()
  const base = Buffer.from(`${root}/`)
  let bytes = 0
  let files = 0
  for (let at = 0; at < paths.length; at += batch)
    for (const found of await Promise.all(paths.slice(at, at + batch).map((path) => inspect(base, path, known)))) {
      const { path } = found
      const skip = (reason: string) => void skipped.push({ path, reason })
      if (found.kind === "elsewhere") elsewhere.push(path)
      else if (found.kind === "unreadable") skip(found.reason)
      else if (found.kind === "absent") stored.push(path)
      else if (found.bytes > bounds.fileBytes) skip(`it is larger than ${bounds.fileBytes} bytes`)
      else if (bytes + found.bytes > bounds.bytes) skip(`the new files have more than ${bounds.bytes} bytes`)
      else if (untracked.has(path) && files >= bounds.files) skip(`there are more than ${bounds.files} new files`)
      else {
        bytes += found.bytes
        if (untracked.has(path)) files++
        stored.push(path)
      }
    }
  return { stored, skipped, elsewhere }
}

/** Stores a commit of the tree, without a parent; returns its id. */
export const store = ({ env, root }: Pick<WorkTree, "env" | "root">, tree: string, message: Message) =>
  Effect.flatMap(Git, (git) =>
    git.run(["commit-tree", tree], {
      cwd: root,
      env: { ...env, ...identity },
      input: `millrace checkpoint\n\n${encode(message)}\n`
    })
  ).pipe(Effect.map(({ stdout }) => stdout.toString().trim()))

/**
 * Reads the work tree and stores what has changed since the last capture. Only one capture of a work tree runs at a time. An entry of the index that git
 * can no longer process, because the files changed meanwhile, is a failure: the caller tries again.
 */
export const capture = Effect.fn("Capture.capture")(function* (workTree: WorkTree, bounds: Bounds = defaults) {
  const { env, root } = workTree
  const git = yield* Git
  const at = yield* Clock.currentTimeMillis
  const run = (args: ReadonlyArray<string>, input?: Buffer) =>
    git.run(args, { cwd: root, env, deadline: "60 seconds", ...(input === undefined ? {} : { input }) })
  const [changed, others] = yield* Effect.all(
    [
      run(["diff-files", "-z", "--name-only", "--ignore-submodules=dirty"]),
      run(["ls-files", "-z", "--others", "--exclude-standard"])
    ],
    { concurrency: 2 }
  )
  if (changed.truncated || others.truncated)
    return yield* new GitFailed({
      command: "ls-files",
      code: null,
      stderr: "",
      message: "The directory has too many new files for a checkpoint. Ignore them with .gitignore."
    })
  // A repository inside, which is no submodule, reads as a directory. It keeps its own history.
  const untracked = new Set(RawPath.fields(others.stdout).filter((path) => !path.endsWith("/")))
  const paths = [...new Set([...RawPath.fields(changed.stdout), ...untracked])]
  const { elsewhere, skipped, stored } = yield* Effect.promise(() => choose(root, paths, untracked, bounds))
  // Its earlier content is not its content now.
  const stale = [...elsewhere, ...skipped.filter(({ path }) => !untracked.has(path)).map(({ path }) => path)]
  if (stale.length > 0) yield* run(["update-index", "-z", "--force-remove", "--stdin"], RawPath.input(stale))
  if (stored.length > 0) yield* run(["update-index", "-z", "--add", "--remove", "--replace", "--stdin"], RawPath.input(stored))
  const tree = (yield* run(["write-tree", ...(workTree.partial === true ? ["--missing-ok"] : [])])).stdout.toString().trim()
  const message = { at, skipped: skipped.slice(0, maxNamed).map(({ path }) => path), complete: skipped.length <= maxNamed }
  const commit = yield* store(workTree, tree, message)
  return { commit, skipped, tree, message } satisfies Captured
})
