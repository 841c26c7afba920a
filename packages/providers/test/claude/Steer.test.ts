/** Further messages of a running turn: they join it, or Claude answers them in a separate turn that is part of ours. Shapes as recorded with 2.1.197 and 2.1.332. */
import { assert, describe, it } from "@effect/vitest"
import { ProviderError } from "@millrace/contracts/ProviderAdapter"
import { Effect, Either, Stream } from "effect"
import type { NativeEvent } from "../../src/NativeEvent.ts"
import * as Mapping from "../../src/claude/Mapping.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import * as RpcChild from "../../src/process/RpcChild.ts"
import * as Steering from "../../src/claude/Steering.ts"

const init = { type: "system", subtype: "init" }
const echo = (uuid: string) => ({ type: "user", isReplay: true, uuid, message: { content: [{ type: "text", text: "steer" }] } })
const lifecycle = (uuid: string, state: string) => ({ type: "command_lifecycle", command_uuid: uuid, state })
let n = 0
const text = (words: string) => ({ type: "assistant", uuid: `u${++n}`, message: { id: `m${n}`, content: words } })
const result = (more: object = {}) => ({ type: "result", subtype: "success", is_error: false, uuid: `r${++n}`, ...more })
const usage = (input: number) => ({ num_turns: 1, result: "x", usage: { input_tokens: input, output_tokens: 1 } })

/** A mapping whose turn "t" runs, and the short form of what a message causes. */
const running = () => {
  const mapping = Mapping.make()
  mapping.expect("t", "first")
  const line = (event: NativeEvent) =>
    event._tag === "ItemCompleted"
      ? `${event.nativeTurnId} says ${event.content.text ?? ""}`
      : event._tag === "TurnEnded"
        ? `${event.nativeTurnId} ${event.outcome} ${event.usage?.inputTokens ?? ""}`.trim()
        : event._tag
  const take = (...messages: ReadonlyArray<{ readonly type: string }>) =>
    messages.flatMap((message) => mapping.notification(message.type, message)).map(line)
  take(init, echo("first"))
  return { mapping, take, line }
}

describe("claude steer", () => {
  it("T12 a message that joins the turn leaves its end as it is", () => {
    const { mapping, take } = running()
    assert.isTrue(mapping.steer("t", "more"))
    assert.deepStrictEqual(mapping.steersOf("t"), ["more"])
    assert.deepStrictEqual(take(echo("more")), [])
    assert.deepStrictEqual(mapping.steersOf("t"), [])
    assert.deepStrictEqual(take(text("done"), result(usage(5))), ["t says done", "t completed 5"])
    assert.isFalse(mapping.steer("t", "late"))
  })

  it("T12 messages that Claude answers after its turn are answered in ours, which has the usage of all parts", () => {
    for (const named of [false, true]) {
      const { mapping, take } = running()
      mapping.steer("t", "two")
      mapping.steer("t", "three")
      assert.deepStrictEqual(take(text("one"), result(usage(5))), ["t says one"])
      assert.deepStrictEqual(mapping.steersOf("t"), ["two", "three"])
      const begin = (uuid: string) => take(...(named ? [lifecycle(uuid, "started"), init] : [init, echo(uuid)]))
      begin("two")
      assert.deepStrictEqual(take(text("two"), result(usage(7))), ["t says two"])
      begin("three")
      assert.deepStrictEqual(take(text("three"), result(usage(11))), ["t says three", "t completed 23"], String(named))
    }
  })

  it("T12 messages that Claude takes together, in any order, are one part", () => {
    const { mapping, take } = running()
    mapping.steer("t", "two")
    mapping.steer("t", "three")
    take(text("one"), result(usage(5)), lifecycle("three", "started"), lifecycle("two", "started"), init)
    assert.deepStrictEqual(take(text("both"), result(usage(7))), ["t says both", "t completed 12"])
  })

  it("T16 a turn that Claude begins by itself before it takes the message is not part of ours", () => {
    const { mapping, take } = running()
    mapping.steer("t", "two")
    take({ type: "system", subtype: "task_notification" } as { readonly type: string }, text("one"), result(usage(5)))
    const own = take(init, text("news"), result({ ...usage(3), origin: { kind: "task-notification" } }))
    assert.deepStrictEqual(own, ["TurnStarted", "own 1 says news", "own 1 completed 3"])
    assert.deepStrictEqual(take(init, echo("two"), text("two"), result(usage(7))), [
      "TurnStarted",
      "t says two",
      "t completed 12"
    ])
  })

  it("T7 after an interrupt a message that was not taken is withdrawn, and the turn ends as interrupted", () => {
    const held = running()
    held.mapping.steer("t", "two")
    held.take(text("one"), result(usage(5)))
    held.mapping.interrupting("t")
    assert.isFalse(held.mapping.steer("t", "three"))
    assert.deepStrictEqual(held.mapping.withdrawn("two").map(held.line), ["t interrupted 5"])
    // The newer version reports the withdrawal, too.
    assert.deepStrictEqual(held.take(lifecycle("two", "cancelled")), [])

    const open = running()
    open.mapping.steer("t", "two")
    open.mapping.interrupting("t")
    assert.deepStrictEqual(open.take(lifecycle("two", "cancelled")), [])
    assert.deepStrictEqual(open.mapping.withdrawn("two"), [])
    const aborted = { subtype: "error_during_execution", is_error: true, terminal_reason: "aborted_streaming" }
    assert.deepStrictEqual(open.take(result(aborted)), ["t interrupted"])
  })

  it("T12 an interrupted turn does not wait for a message that could not be withdrawn", () => {
    const { mapping, take } = running()
    mapping.steer("t", "two")
    mapping.interrupting("t")
    assert.deepStrictEqual(take(result({ subtype: "error_during_execution", is_error: true })), ["t interrupted"])
  })

  it("T12 a held turn ends when Claude drops its message; R7 at most 64 messages wait", () => {
    const { mapping, take } = running()
    for (let i = 0; i < 64; i++) assert.isTrue(mapping.steer("t", `s${i}`))
    assert.isFalse(mapping.steer("t", "one more"))
    take(text("one"), result(usage(5)))
    for (let i = 0; i < 63; i++) assert.deepStrictEqual(take(lifecycle(`s${i}`, "discarded")), [])
    assert.deepStrictEqual(take(lifecycle("s63", "discarded")), ["t completed 5"])
  })
})

it.effect(
  "T12 a steer of an unknown outcome is what Claude says: taken, or dropped and then refused; without an answer it stays unknown",
  () =>
    Effect.gen(function* () {
      const error = (outcome: "failed" | "unknown") =>
        new ProviderError({ provider: "claude", operation: "user", outcome, failure: { kind: "transport", message: "late" } })
      const send = (said: "failed" | "unknown", cancel: Effect.Effect<boolean, ProviderError>) =>
        Effect.gen(function* () {
          let forgotten = 0
          const forget = Effect.sync(() => void forgotten++)
          const sent = yield* Effect.either(Steering.send({ say: Effect.fail(error(said)), cancel, forget }))
          return [Either.isRight(sent) ? "sent" : sent.left.outcome, forgotten]
        })
      assert.deepStrictEqual(
        [
          yield* send("unknown", Effect.succeed(false)),
          yield* send("unknown", Effect.succeed(true)),
          yield* send("unknown", Effect.fail(error("unknown"))),
          yield* send("failed", Effect.die("not asked"))
        ],
        [
          ["sent", 0],
          ["failed", 1],
          ["unknown", 0],
          ["failed", 1]
        ]
      )
    })
)

/** An agent that reads its input only after SIGUSR2: it then drops the message, and says so. */
const stalled = `
let rest = "", dropped = 0
process.on("SIGUSR2", () => process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\\n")
  rest = lines.pop()
  for (const { id, method } of lines.map((line) => JSON.parse(line))) {
    if (method === "user") dropped++
    if (method === "cancel") console.log(JSON.stringify({ jsonrpc: "2.0", id, result: dropped }))
  }
}))
setInterval(() => undefined, 1 << 30)
console.log(JSON.stringify({ jsonrpc: "2.0", method: "ready" }))
`

it.scopedLive(
  "T12 a steer into a stalled pipe is unknown while the agent does not read, and refused when the agent drops it after all",
  () =>
    Effect.gen(function* () {
      const child = yield* RpcChild.open({
        provider: "claude",
        command: process.execPath,
        args: ["-e", stalled],
        cwd: process.cwd(),
        threadId: "thr_1",
        epoch: 1,
        install: "It is Node.",
        deadlineMillis: 300,
        stopMillis: { stdin: 100, term: 1000 }
      })
      yield* Stream.runHead(child.incoming)
      let forgotten = 0
      const steer = (deadlineMillis: number, before: () => void) =>
        Effect.either(
          Steering.send({
            // More than the pipe and the buffers before it hold.
            say: child.notify("user", { text: "x".repeat(4 * 1024 * 1024) }),
            cancel: Effect.zipRight(
              Effect.sync(before),
              Effect.map(child.request("cancel", {}, { deadlineMillis }), (dropped) => Number(dropped) > 0)
            ),
            forget: Effect.sync(() => void forgotten++)
          })
        )
      const unread = yield* steer(300, () => {})
      assert.strictEqual(Either.isLeft(unread) ? unread.left.outcome : "sent", "unknown")
      assert.strictEqual(forgotten, 0)
      const read = yield* steer(60_000, () => process.kill(child.pid, "SIGUSR2"))
      assert.strictEqual(Either.isLeft(read) ? read.left.outcome : "sent", "failed")
      assert.strictEqual(forgotten, 1)
    }).pipe(Effect.provide(Ledger.layerMemory))
)
