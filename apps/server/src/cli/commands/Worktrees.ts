/** `millrace worktrees list|prune|remove`: the worktrees of threads. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Client from "@millrace/client/Client"
import type { Worktree } from "@millrace/contracts/Workspace"
import { Effect } from "effect"
import * as Connect from "../client/Connect.ts"
import * as Workspaces from "../client/Workspaces.ts"
import { fromError } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import { plural, size } from "../terminal/Amounts.ts"
import { dispatch } from "./Dispatch.ts"

const common = { json: Flags.json, data: Flags.data, url: Flags.url }
type Common = Pick<Flags.OfThread, "json" | "data" | "url">
const whereOf = ({ data, url }: Common): Connect.Where => ({ dataDir: data, url: Flags.orUndefined(url) })

/** What would be lost with the worktree, for people. */
export const stateOf = ({ dirty, missing, unknown, unpushed }: Worktree): string =>
  missing === true
    ? "its directory is missing"
    : unknown === true
      ? "unknown"
      : [dirty ? "changes" : "", unpushed > 0 ? plural(unpushed, "commit") + " nowhere else" : ""]
          .filter((part) => part !== "")
          .join(", ") || "clean"

const losesNothing = ({ dirty, unknown, unpushed }: Worktree): boolean => unknown !== true && !dirty && unpushed === 0

const table = (all: ReadonlyArray<Worktree>) =>
  Effect.flatMap(Output.Output, (output) =>
    output.out(
      Output.table(
        all.map((one) => [
          one.threadId,
          one.createdAt.slice(0, 10),
          one.branch ?? "",
          one.bytes === undefined ? "" : size(one.bytes),
          stateOf(one),
          one.cwd
        ]),
        output.width
      )
    )
  )

const list = Command.make("list", common, (options) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const all = yield* Workspaces.worktrees(whereOf(options))
    if (options.json) return yield* Output.json(all)
    yield* table(all)
    if (all.length === 0) yield* output.note("No worktrees.")
  })
).pipe(Command.withDescription("List the worktrees of threads, oldest first, with what would be lost with each."))

const prune = Command.make(
  "prune",
  { ...common, dryRun: Options.boolean("dry-run").pipe(Options.withDescription("Only list what would be removed.")) },
  ({ dryRun, ...options }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const where = whereOf(options)
      const { millrace } = yield* Connect.server(where)
      const clean = (yield* Workspaces.worktrees(where)).filter(losesNothing)
      const found = yield* Effect.filter(clean, ({ threadId }) =>
        Effect.matchEffect(millrace.thread(threadId), {
          onFailure: (error) => (error._tag === "NotFound" ? Effect.succeed(true) : Effect.fail(fromError(error))),
          onSuccess: () => Effect.succeed(false)
        })
      )
      if (!dryRun)
        for (const { threadId } of found)
          yield* Client.command("workspace.remove", { threadId }).pipe(
            Effect.flatMap(millrace.dispatch),
            Effect.mapError(fromError)
          )
      if (options.json) return yield* Output.json(found)
      yield* table(found)
      yield* output.note(`${dryRun ? "Would remove" : "Removed"} ${plural(found.length, "worktree")}.`)
    })
).pipe(Command.withDescription("Remove the worktrees of deleted threads with which nothing is lost."))

const remove = Command.make(
  "remove",
  {
    ...Flags.ofThread,
    force: Options.boolean("force").pipe(Options.withDescription("Also if changes are lost with it."))
  },
  ({ force, ...where }) =>
    dispatch(where, Client.command("workspace.remove", { threadId: where.thread, ...(force ? { force } : {}) }), () => "Removed.")
).pipe(Command.withDescription("Remove the worktree of a thread, also of a deleted one. The thread stays."))

export const command = Command.make("worktrees", common, (options) => list.handler(options)).pipe(
  Command.withDescription("List the worktrees of threads; remove those that are not needed."),
  Command.withSubcommands([list, prune, remove])
)
