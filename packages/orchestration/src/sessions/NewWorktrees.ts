/** What the sessions of a thread need to know and do about its worktree. The host provides it. Absent where there is no data directory. */
import type { ThreadId } from "@millrace/contracts/Ids"
import { Context, type Effect, type Stream } from "effect"

export interface ShellCommand {
  readonly threadId: ThreadId
  readonly epoch: number
  readonly cwd: string
  /** Command line for `/bin/sh -c`. */
  readonly command: string
  /** In addition to the variables that agents inherit from the server. */
  readonly env: Readonly<Record<string, string>>
  /** Values that the output must not contain. */
  readonly secrets: ReadonlyArray<string>
}

/** Text of standard output and error, in order, and then the end. `code` is null if the process ended by a signal. */
export type ShellOutput =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Ended"; readonly code: number | null; readonly signal: string | null }

export class NewWorktrees extends Context.Tag("@millrace/orchestration/NewWorktrees")<
  NewWorktrees,
  {
    /** The first port of the worktree in which the directory is; `port` is absent if all are in use. `undefined`: the directory is in no worktree of the server. */
    readonly find: (cwd: string) => Effect.Effect<{ readonly port?: number } | undefined>
    /**
     * Runs the effect if the worktree of the directory is new, and one at a time for each worktree. After a success the worktree is not new any more, also
     * after a restart of the server.
     */
    readonly ifNew: <E>(cwd: string, setUp: Effect.Effect<void, E>) => Effect.Effect<void, E>
    /** Runs the command in a separate process group, which the end of the stream kills. Fails with a sentence if it cannot be started. */
    readonly run: (command: ShellCommand) => Stream.Stream<ShellOutput, string>
  }
>() {}

/** Variables of the agents of a thread and of its setup command. No project can set them: its variables do not begin with `MILLRACE_`. */
export const variables = (
  cwd: string,
  projectRoot: string,
  worktree: { readonly port?: number } | undefined
): Readonly<Record<string, string>> => ({
  MILLRACE_WORKSPACE: cwd,
  MILLRACE_PROJECT_ROOT: projectRoot,
  ...(worktree?.port === undefined ? {} : { MILLRACE_PORT: String(worktree.port) })
})
