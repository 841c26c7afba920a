/**
 * Commands that run git in a thread's work tree as the person. Git runs before the command is decided, while no turn of the work tree runs or starts (W9).
 * A repeated command gets its answer; if the server ended between git's act and the answer, the repeated command finds the act and reports it.
 */
import type { Accepted, Command, CommandOf } from "@millrace/contracts/Command"
import { defined } from "@millrace/contracts/Defined"
import { type CommandError, CommandRejected, type NotFound, StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Millrace } from "@millrace/contracts/Millrace"
import { DataDirectory } from "@millrace/log/DataDirectory"
import type { EventLog } from "@millrace/log/EventLog"
import { storageUnavailable } from "@millrace/log/StorageError"
import type { Acted } from "@millrace/orchestration/decide/decideWorkspace"
import type { Engine } from "@millrace/orchestration/engine/Engine"
import { digest } from "@millrace/orchestration/engine/Receipts"
import * as Commit from "@millrace/workspace/Commit"
import { Git } from "@millrace/workspace/Git"
import * as KeyedPermits from "@millrace/workspace/KeyedPermits"
import * as PersonGit from "@millrace/workspace/PersonGit"
import * as Repository from "@millrace/workspace/Repository"
import { type Context, Effect, Either, Fiber, Option } from "effect"

type Dispatch = (command: Command, actor?: string) => ReturnType<Context.Tag.Service<typeof Engine>["dispatch"]>
type Act = CommandOf<"workspace.commit">

const rejected = (rule: CommandRejected["rule"], message: string, id?: string) =>
  new CommandRejected({ rule, message, ...defined({ id }) })

const busy = (threadId: ThreadId) =>
  rejected("TurnActive", `A turn of the thread ${threadId} runs in the work tree. Wait for its end, or interrupt it.`, threadId)

const worded = (error: PersonGit.ActError | Repository.FindError): CommandRejected | StorageUnavailable =>
  error._tag === "Refused"
    ? rejected(error.rule, error.message)
    : error._tag === "NotARepository"
      ? rejected("GitRefused", "The directory of the thread does not exist or is in no git repository. Nothing was changed.")
      : new StorageUnavailable({ message: `${error.message} Nothing was changed.`, retryAfterMillis: 5000 })

const isAct = (command: Command): command is Act => command.type === "workspace.commit"

/** `dispatch` as given, which also runs these commands. A caller that leaves does not stop them. */
export const make = (
  views: Pick<Millrace, "thread">,
  engine: Context.Tag.Service<typeof Engine>,
  log: Context.Tag.Service<typeof EventLog>,
  next: Dispatch
) =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const withGit = Effect.provideService(Git, yield* Git)
    const worktrees = Option.map(yield* Effect.serviceOption(DataDirectory), ({ file }) => file("worktrees"))
    /** Key: the git directory that all work trees of a repository share. */
    const oneAct = KeyedPermits.make()

    const isWorktree = (repository: Repository.Repository) =>
      Option.match(worktrees, {
        onNone: () => Effect.succeed(false),
        onSome: (home) => PersonGit.isWorktree(repository, home)
      })

    const commit = (repository: Repository.Repository, cwd: string, command: Act) =>
      Effect.gen(function* () {
        const { commandId, message, paths } = command
        if (paths === undefined && !(yield* isWorktree(repository)))
          return yield* rejected(
            "GitRefused",
            "You and others work in this directory too, so name the files to commit in paths (on the command line: after the thread). GET /api/threads/ID/diff lists what the thread changed. Nothing was committed."
          )
        const mark = PersonGit.markOf(commandId, digest(command))
        const made = yield* Effect.mapError(withGit(Commit.commit({ repository, cwd, message, paths, mark })), worded)
        return { type: "workspace.committed", data: made } as const
      })

    const decided = (command: Act, actor: string, acted: Acted) => engine.dispatch(command, actor, { acted })

    const act = (command: Act, actor: string): Effect.Effect<Accepted, CommandError> => {
      const attempt: Effect.Effect<Accepted, CommandError | NotFound> = Effect.gen(function* () {
        const { cwd } = yield* views.thread(command.threadId)
        const repository = yield* Effect.mapError(withGit(Repository.find(cwd)), worded)
        return yield* oneAct(repository.commonDir)(
          Effect.gen(function* () {
            // A command with this id has its answer, which may be a rejection: git does nothing any more.
            const known = yield* Effect.mapError(log.receipts([command.commandId]), storageUnavailable)
            if (known.has(command.commandId)) return yield* engine.dispatch(command, actor)
            return yield* Effect.acquireUseRelease(
              Effect.flatMap(engine.hold(repository.root), Either.mapLeft(busy)),
              () => Effect.flatMap(commit(repository, cwd, command), (done) => decided(command, actor, Either.right(done))),
              (free) => free
            )
          })
        )
      })
      return attempt.pipe(
        Effect.catchTag("NotFound", () => engine.dispatch(command, actor)),
        Effect.catchTag("CommandRejected", (error) => decided(command, actor, Either.left(error)))
      )
    }

    const dispatch: Dispatch = (command, actor = "local") =>
      isAct(command) ? Effect.flatMap(Effect.forkIn(act(command, actor), scope), Fiber.join) : next(command, actor)
    return dispatch
  })
