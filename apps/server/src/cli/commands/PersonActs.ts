/** `millrace commit`, `merge`, `push` and `pr`: git in a thread's work tree, as the person. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Client from "@millrace/client/Client"
import { defined } from "@millrace/contracts/Defined"
import { cut } from "@millrace/contracts/Text"
import { Effect } from "effect"
import * as Flags from "../Flags.ts"
import * as Connect from "../client/Connect.ts"
import { fromError } from "../Failure.ts"
import * as Output from "../Output.ts"
import { dispatch } from "./Dispatch.ts"

export const commit = Command.make(
  "commit",
  {
    ...Flags.ofThread,
    message: Options.text("message").pipe(
      Options.withAlias("m"),
      Options.withPseudoName("MESSAGE"),
      Options.withDescription("The message of the commit."),
      Options.mapEffect((text) =>
        text.trim() === ""
          ? Effect.fail(
              ValidationError.invalidValue(HelpDoc.p(`--message: expected a text, got ${JSON.stringify(cut(text, 100))}`))
            )
          : Effect.succeed(text)
      )
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

export const merge = Command.make("merge", Flags.ofThread, ({ thread, ...where }) =>
  dispatch(
    where,
    Client.command("workspace.merge", { threadId: thread }),
    ({ commit = "" }) => `Merged. The project's branch is at ${commit.slice(0, 12)}.`
  )
).pipe(Command.withDescription("Merge the branch of a thread's worktree into the branch of the project's directory."))

export const push = Command.make(
  "push",
  { ...Flags.ofThread, remote: Flags.text("remote", "NAME", "The remote. Default: the branch's own, the only one, or origin.") },
  ({ remote, thread, ...where }) =>
    dispatch(
      where,
      Client.command("workspace.push", { threadId: thread, ...defined({ remote: Flags.orUndefined(remote) }) }),
      ({ commit = "" }) => `Pushed ${commit.slice(0, 12)}.`
    )
).pipe(Command.withDescription("Push the branch of a thread's work tree, never by force."))

export const pr = Command.make(
  "pr",
  {
    ...Flags.ofThread,
    title: Flags.text("title", "TITLE", "Default: the thread's title."),
    body: Flags.text("body", "TEXT", "Markdown. Default: empty."),
    base: Flags.text("base", "BRANCH", "The branch to merge into. Default: the repository's default branch."),
    draft: Options.boolean("draft").pipe(Options.withDescription("Open it as a draft.")),
    remote: Flags.text("remote", "NAME", "The remote to push to. Default: the branch's own, the only one, or origin.")
  },
  ({ base, body, data, draft, json, remote, thread, title, url }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const command = yield* Client.command("workspace.propose", {
        threadId: thread,
        ...defined({
          title: Flags.orUndefined(title),
          body: Flags.orUndefined(body),
          base: Flags.orUndefined(base),
          remote: Flags.orUndefined(remote)
        }),
        ...(draft ? { draft } : {})
      })
      const { millrace } = yield* Connect.server({ dataDir: data, url: Flags.orUndefined(url) })
      const accepted = yield* Effect.mapError(millrace.dispatch(command), fromError)
      if (json) return yield* Output.json(accepted)
      yield* output.out(`${accepted.url ?? ""}\n`)
    })
).pipe(
  Command.withDescription(
    "Push the branch of a thread's work tree and open a pull request with gh or glab on the server's machine. Prints its URL."
  )
)
