/** `millrace goal set|pause|resume|clear|show THREAD`: the objective that a thread pursues by itself. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect } from "effect"
import * as Client from "@millrace/client/Client"
import type { BodyOf } from "@millrace/contracts/Command"
import type { Goal } from "@millrace/contracts/State"
import { span } from "../terminal/Amounts.ts"
import * as Connect from "../client/Connect.ts"
import { failed, fromError } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import { dispatch } from "./Dispatch.ts"
import * as Text from "../terminal/Style.ts"

const limit = (name: string, description: string, max: number) =>
  Flags.integer(name, { min: 1, max }).pipe(Options.withDescription(description), Options.optional)

const rows = ({ budget, nextAt, objective, reason, status, until, used }: Goal): ReadonlyArray<ReadonlyArray<string>> => [
  ["goal", Text.line(objective, 400)],
  ["status", `${status}${reason === undefined ? "" : `: ${Text.line(reason, 300)}`}`],
  ["turns", `${used.turns} of ${budget.turns}`],
  ["tokens", `${used.tokens}${budget.tokens === undefined ? "" : ` of ${budget.tokens}`}`],
  [
    "time",
    until === undefined
      ? `${span(used.millis / 1000)}${budget.minutes === undefined ? "" : ` of ${budget.minutes}m`}`
      : `until ${until}`
  ],
  ...(nextAt === undefined ? [] : [["next turn", nextAt]])
]

const show = ({ data, json, thread, url }: Flags.OfThread) =>
  Effect.scoped(
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { millrace } = yield* Connect.serverOrEmbedded({ dataDir: data, url: Flags.orUndefined(url) })
      const { goal } = yield* Effect.mapError(millrace.thread(thread), fromError)
      if (json) return yield* Output.json(goal ?? null)
      if (goal === undefined) return yield* failed(`This thread has no goal. Set one: millrace goal set ${thread} OBJECTIVE`)
      yield* output.out(Output.table(rows(goal), output.width))
    })
  )

const send = <T extends "goal.set" | "goal.pause" | "goal.resume" | "goal.clear">(
  where: Flags.OfThread,
  type: T,
  done: string,
  body: BodyOf<T>
) => dispatch<never>(where, Client.command(type, body), () => done)

const set = Command.make(
  "set",
  {
    ...Flags.ofThread,
    objective: Flags.argument("OBJECTIVE").pipe(Args.withDescription("What must be true when the goal is met.")),
    turns: limit("turns", "Maximum number of turns. Default 25.", 1000),
    tokens: limit("tokens", "Maximum number of tokens, as the agent counts them.", 1_000_000_000),
    minutes: limit("minutes", "Maximum time, in minutes.", 525_600),
    pauseOnMessage: Options.boolean("pause-on-message").pipe(
      Options.withDescription("Pause the goal when a person sends a message to the thread.")
    )
  },
  ({ minutes, objective, pauseOnMessage, tokens, turns, ...where }) => {
    const budget = Object.fromEntries(
      Object.entries({ turns, tokens, minutes }).flatMap(([name, given]) => {
        const value = Flags.orUndefined(given)
        return value === undefined ? [] : [[name, value]]
      })
    )
    return send(where, "goal.set", "Goal set. Its first turn starts as soon as the thread is idle.", {
      threadId: where.thread,
      objective,
      budget,
      ...(pauseOnMessage ? { pauseOnUserMessage: true } : {})
    })
  }
).pipe(
  Command.withDescription(
    "Set the thread's goal, in place of an earlier one. The thread starts turns by itself until the goal is met."
  )
)

const pause = Command.make("pause", Flags.ofThread, (where) =>
  send(where, "goal.pause", "Goal paused. A running turn continues to its end.", { threadId: where.thread })
).pipe(Command.withDescription("Pause the goal: start no further turn."))
const resume = Command.make("resume", Flags.ofThread, (where) =>
  send(where, "goal.resume", "Goal resumed.", { threadId: where.thread })
).pipe(Command.withDescription("Resume a paused goal."))
const clear = Command.make("clear", Flags.ofThread, (where) =>
  send(where, "goal.clear", "Goal removed.", { threadId: where.thread })
).pipe(Command.withDescription("Remove the goal."))

export const command = Command.make("goal").pipe(
  Command.withDescription(
    "A durable objective of a thread, with a budget: the thread starts turns by itself until the goal is met."
  ),
  Command.withSubcommands([
    set,
    pause,
    resume,
    clear,
    Command.make("show", Flags.ofThread, show).pipe(
      Command.withDescription("Show the goal's status and how much of its budget is used.")
    )
  ])
)
