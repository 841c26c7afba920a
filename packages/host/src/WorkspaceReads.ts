/** Reads of a thread's directory, for front ends: search in its paths, one file, the state of its repository. */
import { BadRequest, Forbidden, NotFound, PayloadTooLarge, StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Millrace } from "@millrace/contracts/Millrace"
import type { ThreadView } from "@millrace/contracts/State"
import { type FoundFiles, type GitSummary, maxFileBytes, maxFoundFiles, type Worktree } from "@millrace/contracts/Workspace"
import { Worktrees } from "@millrace/orchestration/engine/Worktrees"
import { Files } from "@millrace/workspace/Files"
import type { FilesUnavailable } from "@millrace/contracts/FileCalls"
import type { FoundFile, Refusal } from "@millrace/workspace/ReadFile"
import { Effect } from "effect"

export type { FoundFile }

type FileRefused = BadRequest | Forbidden | NotFound | PayloadTooLarge | StorageUnavailable

export interface WorkspaceReads {
  /** The paths that match all words of `query`, the best first. `limit`: 1 to 200, default 20. Waits if an agent has changed the directory since the last search. */
  readonly searchFiles: (
    threadId: ThreadId,
    options: { readonly query?: string | undefined; readonly limit?: number | undefined }
  ) => Effect.Effect<FoundFiles, BadRequest | NotFound | StorageUnavailable>
  /** A file of at most 1 MiB. `path`: relative to the thread's directory, with slashes. Nothing outside of the directory is read, and nothing of a git directory (W5). */
  readonly readFile: (threadId: ThreadId, path: string) => Effect.Effect<FoundFile, FileRefused>
  /** The worktrees of threads, oldest first, also those that were kept when their thread was deleted. */
  readonly worktrees: Effect.Effect<ReadonlyArray<Worktree>>
  /** The state of the repository of the thread's directory, at most 2 seconds old, and not from before the end of a turn. */
  readonly gitSummary: (threadId: ThreadId) => Effect.Effect<GitSummary, NotFound | StorageUnavailable>
}

const defaultLimit = 20

const unavailable =
  (root: string) =>
  ({ message, reason }: FilesUnavailable): NotFound | StorageUnavailable =>
    reason === "absent"
      ? new NotFound({
          what: "directory",
          id: root,
          message: "The directory of the thread does not exist any more. Restore it, or create a new thread."
        })
      : new StorageUnavailable({ message, retryAfterMillis: 5000 })

const refusals: { readonly [R in Refusal]: (path: string) => FileRefused } = {
  absent: (id) => new NotFound({ what: "file", id, message: "There is no such file in the thread's directory." }),
  outside: () =>
    new Forbidden({ message: "The path leads out of the thread's directory by a link. Only files inside can be read." }),
  git: () => new Forbidden({ message: "The path is in a git directory, which is no part of the workspace's files." }),
  data: () =>
    new Forbidden({ message: "The path is in a data directory of Millrace, which is no part of the workspace's files." }),
  directory: () => new BadRequest({ path: "path", message: "The path is a directory. Search its files with ?query=." }),
  special: () => new BadRequest({ path: "path", message: "The path is a device, a pipe or a socket. Only files can be read." }),
  "too-large": () =>
    new PayloadTooLarge({
      limitBytes: maxFileBytes,
      message: `The file is larger than ${maxFileBytes} bytes, the limit of a read.`
    }),
  "not-permitted": () => new Forbidden({ message: "The server's user may not read this file." }),
  changed: () =>
    new StorageUnavailable({ message: "The file changed while it was opened. Read it again.", retryAfterMillis: 1000 })
}

/** The error of a path that names no file of a directory; `undefined`: it may name one. */
const malformed = (path: string): BadRequest | undefined => {
  const wrong = (message: string) => new BadRequest({ path: "path", message })
  if (path.includes("\0")) return wrong("The path has a NUL character, which no file name has.")
  if (Buffer.byteLength(path) > 4096) return wrong("The path is longer than 4096 bytes.")
  const isRelative = path.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..")
  return isRelative ? undefined : wrong("Give the path from the thread's directory, without `.`, `..` and empty parts.")
}

/** When an agent last changed the directory; unknown while a turn runs. */
const changedAt = ({ activeTurnId, updatedAt }: ThreadView) =>
  activeTurnId === undefined ? { changedAt: Date.parse(updatedAt) } : {}

export const make = (views: Pick<Millrace, "thread">): Effect.Effect<WorkspaceReads, never, Files> =>
  Effect.map(Effect.all([Files, Effect.serviceOption(Worktrees)]), ([files, worktrees]) => ({
    worktrees: worktrees._tag === "None" ? Effect.succeed([]) : worktrees.value.list,
    searchFiles: (threadId, { limit = defaultLimit, query = "" }) =>
      Number.isInteger(limit) && limit >= 1 && limit <= maxFoundFiles
        ? Effect.flatMap(views.thread(threadId), (thread) =>
            Effect.mapError(files.search(thread.cwd, { query, limit, ...changedAt(thread) }), unavailable(thread.cwd))
          )
        : new BadRequest({ path: "limit", message: `limit must be a whole number from 1 to ${maxFoundFiles}.` }),
    readFile: (threadId, path) =>
      Effect.gen(function* () {
        const wrong = malformed(path)
        if (wrong !== undefined) return yield* wrong
        const { cwd } = yield* views.thread(threadId)
        const found = yield* Effect.mapError(files.read(cwd, path), unavailable(cwd))
        return typeof found === "string" ? yield* refusals[found](path) : found
      }),
    gitSummary: (threadId) =>
      Effect.flatMap(views.thread(threadId), (thread) =>
        Effect.mapError(files.summary(thread.cwd, changedAt(thread).changedAt), unavailable(thread.cwd))
      )
  }))
