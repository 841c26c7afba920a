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
import * as Merge from "@millrace/workspace/Merge"
import * as PersonGit from "@millrace/workspace/PersonGit"
import * as PullRequest from "@millrace/workspace/PullRequest"
import * as Push from "@millrace/workspace/Push"
import * as Repository from "@millrace/workspace/Repository"
import { type Context, Effect, Either, Fiber, Option } from "effect"

type Dispatch = (command: Command, actor?: string) => ReturnType<Context.Tag.Service<typeof Engine>["dispatch"]>
type Act = CommandOf<"workspace.commit" | "workspace.merge" | "workspace.push" | "workspace.propose">

/** Commits the event of what git has done, and makes the answer. */
type Recorded = (acted: Either.Either.Right<Acted>) => Effect.Effect<Accepted, CommandError>

const rejected = (rule: CommandRejected["rule"], message: string, id?: string) =>
  new CommandRejected({ rule, message, ...defined({ id }) })

const busy = (threadId: ThreadId) =>
  rejected("TurnActive", `A turn of the thread ${threadId} runs in the work tree. Wait for its end, or interrupt it.`, threadId)

const worded = (error: PersonGit.ActError | Repository.FindError): CommandRejected | StorageUnavailable =>
  error._tag === "Refused"
    ? rejected(error.rule, error.message)
    : error._tag === "NotARepository"
      ? rejected("GitRefused", "The directory of the thread does not exist or is in no git repository. Nothing was changed.")
      : error._tag === "RepositoryRefused"
        ? rejected("GitRefused", `${error.message} Nothing was changed.`)
        : new StorageUnavailable({ message: `${error.message} Nothing was changed.`, retryAfterMillis: 5000 })

const acts: Readonly<Record<Act["type"], true>> = {
  "workspace.commit": true,
  "workspace.merge": true,
  "workspace.push": true,
  "workspace.propose": true
}
const isAct = (command: Command): command is Act => Object.hasOwn(acts, command.type)

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

    const recordOf = (repository: Repository.Repository) =>
      Option.match(worktrees, {
        onNone: () => Effect.succeed(undefined),
        onSome: (home) => PersonGit.recordOf(repository, home)
      })
    const find = (directory: string) => Effect.mapError(withGit(Repository.find(directory)), worded)

    /** While no turn runs or starts in the work tree. */
    const held = <A, E>({ root }: Repository.Repository, use: Effect.Effect<A, E>) =>
      Effect.acquireUseRelease(
        Effect.flatMap(engine.hold(root), Either.mapLeft(busy)),
        () => use,
        (free) => free
      )

    const commit = (repository: Repository.Repository, cwd: string, command: CommandOf<"workspace.commit">, record: Recorded) =>
      Effect.gen(function* () {
        const { commandId, message, paths } = command
        if (paths === undefined && (yield* recordOf(repository)) === undefined)
          return yield* rejected(
            "GitRefused",
            "You and others work in this directory too, so name the files to commit in paths (on the command line: after the thread). GET /api/threads/ID/diff (millrace diff THREAD) shows what the thread changed. Nothing was committed."
          )
        const mark = PersonGit.markOf(commandId, digest(command))
        const made = yield* Effect.mapError(withGit(Commit.commit({ repository, cwd, message, paths, mark })), worded)
        return yield* record({ type: "workspace.committed", data: made })
      })

    const merge = (source: Repository.Repository, command: CommandOf<"workspace.merge">, record: Recorded) =>
      Effect.gen(function* () {
        const worktree = yield* recordOf(source)
        if (worktree === undefined)
          return yield* rejected("GitRefused", "The thread works in no worktree, so there is nothing to merge.")
        const target = yield* find(worktree.directory)
        const mark = PersonGit.markOf(command.commandId, digest(command))
        const merged = Effect.mapError(withGit(Merge.merge({ source, target, mark })), worded)
        return yield* held(
          target,
          Effect.flatMap(merged, (made) => record({ type: "workspace.merged", data: made }))
        )
      })

    const push = (repository: Repository.Repository, command: CommandOf<"workspace.push">, record: Recorded) =>
      Effect.flatMap(Effect.mapError(withGit(Push.push({ repository, remote: command.remote })), worded), (made) =>
        record({ type: "workspace.pushed", data: made })
      )

    const propose = (
      repository: Repository.Repository,
      named: string,
      { base, body, draft, remote, title = named }: CommandOf<"workspace.propose">,
      record: Recorded
    ) =>
      Effect.flatMap(
        Effect.mapError(withGit(PullRequest.propose({ repository, title, body, base, draft, remote })), worded),
        (made) => record({ type: "workspace.proposed", data: made })
      )

    const done = (
      command: Act,
      { cwd, title }: { readonly cwd: string; readonly title: string },
      repository: Repository.Repository,
      record: Recorded
    ) => {
      switch (command.type) {
        case "workspace.commit":
          return held(repository, commit(repository, cwd, command, record))
        case "workspace.merge":
          return held(repository, merge(repository, command, record))
        case "workspace.push":
          return push(repository, command, record)
        case "workspace.propose":
          return propose(repository, title, command, record)
      }
    }

    const act = (command: Act, actor: string): Effect.Effect<Accepted, CommandError> => {
      const record: Recorded = (acted) => engine.dispatch(command, actor, { acted: Either.right(acted) })
      const attempt: Effect.Effect<Accepted, CommandError | NotFound> = Effect.gen(function* () {
        const thread = yield* views.thread(command.threadId)
        const repository = yield* find(thread.cwd)
        return yield* oneAct(repository.commonDir)(
          Effect.gen(function* () {
            // A command with this id has its answer, which may be a rejection: git does nothing any more.
            const known = yield* Effect.mapError(log.receipts([command.commandId]), storageUnavailable)
            if (known.has(command.commandId)) return yield* engine.dispatch(command, actor)
            return yield* done(command, thread, repository, record)
          })
        )
      })
      return attempt.pipe(
        Effect.catchTag("NotFound", () => engine.dispatch(command, actor)),
        Effect.catchTag("CommandRejected", (error) => engine.dispatch(command, actor, { acted: Either.left(error) }))
      )
    }

    const dispatch: Dispatch = (command, actor = "local") =>
      isAct(command) ? Effect.flatMap(Effect.forkIn(act(command, actor), scope), Fiber.join) : next(command, actor)
    return dispatch
  })
