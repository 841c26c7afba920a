/** A setup command that writes much, cannot be started, or does not end, with a shell in memory and virtual time. */
import { assert, it } from "@effect/vitest"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemContent } from "@millrace/contracts/Item"
import { Effect, Fiber, Stream, TestClock } from "effect"
import type { Fact } from "../decide/Fact.ts"
import type { ShellOutput } from "./NewWorktrees.ts"
import * as Setup from "./Setup.ts"

const turnId = "trn_1" as TurnId
const shell = { threadId: "thr_1" as ThreadId, epoch: 2, cwd: "/work", command: "make", env: {}, secrets: [] }
const text = (part: string): ShellOutput => ({ _tag: "Text", text: part })

/** Runs the command with this output. */
const run = (outputs: Stream.Stream<ShellOutput, string>) =>
  Effect.gen(function* () {
    const facts: Array<Fact> = []
    const engine = { ingest: ({ fact }: { readonly fact: Fact }) => Effect.sync(() => void facts.push(fact)) }
    const running = Setup.run(engine, { run: () => outputs }, shell, { turnId, within: "10 minutes", ingestion: {} })
    const fiber = yield* Effect.fork(Effect.either(running))
    yield* TestClock.adjust("11 minutes")
    const result = yield* Fiber.join(fiber)
    const events = facts.flatMap((fact) => (fact._tag === "AgentEvents" ? fact.events : []))
    const last = events.at(-1)
    assert.strictEqual(last?._tag, "ItemCompleted")
    const { content, status } = last as { readonly content: ItemContent; readonly status: string }
    return { content, status, events, message: result._tag === "Left" ? result.left.message : undefined }
  })

it.effect("R7 W10 the log keeps the beginning of a long output, and the failure has its end", () =>
  Effect.gen(function* () {
    const line = `${"x".repeat(9_999)}\n`
    const outputs = Stream.concat(
      Stream.map(Stream.range(1, 150), () => text(line)),
      Stream.make<Array<ShellOutput>>(text(`${"\u{1f680}".repeat(1000)}the end!\n`), { _tag: "Ended", code: 2, signal: null })
    )
    const { content, events, message, status } = yield* run(outputs)
    assert.deepStrictEqual([status, content.exitCode, content.omittedBytes], ["failed", 2, 504_009])
    const deltas = events.reduce((sum, event) => sum + (event._tag === "ItemDelta" ? event.text.length : 0), 0)
    assert.strictEqual(deltas, 1_000_000)
    assert.include(message, "exit code 2")
    assert.isTrue(message?.endsWith("\u{1f680}the end!"))
    assert.isTrue(message?.isWellFormed(), "the end of the output begins with a whole character")
    assert.isBelow(message?.length ?? 0, 2500)
  })
)

it.effect("W10 a command that cannot be started, is killed, or does not end in 10 minutes fails with the reason", () =>
  Effect.gen(function* () {
    const killed = yield* run(Stream.make<[ShellOutput]>({ _tag: "Ended", code: null, signal: "SIGKILL" }))
    assert.deepStrictEqual([killed.status, killed.content.exitCode], ["failed", undefined])
    assert.include(killed.message, "was ended by SIGKILL")
    const missing = yield* run(Stream.fail("the directory /work does not exist"))
    assert.include(missing.message, "could not be started: the directory /work does not exist")
    let closed = false
    const endless = Stream.ensuring(
      Stream.concat(Stream.make(text("slow")), Stream.never),
      Effect.sync(() => (closed = true))
    )
    const late = yield* run(endless)
    assert.deepStrictEqual([late.status, late.content.output, late.content.durationMillis], ["failed", "slow", 600_000])
    assert.include(late.message, "did not end within 10m")
    assert.isTrue(closed)
    const done = yield* run(Stream.make<[ShellOutput]>({ _tag: "Ended", code: 0, signal: null }))
    assert.deepStrictEqual([done.status, done.message], ["completed", undefined])
  })
)
