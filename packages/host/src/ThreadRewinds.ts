/**
 * Rewinds of a thread's files, all or single ones (a discard): a preview, and the command. The files are changed before the command is decided, while no
 * turn of the work tree runs or starts (W7). A rewind that stops in the middle, or that the end of the server cuts off, is an event (W8).
 */
import type { Accepted, Command, CommandOf } from "@millrace/contracts/Command"
import { defined } from "@millrace/contracts/Defined"
import { type CommandError, CommandRejected, type NotFound, type Rule, StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Millrace, PageOf } from "@millrace/contracts/Millrace"
import type { TurnView } from "@millrace/contracts/State"
import { namedFiles, type RewindPreview, type RewindRequest } from "@millrace/contracts/Workspace"
import type { EventLog } from "@millrace/log/EventLog"
import { storageUnavailable } from "@millrace/log/StorageError"
import type { Engine } from "@millrace/orchestration/engine/Engine"
import { maxQueue } from "@millrace/orchestration/state/ThreadState"
import * as KeyedPermits from "@millrace/workspace/KeyedPermits"
import { shown } from "@millrace/workspace/RawPath"
import type { Change } from "@millrace/workspace/RewindPlan"
import { type Goal, type RewindError, Rewinds } from "@millrace/workspace/Rewinds"
import { maxTurns } from "@millrace/workspace/RewindSpans"
import { type Context, Deferred, Effect, Either, Fiber, Option, type Scope } from "effect"
import { Settled } from "./Checkpointing.ts"
import { noRepository } from "./ThreadDiffs.ts"

export interface ThreadRewinds {
  /** What `thread.rewind` or `workspace.discard` would change. Changes nothing, and waits for the checkpoint of a turn that has just ended. */
  readonly previewRewind: (
    threadId: ThreadId,
    request: RewindRequest
  ) => Effect.Effect<RewindPreview, NotFound | CommandRejected | StorageUnavailable>
  /** As `Engine.dispatch`. `thread.rewind` and `workspace.discard` change the files first. A caller that leaves does not stop it. */
  readonly dispatch: (command: Command, actor?: string) => ReturnType<Context.Tag.Service<typeof Engine>["dispatch"]>
}

/** Maximum number of files in `left` of a preview. */
const maxLeft = 1000
/** The longest wait for the checkpoints of a turn that has just ended. */
const settleWithin = "30 seconds"

const rejected = (rule: Rule, message: string, id?: string) => new CommandRejected({ rule, message, ...defined({ id }) })

const worded = (error: RewindError): CommandRejected | StorageUnavailable => {
  switch (error._tag) {
    case "RewindRefused":
      return rejected(error.rule, error.message)
    case "NotARepository":
      return noRepository
    case "RepositoryRefused":
      return rejected("NoCheckpoint", error.message)
    default:
      return new StorageUnavailable({ message: `${error.message} No file was changed.`, retryAfterMillis: 5000 })
  }
}

const rewindErrors: Readonly<Record<RewindError["_tag"], true>> = {
  CheckpointsPaused: true,
  FileFailed: true,
  GitBusy: true,
  GitFailed: true,
  GitMissing: true,
  GitTimeout: true,
  NotARepository: true,
  RepositoryRefused: true,
  RewindRefused: true
}
const isRewindError = <E extends { readonly _tag: string }>(error: E | RewindError): error is RewindError =>
  Object.hasOwn(rewindErrors, error._tag)

const changeOf = ({ after, before }: Change) => (before === undefined ? "create" : after === undefined ? "delete" : "restore")

type Rewind = CommandOf<"thread.rewind" | "workspace.discard">

/** What of the two commands and of a preview selects the files. */
interface Selection {
  readonly turnId?: TurnId | undefined
  readonly checkpoint?: string | undefined
  readonly paths?: ReadonlyArray<string> | undefined
}

const isRewind = (command: Command): command is Rewind => command.type === "thread.rewind" || command.type === "workspace.discard"

export const make = (
  views: Pick<Millrace, "thread" | "turns">,
  engine: Context.Tag.Service<typeof Engine>,
  log: Context.Tag.Service<typeof EventLog>
): Effect.Effect<ThreadRewinds, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const service = yield* Effect.serviceOption(Rewinds)
    const settled = yield* Effect.serviceOption(Settled)
    /** Key: a thread. One rewind at a time, so that a repeated command finds the answer to the first. */
    const oneAtATime = KeyedPermits.make()
    const recovered = yield* Deferred.make<void>()

    /** The turn and all that began after it, in the order in which they began. Rejected if the thread has no such turn. */
    const turnsFrom = (threadId: ThreadId, turnId: TurnId) =>
      Effect.gen(function* () {
        const found: Array<TurnView> = []
        let before: number | undefined
        // Turns are listed by their requests. One that was requested before this turn began after it only if both were in the queue.
        let beyond = 0
        while (beyond <= maxQueue && found.length <= maxTurns) {
          const page: PageOf<TurnView> = yield* views.turns(threadId, defined({ before, limit: 100 }))
          found.push(...page.items)
          const at = found.findIndex((turn) => turn.turnId === turnId)
          beyond = at < 0 ? 0 : found.length - at
          before = page.before
          if (before === undefined) break
        }
        const first = found.find((turn) => turn.turnId === turnId)?.startedAt
        if (first === undefined)
          return yield* rejected(
            "NoCheckpoint",
            "The thread has no such turn that began, or too many turns after it. GET /api/threads/ID/turns (millrace turns THREAD) lists its turns.",
            turnId
          )
        const startOf = ({ startedAt = "" }: TurnView) => startedAt
        return found
          .toReversed()
          .filter((turn) => startOf(turn) > first || turn.turnId === turnId)
          .toSorted((a, b) => (startOf(a) === startOf(b) ? 0 : startOf(a) < startOf(b) ? -1 : 1))
      })

    const off = rejected(
      "Unsupported",
      'This server takes no checkpoints, so it cannot take files back. Set checkpoints to "on" in its configuration.'
    )
    const waited = (threadId: ThreadId) =>
      Option.isNone(settled) ? Effect.void : Effect.asVoid(Effect.timeoutOption(settled.value(threadId), settleWithin))

    const goalOf = (threadId: ThreadId, { checkpoint, paths, turnId }: Selection) =>
      Effect.gen(function* () {
        const { activeTurnId, cwd } = yield* views.thread(threadId)
        if (activeTurnId !== undefined)
          return yield* rejected("TurnActive", "A turn runs. Wait for its end, or interrupt it.", activeTurnId)
        if (checkpoint !== undefined) return { cwd, paths, goal: { checkpoint } satisfies Goal }
        if (paths !== undefined) return { cwd, paths, turnId, goal: { since: turnId } satisfies Goal }
        if (turnId === undefined) return yield* rejected("NoCheckpoint", "Give the turnId or the checkpoint to go back to.")
        const turns = yield* turnsFrom(threadId, turnId)
        return { cwd, paths, turnId, goal: { turns: turns.map((turn) => turn.turnId) } satisfies Goal }
      })

    const previewRewind = Effect.fn("ThreadRewinds.preview")(function* (threadId: ThreadId, request: RewindRequest) {
      const selected = yield* goalOf(threadId, request)
      const conversation = "conversation" in request && request.conversation ? ("fork" as const) : ("none" as const)
      if ("files" in request && !request.files) return { expected: "conversation", files: [], conversation }
      if (Option.isNone(service)) return yield* off
      yield* waited(threadId)
      const plan = yield* Effect.mapError(service.value.preview({ threadId, ...selected }), worded)
      return {
        expected: plan.expected,
        files: plan.changes.map((change) => ({
          path: shown(change.path),
          change: changeOf(change),
          changedSince: change.changedSince
        })),
        ...(plan.left.length === 0
          ? {}
          : { left: plan.left.slice(0, maxLeft).map(({ path, reason }) => ({ path: shown(path), reason })) }),
        ...(plan.late ? { late: true as const } : {}),
        conversation
      } satisfies RewindPreview
    })

    const busy = (threadId: ThreadId) =>
      rejected(
        "TurnActive",
        `A turn of the thread ${threadId} runs in this directory. Wait for its end, or interrupt it.`,
        threadId
      )

    /** Changes the files and dispatches the command with the outcome, while no turn starts in the work tree. */
    const withFiles = (command: Rewind, actor: string) =>
      Effect.gen(function* () {
        if (Option.isNone(service)) return yield* off
        const rewinds = service.value
        const { expected, threadId } = command
        const { cwd } = yield* views.thread(threadId)
        const root = yield* Effect.mapError(rewinds.rootOf(cwd), worded)
        return yield* Effect.acquireUseRelease(
          Effect.flatMap(engine.hold(root), Either.mapLeft(busy)),
          () =>
            Effect.gen(function* () {
              const selected = yield* goalOf(threadId, command)
              const { turnId } = selected
              yield* waited(threadId)
              return yield* rewinds.run(
                { threadId, actor, expected, ...selected },
                Either.match({
                  onRight: ({ changed, checkpoint }) =>
                    engine.dispatch(command, actor, { rewound: Either.right({ checkpoint, files: changed }) }),
                  onLeft: ({ changed, checkpoint, message }) =>
                    engine
                      .submit({
                        _tag: "RewindCut",
                        actor,
                        threadId,
                        ...defined({ turnId, paths: selected.paths === undefined ? undefined : namedFiles(selected.paths) }),
                        checkpoint,
                        files: changed,
                        incomplete: message
                      })
                      .pipe(Effect.zipRight(new StorageUnavailable({ message, retryAfterMillis: 60_000 })))
                })
              )
            }),
          (free) => free
        ).pipe(Effect.mapError((error) => (isRewindError(error) ? worded(error) : error)))
      })

    const rewind = (command: Rewind, actor: string) =>
      Effect.gen(function* () {
        yield* Deferred.await(recovered)
        // The answer to this command was given before.
        const known = yield* Effect.mapError(log.receipts([command.commandId]), storageUnavailable)
        if (known.has(command.commandId)) return yield* engine.dispatch(command, actor)
        const isFiles = command.type === "workspace.discard" || command.checkpoint !== undefined || command.files === true
        const attempt: Effect.Effect<Accepted, CommandError | NotFound> = isFiles
          ? withFiles(command, actor)
          : Effect.zipRight(
              goalOf(command.threadId, command),
              engine.dispatch(command, actor, { rewound: Either.right(undefined) })
            )
        return yield* Effect.catchTag(attempt, "NotFound", () => engine.dispatch(command, actor)).pipe(
          Effect.catchTag("CommandRejected", (error) => engine.dispatch(command, actor, { rewound: Either.left(error) }))
        )
      })

    const dispatch: ThreadRewinds["dispatch"] = (command, actor = "local") =>
      isRewind(command)
        ? Effect.flatMap(Effect.forkIn(oneAtATime(command.threadId)(rewind(command, actor)), scope), Fiber.join)
        : engine.dispatch(command, actor)

    /** Reports the rewinds that the end of a server cut off. */
    const recover = Effect.gen(function* () {
      if (Option.isNone(service)) return
      for (const { changed, journal, of, others, settle } of yield* service.value.unfinished) {
        const { actor, from, paths, threadId, turnId } = journal
        const incomplete = `The server ended during the rewind. ${changed} of ${of} files were changed${others === 0 ? "" : `, and ${others} have another content since`}. To restore them as they were before, send thread.rewind with the checkpoint ${from}.`
        yield* Effect.logWarning(`A rewind of ${threadId} was cut off. ${incomplete}`)
        yield* engine.submit({
          _tag: "RewindCut",
          actor,
          threadId,
          ...defined({ turnId, paths }),
          checkpoint: from,
          files: changed,
          ...(changed === of && others === 0 ? {} : { incomplete })
        })
        yield* settle
      }
    })
    yield* Effect.forkScoped(Effect.onExit(recover, () => Deferred.succeed(recovered, undefined)))

    return { previewRewind, dispatch }
  })
