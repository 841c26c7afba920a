/** Worktrees for new threads. I/O before a decision, like the queries for directories, blobs and secrets. */
import type { StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Worktree as WorktreeView } from "@millrace/contracts/Workspace"
import type { Worktree } from "../decide/Worktree.ts"
import { Context, type Effect, type Either } from "effect"

/** Absent where there is no data directory: then a thread gets no worktree. */
export class Worktrees extends Context.Tag("@millrace/orchestration/Worktrees")<
  Worktrees,
  {
    /** `directory`: canonical, of the project. Left: why there can be none, as a sentence that a person can act on. */
    readonly create: (options: {
      readonly threadId: ThreadId
      readonly directory: string
      readonly base?: string | undefined
      readonly branch?: string | undefined
    }) => Effect.Effect<Either.Either<Worktree, string>, StorageUnavailable>
    /** Removes the worktree of a thread that was not created. */
    readonly discard: (threadId: ThreadId) => Effect.Effect<void>
    /** Removes the worktree of a thread that was deleted, unless that would lose something: then it is kept and logged. */
    readonly release: (threadId: ThreadId) => Effect.Effect<void>
    /** Whether the thread has, or had, a worktree. */
    readonly has: (threadId: ThreadId) => Effect.Effect<boolean>
    /** Oldest first. The state of all after the first 1,000 is unknown. */
    readonly list: Effect.Effect<ReadonlyArray<WorktreeView>>
    /** The threads that had a worktree when the host started. */
    readonly earlier: Effect.Effect<ReadonlyArray<ThreadId>>
  }
>() {}
