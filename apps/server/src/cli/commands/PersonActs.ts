/** `millrace commit`: git in a thread's work tree, as the person. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Client from "@millrace/client/Client"
import { defined } from "@millrace/contracts/Defined"
import * as Flags from "../Flags.ts"
import { dispatch } from "./Dispatch.ts"

export const commit = Command.make(
  "commit",
  {
    ...Flags.ofThread,
    message: Options.text("message").pipe(
      Options.withAlias("m"),
      Options.withPseudoName("MESSAGE"),
      Options.withDescription("The message of the commit.")
    ),
    paths: Flags.argument("PATH").pipe(
      Args.withDescription("The files to commit, relative to the thread's directory. Default, in a worktree: all changes."),
      Args.repeated
    )
  },
  ({ message, paths, thread, ...where }) =>
    dispatch(
      where,
      Client.command("workspace.commit", {
        threadId: thread,
        message,
        ...defined({ paths: paths.length === 0 ? undefined : paths })
      }),
      ({ commit = "" }) => `Committed ${commit.slice(0, 12)}.`
    )
).pipe(Command.withDescription("Commit changes of a thread's work tree by your git identity, with hooks."))
