/** `millrace turns` and `millrace rewind`: the turns of a thread, and its files as they were before one of them. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Client from "@millrace/client/Client"
import { defined } from "@millrace/contracts/Defined"
import type { RewindPreview } from "@millrace/contracts/Workspace"
import { Effect } from "effect"
import * as Connect from "../client/Connect.ts"
import * as Workspaces from "../client/Workspaces.ts"
import { fromError, interrupted, needsPerson, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import { plural } from "../terminal/Amounts.ts"
import * as Style from "../terminal/Style.ts"
import * as TerminalQuestion from "../terminal/TerminalQuestion.ts"

export const turns = Command.make(
  "turns",
  {
    ...Flags.ofThread,
    limit: Flags.integer("limit", { min: 1, max: 500 }).pipe(
      Options.withDescription("Maximum number of turns, newest first. Default 50."),
      Options.withDefault(50)
    )
  },
  ({ data, json, limit, thread, url }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { millrace } = yield* Connect.server({ dataDir: data, url: Flags.orUndefined(url) })
      const page = yield* Effect.mapError(millrace.turns(thread, { limit }), fromError)
      if (json) return yield* Output.json(page)
      yield* output.out(
        Output.table(
          page.items.map(({ requestedAt, startedAt, status, text, turnId }) => [
            turnId,
            status,
            output.outStyle.dim((startedAt ?? requestedAt).slice(0, 16).replace("T", " ")),
            Style.line(text, 200)
          ]),
          output.width
        )
      )
      if (page.items.length === 0) yield* output.note("No turns.")
      if (page.before !== undefined) yield* output.note(`The thread has older turns. To list more: --limit N, at most 500.`)
    })
).pipe(Command.withDescription("List the turns of a thread, newest first: id, status, start, prompt."))

export const show = ({ files, late, left = [] }: RewindPreview) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const changes = files.map(({ change, changedSince, path }) => [
      change,
      Style.line(path, 400),
      changedSince ? output.outStyle.yellow("changed since, not only by the turns") : ""
    ])
    const stays = left.map(({ path, reason }) => ["stays", Style.line(path, 400), reason])
    yield* output.out(Output.table(changes.concat(stays), output.width))
    if (late === true) yield* output.note("A checkpoint was taken while an agent worked: some of its changes may stay.")
  })

/** Succeeds if the person agrees. */
export const confirmed = (question: string, what: string) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    if (!output.canAsk) return yield* needsPerson(`Nothing was changed. To ${what} without a question: --yes`)
    const typed = yield* Effect.orElseSucceed(TerminalQuestion.question(`${question} [y] yes  [n] no: `), () => "n")
    if (!/^y(es)?$/i.test(typed)) return yield* interrupted("Nothing was changed.")
  })

export const rewind = Command.make(
  "rewind",
  {
    ...Flags.ofThread,
    turn: Flags.turnOf("The first turn that is taken back.").pipe(Args.optional),
    checkpoint: Flags.text("checkpoint", "ID", "Take back an earlier rewind, which printed this id."),
    conversation: Options.boolean("conversation").pipe(
      Options.withDescription("Also fork the thread before the turn. The thread keeps its conversation.")
    ),
    dryRun: Options.boolean("dry-run").pipe(Options.withDescription("Only list what would change.")),
    yes: Options.boolean("yes").pipe(Options.withAlias("y"), Options.withDescription("Do not ask."))
  },
  ({ checkpoint, conversation, data, dryRun, json, thread, turn, url, yes }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const where = { dataDir: data, url: Flags.orUndefined(url) }
      const [turnId, back] = [Flags.orUndefined(turn), Flags.orUndefined(checkpoint)]
      const goal =
        turnId === undefined ? (back === undefined ? undefined : { checkpoint: back }) : { turnId, files: true, conversation }
      if (goal === undefined || (turnId !== undefined && back !== undefined) || (back !== undefined && conversation))
        return yield* usage("Name the TURN to go back to, or only --checkpoint ID. See: millrace turns THREAD")
      const preview = yield* Workspaces.previewRewind(where, thread, goal)
      const isNothing = preview.files.length === 0 && !conversation
      if (json && (dryRun || isNothing)) return yield* Output.json(preview)
      if (!json) yield* show(preview)
      if (dryRun) return yield* output.note(`${plural(preview.files.length, "file")} would change.`)
      if (isNothing) return yield* output.note("No file would change.")
      if (!yes) yield* confirmed(`Change ${plural(preview.files.length, "file")}?`, "rewind")
      const { millrace } = yield* Connect.server(where)
      const accepted = yield* Client.command("thread.rewind", {
        threadId: thread,
        expected: preview.expected,
        ...defined({ turnId, checkpoint: back }),
        ...(turnId === undefined ? {} : { files: true, conversation })
      }).pipe(Effect.flatMap(millrace.dispatch), Effect.mapError(fromError))
      if (json) return yield* Output.json(accepted)
      yield* output.note(`Changed ${plural(preview.files.length, "file")}.`)
      if (conversation) yield* output.note(`The conversation before the turn: ${accepted.threadId ?? ""}`)
      if (accepted.checkpoint !== undefined)
        yield* output.note(`To take this back: millrace rewind ${thread} --checkpoint ${accepted.checkpoint}`)
    })
).pipe(Command.withDescription("Take the files of a thread back to the state before a turn. Lists the changes and asks first."))
