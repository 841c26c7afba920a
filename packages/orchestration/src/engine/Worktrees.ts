/** Worktrees of threads. I/O before a decision, like the queries for directories, blobs and secrets. */
import type { Command, CommandOf } from "@millrace/contracts/Command"
import type { StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Worktree as WorktreeView } from "@millrace/contracts/Workspace"
import type { EventLog } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { storageUnavailable } from "@millrace/log/StorageError"
import type { Worktree } from "../decide/Worktree.ts"
import * as Collections from "../readmodel/Collections.ts"
import { Context, Effect, Either } from "effect"

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
    /** Removes the worktree that a person does not want any more. Left: why it stays. `force`: also if that loses changes. */
    readonly remove: (threadId: ThreadId, force: boolean) => Effect.Effect<Either.Either<Worktree, string>, StorageUnavailable>
    /** The root of the worktree that the thread has, or had. `undefined`: it never had one. */
    readonly rootOf: (threadId: ThreadId) => Effect.Effect<string | undefined>
    /** Oldest first. The state of all after the first 1,000 is unknown. */
    readonly list: Effect.Effect<ReadonlyArray<WorktreeView>>
    /** The threads that had a worktree when the host started. */
    readonly earlier: Effect.Effect<ReadonlyArray<ThreadId>>
  }
>() {}

type Log = typeof EventLog.Service

/** Threads that work in the worktree of the thread, at most 4: itself, if it is not deleted, and its forks. The path has the thread's id. */
export const usersOf = (log: Log, threadId: ThreadId) => {
  const part = { limit: 2, where: [{ field: "cwd", contains: threadId }] } as const
  return Effect.map(
    log.query({ open: Query.rows(Collections.thread, part), archived: Query.rows(Collections.threadArchived, part) }),
    ({ archived, open }) => [...open.rows, ...archived.rows].map(({ value }) => value)
  )
}

const none = Either.left("This server has no data directory, so it has no worktrees.")

/** What a command does with a worktree before it is decided. `hold`: as `Engine.hold`. */
export const forCommands = (log: Log, hold: (directory: string) => Effect.Effect<Either.Either<Effect.Effect<void>, ThreadId>>) =>
  Effect.map(Effect.serviceOption(Worktrees), (service) => {
    const create = (command: CommandOf<"thread.create">, directory: string | undefined, threadId: ThreadId) =>
      Effect.gen(function* () {
        if (command.workspace?.kind !== "worktree") return undefined
        if (service._tag === "None") return none
        const { base, branch } = command.workspace
        const { projectId } = command
        const projectDirectory =
          directory !== undefined || projectId === undefined
            ? directory
            : (yield* Effect.mapError(log.query({ project: Query.row(Collections.projectState, projectId) }), storageUnavailable))
                .project?.value.cwd
        return projectDirectory === undefined
          ? undefined
          : yield* service.value.create({ threadId, directory: projectDirectory, base, branch })
      })

    const remove = ({ commandId, force = false, threadId }: CommandOf<"workspace.remove">) =>
      Effect.gen(function* () {
        if (service._tag === "None") return none
        // A command with this id has its answer, which may be a rejection: nothing is removed any more.
        if ((yield* Effect.mapError(log.receipts([commandId]), storageUnavailable)).has(commandId)) return undefined
        const worktrees = service.value
        const root = yield* worktrees.rootOf(threadId)
        if (root === undefined)
          return Either.left("The thread has no worktree. GET /api/worktrees (millrace worktrees) lists them.")
        const unused = Effect.gen(function* () {
          const users = yield* Effect.mapError(usersOf(log, threadId), storageUnavailable)
          const fork = users.find((user) => user.threadId !== threadId)
          if (fork !== undefined)
            return Either.left(`The thread ${fork.threadId} works in this worktree too. Delete that thread first.`)
          const status = users[0]?.session?.status
          if (status !== undefined && status !== "stopped" && status !== "error")
            return Either.left("The thread's agent runs in the worktree. Stop it first with session.stop (millrace stop THREAD).")
          return yield* worktrees.remove(threadId, force)
        })
        // No turn, and so no session, starts in the directory until it is removed.
        return yield* Effect.acquireUseRelease(
          hold(root),
          Either.match({
            onLeft: (busy) => Effect.succeed(Either.left(`A turn of the thread ${busy} runs in the worktree. Wait for its end.`)),
            onRight: () => unused
          }),
          Either.match({ onLeft: () => Effect.void, onRight: (free) => free })
        )
      })

    return {
      /** Creates or removes the worktree. `undefined`: the command asks for neither, or it has no directory and will be rejected. `threadId`: of a new thread. */
      prepare: (
        command: Command,
        directory: string | undefined,
        threadId: ThreadId
      ): Effect.Effect<Either.Either<Worktree, string> | undefined, StorageUnavailable> =>
        command.type === "thread.create"
          ? create(command, directory, threadId)
          : command.type === "workspace.remove"
            ? remove(command)
            : Effect.succeed(undefined),
      /** Removes a worktree whose thread was not created, also of a command that was decided before. */
      discard: (threadId: ThreadId) => (service._tag === "None" ? Effect.void : service.value.discard(threadId))
    }
  })
