/** Labels and metadata of a thread appear as given in every view, and survive an export, a fork and a fresh replay of the log. */
import { expect, it } from "@effect/vitest"
import { CommandBody } from "@millrace/contracts/Command"
import type { ThreadId } from "@millrace/contracts/Ids"
import * as Verify from "@millrace/orchestration/readmodel/Verify"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as TestHost from "@millrace/testing/TestHost"
import { Chunk, Effect, Either, Schema, Stream } from "effect"
import * as Host from "./Host.ts"

const labels = ["nightly", "Größe 🌊"]
const metadata = { ticket: "MILL-7", "": "an empty key" }

it.effect("L11 labels and metadata are in the event, every view and an import; a new value replaces the whole", () =>
  Effect.gen(function* () {
    const host = yield* Host.Host
    const accepted = yield* host.dispatch(
      command("thread.create", { provider: "scripted", cwd: "/work", labels, metadata, turn: { text: "hello" } })
    )
    const threadId = accepted.threadId as ThreadId
    const events = yield* TestHost.until(host, "turn.completed")
    expect(events.find(({ type }) => type === "thread.created")?.data).toMatchObject({ labels, metadata })
    expect(yield* host.thread(threadId)).toMatchObject({ labels, metadata })
    expect((yield* host.state).threads).toMatchObject([{ labels, metadata }])
    expect((yield* host.threads({})).items).toMatchObject([{ labels, metadata }])

    const document = yield* Effect.flatMap(host.exportThread(threadId, "json"), Stream.runCollect)
    const source = Stream.succeed(Buffer.from(Chunk.join(document, "")) as Uint8Array)
    const { threadId: imported } = yield* host.importThread({ source })
    expect(yield* host.thread(imported)).toMatchObject({ labels, metadata })

    const fork = yield* host.dispatch(command("thread.fork", { threadId }))
    expect(yield* host.thread(fork.threadId as ThreadId)).toMatchObject({ labels, metadata })

    // Equal values emit no event; a field that is not given stays unchanged; an empty list counts as given.
    const before = (yield* host.state).offset
    yield* host.dispatch(command("thread.configure", { threadId, labels, metadata }))
    expect((yield* host.state).offset).toBe(before)
    yield* host.dispatch(command("thread.configure", { threadId, labels: [] }))
    expect(yield* host.thread(threadId)).toMatchObject({ labels: [], metadata })
    yield* host.dispatch(command("thread.configure", { threadId, metadata: { other: "1" } }))
    expect((yield* host.thread(threadId)).metadata).toEqual({ other: "1" })
    expect((yield* Verify.run).problems).toEqual([])
  }).pipe(
    Effect.scoped,
    Effect.provide(TestHost.layer({ providers: [ScriptedProvider.make({ capabilities: ["fork", "resume"] })] }))
  )
)

it("X5 labels and metadata are bounded", () => {
  const decode = Schema.decodeUnknownEither(CommandBody["thread.create"])
  const ok = (fields: object) => Either.isRight(decode({ provider: "demo", ...fields }))
  const many = <A>(count: number, one: (n: number) => A) => Array.from({ length: count }, (_, n) => one(n))
  expect(ok({ labels: many(16, () => "x".repeat(64)) })).toBe(true)
  expect(ok({ labels: many(17, String) })).toBe(false)
  expect(ok({ labels: ["x".repeat(65)] })).toBe(false)
  expect(ok({ labels: [""] })).toBe(false)
  expect(ok({ labels: "nightly" })).toBe(false)
  expect(ok({ metadata: Object.fromEntries(many(16, (n) => [`k${n}`, "v"])) })).toBe(true)
  expect(ok({ metadata: Object.fromEntries(many(17, (n) => [`k${n}`, "v"])) })).toBe(false)
  expect(ok({ metadata: { k: "x".repeat(4095) } })).toBe(true)
  expect(ok({ metadata: { k: "x".repeat(4096) } })).toBe(false)
  expect(ok({ metadata: { k: "é".repeat(2048) } })).toBe(false)
  expect(ok({ metadata: { k: 1 } })).toBe(false)
})
