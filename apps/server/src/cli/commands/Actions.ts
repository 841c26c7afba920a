/** `millrace compact THREAD` and `millrace review THREAD`: agent actions that are not prompts. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect } from "effect"
import * as Client from "@millrace/client/Client"
import type { CommandOf } from "@millrace/contracts/Command"
import type { ReviewTarget } from "@millrace/contracts/State"
import { usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Dispatch from "./Dispatch.ts"

const act = (given: Flags.OfThread, newCommand: Effect.Effect<CommandOf<"thread.compact" | "thread.review">>) =>
  Dispatch.dispatch(given, newCommand, Dispatch.turnLine)

export const compact = Command.make("compact", Flags.ofThread, (given) =>
  act(given, Client.command("thread.compact", { threadId: given.thread }))
).pipe(Command.withDescription("Compact a thread's conversation to free the agent's context. Runs as a separate turn."))

export const review = Command.make(
  "review",
  {
    ...Flags.ofThread,
    base: Flags.text("base", "BRANCH", "Review the changes of the current branch against BRANCH."),
    commit: Flags.text("commit", "SHA", "Review the changes of one commit."),
    uncommitted: Options.boolean("uncommitted").pipe(Options.withDescription("Review uncommitted changes (default)."))
  },
  (given) => {
    const [branch, sha] = [Flags.orUndefined(given.base), Flags.orUndefined(given.commit)]
    if ([branch !== undefined, sha !== undefined, given.uncommitted].filter(Boolean).length > 1)
      return Effect.fail(usage("Give only one of --base, --commit and --uncommitted."))
    const target: ReviewTarget =
      branch !== undefined
        ? { type: "baseBranch", branch }
        : sha !== undefined
          ? { type: "commit", sha }
          : { type: "uncommittedChanges" }
    return act(given, Client.command("thread.review", { threadId: given.thread, target }))
  }
).pipe(Command.withDescription("Let a thread's agent review changes. Runs as a separate turn."))
