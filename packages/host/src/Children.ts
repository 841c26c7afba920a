/** The threads that the agent of a thread created, and how it creates one. */
import type { Accepted, CommandOf } from "@millrace/contracts/Command"
import { type CommandError, CommandRejected, type StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Millrace } from "@millrace/contracts/Millrace"
import type { EventLog } from "@millrace/log/EventLog"
import { storageUnavailable } from "@millrace/log/StorageError"
import type { Engine } from "@millrace/orchestration/engine/Engine"
import * as Family from "@millrace/orchestration/readmodel/Family"
import { type Context, Effect } from "effect"

export interface Children {
  /**
   * Dispatches a command of the agent of `parent`. The new thread is a child of that thread: without a directory it works in its parent's, and it is rejected
   * if it would have more rights than its parent (`WiderThanParent`), or if the tree is full (`ChildLimit`).
   */
  readonly dispatchChild: (
    parent: ThreadId,
    command: CommandOf<"thread.create" | "thread.fork">,
    actor: string
  ) => Effect.Effect<Accepted, CommandError>
  /** The threads below a thread: its children, their children, and so on. */
  readonly descendants: (threadId: ThreadId) => Effect.Effect<ReadonlyArray<ThreadId>, StorageUnavailable>
}

export const make = (
  views: Pick<Millrace, "thread">,
  engine: Context.Tag.Service<typeof Engine>,
  log: Context.Tag.Service<typeof EventLog>
): Children => ({
  dispatchChild: (parent, command, actor) =>
    command.type === "thread.fork"
      ? engine.dispatch(command, actor, { parent })
      : views.thread(parent).pipe(
          Effect.catchTag(
            "NotFound",
            ({ id, message }) =>
              new CommandRejected({ rule: "ThreadNotFound", id, message: `The thread of this session was deleted. ${message}` })
          ),
          Effect.flatMap(({ cwd, projectId }) => engine.dispatch({ cwd, projectId, ...command }, actor, { parent }))
        ),
  descendants: (threadId) => Effect.mapError(Family.descendants(log, threadId), storageUnavailable)
})
