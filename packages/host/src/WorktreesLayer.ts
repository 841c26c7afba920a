/** Worktrees of threads in the data directory, for the engine and the dispatcher. */
import { StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { make as makePermits } from "@millrace/contracts/Permits"
import * as Engine from "@millrace/orchestration/engine/Worktrees"
import * as Worktrees from "@millrace/workspace/Worktrees"
import type { WorktreeRecord } from "@millrace/workspace/WorktreeRecord"
import { Effect, Either, Layer } from "effect"

/** Worktrees whose state is read for one list. That of further ones is unknown. */
const maxRead = 1000

const make = (home: string) =>
  Effect.gen(function* () {
    const worktrees = yield* Worktrees.make({ home })
    const earlier = (yield* worktrees.records).map(({ id }) => id as ThreadId)
    const logged = (what: string) =>
      Effect.catchAll((error: { readonly message: string }) => Effect.logWarning(`${what}: ${error.message}`))
    const view = (record: WorktreeRecord, index: number) => {
      const { branch, createdAt, id, root } = record
      const unknown = { dirty: true, unpushed: 0, unknown: true as const }
      const missing = { dirty: false, unpushed: 0, missing: true as const }
      const state =
        index < maxRead
          ? Effect.match(worktrees.unsaved(record), { onFailure: () => unknown, onSuccess: (found) => found ?? missing })
          : Effect.succeed(unknown)
      return Effect.map(state, (found) => ({
        threadId: id as ThreadId,
        cwd: root,
        branch,
        createdAt: new Date(createdAt).toISOString(),
        ...found
      }))
    }
    // Each list runs git for each worktree.
    const oneList = makePermits(1)
    return Engine.Worktrees.of({
      earlier: Effect.succeed(earlier),
      has: worktrees.has,
      list: oneList(Effect.flatMap(worktrees.records, (records) => Effect.forEach(records, view, { concurrency: 2 }))),
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
      release: (threadId) =>
        worktrees.release(threadId).pipe(
          Effect.flatMap((left) =>
            left === undefined
              ? Effect.void
              : Effect.logWarning(
                  `The worktree ${home}/${threadId} is kept, because it has ${left.dirty ? "changes that are not committed" : `commits that are on no other branch and no remote: ${left.unpushed}`}. Save them, then remove it in the repository with: git worktree remove --force --force ${home}/${threadId}`
                )
          ),
          logged(`The worktree of ${threadId} could not be removed`)
        )
    })
  })

/** `home`: absolute path of the directory of the worktrees. Needs `Git`. */
export const layer = (home: string) => Layer.effect(Engine.Worktrees, make(home))
