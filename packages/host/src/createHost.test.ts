import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import { EventLog } from "@millrace/log/EventLog"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { memoryLog } from "@millrace/testing/TestHost"
import { Clock, Effect, Layer } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { createHost, type CreateOptions } from "./createHost.ts"

const memory = (options: Partial<CreateOptions> = {}) =>
  createHost({ adapters: [ScriptedProvider.make().adapter], directories: ["/work"], ...options } as CreateOptions)
const thread = command("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "hello" } })
const lossless = { delivery: "lossless", capacity: 1 } as const

const collect = async (frames: AsyncIterable<SubscriptionFrame>) => {
  const all: Array<SubscriptionFrame> = []
  for await (const frame of frames) all.push(frame)
  return all
}
const offsets = (frames: ReadonlyArray<SubscriptionFrame>) =>
  frames.flatMap((frame) => (frame._tag === "event" ? [frame.event.offset] : []))

describe("createHost", () => {
  it("D2 S3 S4 promises and loops: a turn, every event once, goodbye at the head, a report", async () => {
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

  it("D3 D8 errors are themselves; leaving a loop ends its subscription; two loops over one iterable are two", async () => {
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

  it("D6 a host that closes without a shutdown says goodbye to who waits", async () => {
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

  it("rejects when the host cannot be built, with the error itself", async () => {
    await expect(createHost({ dataDir: "/proc/nowhere" })).rejects.toMatchObject({ _tag: "DataDirectoryUnusable" })
  })

  it("D2 S2 the embedder's script of README.md runs as it stands there, in less than 30 lines", () => {
    const root = join(import.meta.dirname, "..", "..", "..")
    const [, script = ""] = /## Embed it[\s\S]*?```js\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? []
    expect(script.split("\n").length).toBeLessThan(30)
    const dataDir = mkdtempSync(join(tmpdir(), "millrace-embed-"))
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
      cwd: join(root, "packages/host"),
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
