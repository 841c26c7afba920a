import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import { EventLog } from "@millrace/log/EventLog"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { memoryLog } from "@millrace/testing/TestHost"
import { Clock, Context, Effect, Layer, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import { createHost, type CreateOptions, type PromiseHost } from "./createHost.ts"
import * as Host from "./Host.ts"

const memory = (options: Partial<CreateOptions> = {}) =>
  createHost({ adapters: [ScriptedProvider.make().adapter], directories: ["/work"], ...options } as CreateOptions)
const ofScripted = { provider: "scripted", cwd: "/work" }
const thread = command("thread.create", { ...ofScripted, turn: { text: "hello" } })
const lossless = { delivery: "lossless", capacity: 1 } as const

const all = async <A>(parts: AsyncIterable<A>) => {
  const list: Array<A> = []
  for await (const part of parts) list.push(part)
  return list
}
/** The document in parts of this length, readable once. */
const cut = async function* <A extends string | Buffer>(document: A, length: number) {
  for (let at = 0; at < document.length; at += length) yield document.slice(at, at + length) as A
}
const completed = async (host: PromiseHost) => {
  for await (const frame of host.follow()) if (frame._tag === "event" && frame.event.type === "turn.completed") return
}

const collect = (frames: AsyncIterable<SubscriptionFrame>) => all(frames)
const offsets = (frames: ReadonlyArray<SubscriptionFrame>) =>
  frames.flatMap((frame) => (frame._tag === "event" ? [frame.event.offset] : []))

describe("createHost", () => {
  it("D2 S3 S4 promises and loops: a turn, every event once, bye at the head, a report", async () => {
    const host = await memory()
    const reading = collect(host.subscribe(lossless))
    const { threadId } = await host.dispatch(thread)
    const report = await host.finishShutdown(await host.beginShutdown({ deadline: "5 seconds", mode: "drain" }))
    const frames = await reading
    expect(offsets(frames)).toEqual(Array.from({ length: report.head }, (_, at) => at + 1))
    expect(frames.at(-1)?._tag).toBe("bye")
    expect(report.consumers).toMatchObject([{ outcome: "drained", delivered: report.head }])
    expect((await host.items(threadId!, {})).items).toHaveLength(2)
    await expect(host.dispatch(thread)).rejects.toMatchObject({ _tag: "ShuttingDown" })
    await host.close()
    await host.close()
  })

  it("D3 D8 errors are typed; leaving a loop ends its subscription; two loops over one iterable are two subscriptions", async () => {
    await using host = await memory()
    await host.dispatch(thread)
    await expect(collect(host.follow({ after: "nonsense" }))).rejects.toMatchObject({ _tag: "CursorMalformed" })
    const iterable = host.subscribe(lossless)
    const first = async () => {
      for await (const frame of iterable) return frame
      return undefined
    }
    expect(await first()).toEqual(await first())
    const iterator = iterable[Symbol.asyncIterator]()
    const two = await Promise.all([iterator.next(), iterator.next()])
    expect(offsets(two.map(({ value }) => value as SubscriptionFrame))).toEqual([1, 2])
    await iterator.return?.()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(await host.shutdown()).toMatchObject({ consumers: [], drained: true })
  })

  it("D8 return while next waits ends both", async () => {
    await using host = await memory()
    const iterator = host.follow()[Symbol.asyncIterator]()
    await iterator.next()
    const waiting = iterator.next()
    await iterator.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
  })

  it("D6 a host that closes without a shutdown sends bye to waiting subscribers", async () => {
    const host = await memory()
    const reading = collect(host.follow())
    await host.dispatch(thread)
    await host.close()
    expect((await reading).at(-1)?._tag).toBe("bye")
  })

  it("C2 replaced parts: a store that outlives the host, agents, a clock", async () => {
    const log = await Effect.runPromise(memoryLog)
    const at = Date.UTC(2030, 0, 1)
    const clock: Clock.Clock = Object.assign(Object.create(Clock.make()), {
      currentTimeMillis: Effect.succeed(at),
      unsafeCurrentTimeMillis: () => at
    })
    const options = { store: Layer.succeed(EventLog, log), runtime: Layer.setClock(clock) }
    const first = await memory(options)
    const accepted = await first.dispatch(thread)
    expect((await first.thread(accepted.threadId!)).createdAt).toBe("2030-01-01T00:00:00.000Z")
    await first.close()
    const second = await memory(options)
    expect(await second.dispatch(thread)).toEqual({ ...accepted, replayed: true })
    await second.close()
  })

  it("has every method of the host", async () => {
    const methods = await Effect.runPromise(
      Layer.build(Host.layerMemory({ adapters: [] })).pipe(
        Effect.map((context) => Object.keys(Context.get(context, Host.Host))),
        Effect.scoped
      )
    )
    await using host = await memory()
    expect(methods.filter((name) => !Object.hasOwn(host, name))).toEqual([])
  })

  it("C2 D10 a thread goes out in parts and comes in from a text, from bytes, and from parts that can be read once", async () => {
    await using host = await memory()
    const { threadId = "" as ThreadId } = await host.dispatch(
      command("thread.create", { ...ofScripted, turn: { text: "grüße 🛶" } })
    )
    await completed(host)
    const parts = await all(host.exportThread(threadId, "ndjson"))
    const document = parts.join("")
    expect((await all(host.exportThread(threadId, "markdown"))).join("")).toContain("grüße 🛶")

    const first = await host.importThread({ source: document, actor: "tester" })
    expect(first).toMatchObject({ created: true, turns: 1, items: 2 })
    expect((await host.items(first.threadId, {})).items.map(({ text }) => text)).toEqual(
      (await host.items(threadId, {})).items.map(({ text }) => text)
    )
    const bytes = Buffer.from(document)
    const again = { created: false, threadId: first.threadId, turns: 1, items: 2, written: 0 }
    const sources = [
      bytes,
      parts,
      host.exportThread(threadId, "json"),
      cut(bytes, 7),
      // Halves of surrogate pairs.
      cut(document, 1),
      (async function* () {
        yield document.slice(0, 100)
        yield Buffer.from(document.slice(100))
      })()
    ]
    for (const source of sources) expect(await host.importThread({ source })).toMatchObject(again)

    await expect(host.importThread({ source: "{}" })).rejects.toMatchObject({ _tag: "ImportFailed", line: 1 })
    await expect(all(host.exportThread("thr_none" as ThreadId, "json"))).rejects.toMatchObject({ _tag: "NotFound" })
    const torn = new Error("the disk was removed")
    const breaking = (async function* () {
      yield document.slice(0, 50)
      throw torn
    })()
    await expect(host.importThread({ source: breaking })).rejects.toBe(torn)
    expect((await host.threads({})).items).toHaveLength(2)
  })

  it("C2 the conversations that an agent stored itself are listed, and imported once", async () => {
    const { adapter } = ScriptedProvider.make()
    const stored = { nativeThreadId: "n1", title: "elsewhere", cwd: "/work" }
    const history = {
      list: () => Effect.succeed([stored]),
      read: () =>
        Effect.succeed({
          thread: stored,
          turns: Stream.make({ nativeTurnId: "t1", status: "completed" as const, items: [] })
        })
    }
    await using host = await memory({ adapters: [{ ...adapter, history }] })
    expect(await host.nativeThreads("scripted", {})).toEqual([stored])
    const come = { provider: "scripted", nativeThreadId: "n1" }
    const { threadId } = await host.importNative(come)
    expect((await host.thread(threadId)).title).toBe("elsewhere")
    expect(await host.importNative(come)).toMatchObject({ threadId, created: false, written: 0 })
    await expect(host.nativeThreads("another", {})).rejects.toMatchObject({ _tag: "NotFound" })
  })

  it("S10 its numbers, whether it is ready, and the shutdown that another caller began", async () => {
    await using host = await memory()
    expect(await host.ready()).toEqual({ status: "ok" })
    await host.dispatch(thread)
    await completed(host)
    const stats = await host.stats()
    expect(stats).toMatchObject({ engine: { commands: 1 }, sessions: [{ provider: "scripted" }], requests: { open: 0 } })
    const begun = host.shutdownBegun()
    const token = await host.beginShutdown({ deadline: "5 seconds", mode: "drain", by: "a person" })
    expect(await begun).toEqual(token)
    expect(await host.ready()).toEqual({ status: "draining" })
    expect(await host.finishShutdown(await begun)).toMatchObject({ drained: true })
  })

  it("rejects when the host cannot be built, with the error itself", async () => {
    await expect(createHost({ dataDir: "/proc/nowhere" })).rejects.toMatchObject({ _tag: "DataDirectoryUnusable" })
  })

  it("D2 S2 the embedder's script of README.md runs unchanged, in less than 30 lines", () => {
    const root = join(import.meta.dirname, "..", "..", "..")
    const [, script = ""] = /## Embed it[\s\S]*?```js\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? []
    expect(script.split("\n").length).toBeLessThan(30)
    const dataDir = mkdtempSync(join(tmpdir(), "millrace-embed-"))
    // In no repository: the script's thread works in its directory, and has checkpoints.
    mkdirSync(join(dataDir, "node_modules/@millrace"), { recursive: true })
    symlinkSync(join(root, "packages/host"), join(dataDir, "node_modules/@millrace/host"))
    symlinkSync(join(root, "node_modules/tsx"), join(dataDir, "node_modules/tsx"))
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
      cwd: dataDir,
      encoding: "utf8",
      timeout: 60_000,
      env: { ...process.env, MILLRACE_DATA: dataDir }
    })
    rmSync(dataDir, { recursive: true })
    expect(stderr).toBe("")
    expect(stdout).toMatch(/^hello from the mill\n\d+ events, 1 session, everything committed: true\n$/)
    expect(status).toBe(0)
  })
})
