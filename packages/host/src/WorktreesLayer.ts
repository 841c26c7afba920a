/** Worktrees of threads in the data directory, for the engine and the dispatcher. */
import { defined } from "@millrace/contracts/Defined"
import { StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { make as makePermits } from "@millrace/contracts/Permits"
import * as Engine from "@millrace/orchestration/engine/Worktrees"
import * as DirectorySize from "@millrace/workspace/DirectorySize"
import * as Worktrees from "@millrace/workspace/Worktrees"
import type { WorktreeRecord } from "@millrace/workspace/WorktreeRecord"
import { Clock, Effect, Either, Layer } from "effect"

/** Maximum number of worktrees whose state is read for one list. The state of further worktrees is unknown. */
const maxRead = 1000

/** The longest time, in milliseconds, that a list reads the size of one worktree, and of all. */
const sizeMillis = 2000
const sizesMillis = 10_000

/** Undefined: it could not be read by then. `until`: milliseconds since 1970. */
const bytesOf = (root: string, until: number) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.promise((signal) => DirectorySize.of(root, signal)).pipe(
      Effect.timeoutTo({
        duration: Math.max(0, Math.min(sizeMillis, until - now)),
        onTimeout: () => undefined,
        onSuccess: (bytes) => bytes
      })
    )
  )

const lost = ({ dirty, unpushed }: Worktrees.Unsaved): string =>
  dirty ? "changes that are not committed" : `commits that are on no other branch and no remote: ${unpushed}`

const make = (home: string) =>
  Effect.gen(function* () {
    const worktrees = yield* Worktrees.Worktrees
    const earlier = (yield* worktrees.records).map(({ id }) => id as ThreadId)
    const logged = (what: string) =>
      Effect.catchAll((error: { readonly message: string }) => Effect.logWarning(`${what}: ${error.message}`))
    const view = (until: number) => (record: WorktreeRecord, index: number) => {
      const { branch, createdAt, id, port, root } = record
      const unknown = { dirty: true, unpushed: 0, unknown: true as const }
      const missing = { dirty: false, unpushed: 0, missing: true as const }
      const state =
        index < maxRead
          ? Effect.match(worktrees.unsaved(record), { onFailure: () => unknown, onSuccess: (found) => found ?? missing })
          : Effect.succeed(unknown)
      return Effect.gen(function* () {
        const found = yield* state
        const bytes = "missing" in found ? undefined : yield* bytesOf(root, until)
        return {
          threadId: id as ThreadId,
          cwd: root,
          branch,
          createdAt: new Date(createdAt).toISOString(),
          ...defined({ bytes, port }),
          ...found
        }
      })
    }
    // Each list runs git for each worktree.
    const oneList = makePermits(1)
    return Engine.Worktrees.of({
      earlier: Effect.succeed(earlier),
      rootOf: (threadId) => Effect.map(worktrees.find(threadId), (record) => record?.root),
      list: oneList(
        Effect.gen(function* () {
          const until = (yield* Clock.currentTimeMillis) + sizesMillis
          return yield* Effect.forEach(yield* worktrees.records, view(until), { concurrency: 2 })
        })
      ),
      create: ({ threadId, ...wanted }) =>
        worktrees.create({ id: threadId, ...wanted }).pipe(
          Effect.map((created) => Either.right(created)),
          Effect.catchAll((error): Effect.Effect<Either.Either<never, string>, StorageUnavailable> =>
            error._tag === "WorktreeRefused" || error._tag === "GitMissing"
              ? Effect.succeed(Either.left(error.message))
              : new StorageUnavailable({ message: `The worktree could not be created: ${error.message}`, retryAfterMillis: 5000 })
          )
        ),
      discard: (threadId) => logged(`The worktree of ${threadId} could not be removed`)(worktrees.discard(threadId)),
      remove: (threadId, force) =>
        Effect.gen(function* () {
          const record = yield* worktrees.find(threadId)
          if (record === undefined) return Either.left("The thread has no worktree. GET /api/worktrees lists them.")
          const left = force ? yield* worktrees.discard(threadId) : yield* worktrees.release(threadId)
          if (left !== undefined)
            return Either.left(
              `The worktree has ${lost(left)}. Save them, or send the command with force: true (on the command line: --force) to lose them.`
            )
          const { branch, commit, root } = record
          return Either.right({ cwd: root, branch, commit })
        }).pipe(
          Effect.mapError(
            ({ message }) =>
              new StorageUnavailable({ message: `The worktree could not be removed: ${message}`, retryAfterMillis: 5000 })
          )
        ),
      release: (threadId) =>
        worktrees.release(threadId).pipe(
          Effect.flatMap((left) =>
            left === undefined
              ? Effect.void
              : Effect.logWarning(
                  `The worktree ${home}/${threadId} is kept, because it has ${lost(left)}. Save them, then remove it with the command workspace.remove and force: true`
                )
          ),
          logged(`The worktree of ${threadId} could not be removed`)
        )
    })
  })

/** `home`: absolute path of the directory of the worktrees. Needs their `Worktrees`. */
export const layer = (home: string) => Layer.effect(Engine.Worktrees, make(home))
