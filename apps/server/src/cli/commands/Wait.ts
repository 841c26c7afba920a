/** `millrace wait TURN|THREAD`: returns when the turn has ended, with the exit code of `run`. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { Effect, Option, Schema, Stream } from "effect"
import { format } from "@millrace/contracts/Cursor"
import { isTerminal } from "@millrace/contracts/Event"
import { ThreadId, threadStream, TurnId } from "@millrace/contracts/Ids"
import * as Connect from "../client/Connect.ts"
import * as FollowTurn from "../client/FollowTurn.ts"
import { failed, fromError, needsPerson, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"

const isThread = Schema.is(ThreadId)
const isTurn = Schema.is(TurnId)

interface Target {
  readonly threadId: ThreadId
  readonly turnId: TurnId
}

/** If the argument is a turn, returns that turn. If it is a thread, returns the thread's newest turn. */
const targetOf = (given: string, where: Connect.Where, { millrace }: Connect.Connected) =>
  Effect.gen(function* () {
    if (isTurn(given)) return yield* Connect.turn(where, given)
    if (!isThread(given))
      return yield* usage(`Expected the id of a turn or a thread, like trn_01HXYZ or thr_01HXYZ, got ${JSON.stringify(given)}`)
    const { items } = yield* Effect.mapError(millrace.turns(given, { limit: 1 }), fromError)
    return items[0] ?? (yield* failed("This thread has no turn yet."))
  })

/** Waits for the next event that can change what the command reports: the turn ended, or it opened a request. Returns the event's cursor, or `after` if the thread was deleted. */
const changed = ({ millrace }: Connect.Connected, { threadId, turnId }: Target, after: string) =>
  millrace.follow({ stream: threadStream(threadId), after }).pipe(
    Stream.filter((frame) => {
      if (frame._tag === "end") return true
      if (frame._tag !== "event" || !(isTerminal(frame.event.type) || frame.event.type === "request.opened")) return false
      const { data } = frame.event
      return typeof data === "object" && data !== null && "turnId" in data && data.turnId === turnId
    }),
    Stream.runHead,
    Effect.map(Option.match({ onNone: () => after, onSome: (frame) => (frame._tag === "event" ? frame.cursor : after) })),
    Effect.mapError(fromError)
  )

const wait = (given: string, where: Connect.Where, json: boolean) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const connected = yield* Connect.server(where)
    const target = yield* targetOf(given, where, connected)
    const { logEpoch, offset } = yield* Effect.mapError(connected.millrace.state, fromError)
    // The command takes the cursor before it reads the turn. So every change that the read misses comes as an event after the cursor.
    const read = Connect.turn(where, target.turnId)
    let cursor = format(logEpoch, offset)
    let turn = yield* read
    while (FollowTurn.exitOf(turn) === undefined && turn.status !== "waiting") {
      yield* output.progress(turn.status)
      cursor = yield* changed(connected, target, cursor)
      turn = yield* read
    }
    yield* output.progress(undefined)
    if (json) yield* Output.json(turn)
    const { continuation } = yield* Effect.mapError(connected.millrace.thread(turn.threadId), fromError)
    // Since the turn failed, the request to sign in may have been answered or replaced.
    const signInIsOpen = continuation?.because === "sign-in" && continuation.turnId === turn.turnId
    yield* FollowTurn.exitOf(turn, signInIsOpen) ?? needsPerson("The turn waits for an answer. See: millrace requests")
  })

export const command = Command.make(
  "wait",
  {
    target: Flags.argument("TURN|THREAD").pipe(
      Args.withDescription(
        "The id of a turn or of a thread. For a thread, the command waits for its last turn. See: millrace threads"
      )
    ),
    json: Flags.json,
    data: Flags.data,
    url: Flags.url
  },
  ({ data, json, target, url }) => wait(target, { dataDir: data, url: Flags.orUndefined(url) }, json)
).pipe(
  Command.withDescription("Wait for the end of a turn. Exit: 0 completed, 1 failed, 2 usage, 3 interrupted, 4 needs a person.")
)
