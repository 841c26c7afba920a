/**
 * A server that is killed at one step of a start: `crash.ts STEP LEDGER CWD`.
 * Steps: before-record, after-record (the gate is still closed), running (an agent that ignores everything), command (it runs a command);
 * exit, exit-command: as running and as command, but the server calls `process.exit`, which closes no scope.
 */
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Effect, Layer, Stream } from "effect"
import * as Demo from "../../src/demo/Demo.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import * as RpcChild from "../../src/process/RpcChild.ts"

const [step = "", directory = "", cwd = ""] = process.argv.slice(2)
// The test finds the agent's processes by it. Set here, so that the compiler's process, which the loader has started, does not have it.
process.env["TMPDIR"] = cwd
const killed = Effect.sync(() => (step.startsWith("exit") ? process.exit(0) : void process.kill(process.pid, "SIGKILL"))).pipe(
  Effect.zipRight(Effect.never)
)

const dying = Layer.effect(
  Ledger.Ledger,
  Effect.map(Ledger.Ledger, (ledger) => ({
    ...ledger,
    record: (entry: Ledger.Entry) =>
      step === "before-record" ? killed : Effect.zipRight(ledger.record(entry), step === "after-record" ? killed : Effect.void)
  }))
).pipe(Layer.provide(Ledger.layer(directory)))

/** Would run for a minute even with closed pipes: only the gate prevents it. */
const deaf = RpcChild.open({
  provider: "deaf",
  command: "sleep",
  args: ["60"],
  cwd,
  threadId: "thr_1",
  epoch: 1,
  install: "It is part of every system."
})

const program = Effect.gen(function* () {
  if (step === "before-record" || step === "after-record") return yield* deaf
  const adapter = yield* Demo.make()
  const session = yield* adapter.open({ threadId: ThreadId.make("thr_1"), epoch: 1, cwd })
  const text = step.endsWith("command") ? "[[run sh -c 'setsid sleep 60 & echo up; sleep 60']]" : "[[say up]] [[hang]]"
  yield* session.startTurn({ turnId: TurnId.make("trn_1"), text })
  yield* session.events.pipe(
    Stream.tap((event) =>
      event._tag === "RequestOpened" ? session.answer(event.requestId, { decision: "accept" }) : Effect.void
    ),
    Stream.takeUntil((event) => event._tag === "ItemDelta"),
    Stream.runDrain
  )
  return yield* killed
})

Effect.runFork(program.pipe(Effect.scoped, Effect.provide(dying)))
