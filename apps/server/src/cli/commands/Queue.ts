/** `millrace queue list|cancel|move THREAD`: the turns that wait in a thread. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import * as Client from "@millrace/client/Client"
import * as Connect from "../client/Connect.ts"
import { fromError } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Style from "../terminal/Style.ts"
import { dispatch } from "./Dispatch.ts"

const list = Command.make("list", Flags.ofThread, ({ data, json, thread, url }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const { millrace } = yield* Connect.server({ dataDir: data, url: Flags.orUndefined(url) })
    const { queuedTurnIds } = yield* Effect.mapError(millrace.thread(thread), fromError)
    const { items } = yield* Effect.mapError(millrace.turns(thread, { limit: 500 }), fromError)
    const texts = new Map(items.map(({ text, turnId }) => [turnId, text]))
    const queued = queuedTurnIds.map((turnId) => ({ turnId, text: texts.get(turnId) ?? "" }))
    if (json) return yield* Output.json(queued)
    yield* output.out(
      Output.table(
        queued.map(({ text, turnId }, n) => [String(n + 1), turnId, Style.line(text, 200)]),
        output.width
      )
    )
    if (queued.length === 0) yield* output.note("The queue is empty.")
  })
).pipe(Command.withDescription("List the turns that wait, the next one first."))

const cancel = Command.make("cancel", { ...Flags.ofThread, turn: Flags.turn }, ({ turn, ...where }) =>
  dispatch(
    where,
    Client.command("turn.remove", { threadId: where.thread, turnId: turn }),
    () => `Removed from the queue: ${turn}`
  )
).pipe(Command.withDescription("Remove a turn that waits."))

const move = Command.make("move", { ...Flags.ofThread, turns: Flags.turn.pipe(Args.atLeast(1)) }, ({ turns, ...where }) =>
  dispatch(where, Client.command("turn.reorder", { threadId: where.thread, turnIds: turns }), () => "Moved to the front.")
).pipe(Command.withDescription("Move turns that wait to the front, in this order."))

export const command = Command.make("queue").pipe(
  Command.withDescription("The turns that wait in a thread."),
  Command.withSubcommands([list, cancel, move])
)
