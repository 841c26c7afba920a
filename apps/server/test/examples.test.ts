/** Every program of `examples`, run as its README says, against a real server and the demo agent. */
import { spawnSync } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join, resolve } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { ThreadId, threadStream } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import * as Program from "@millrace/testing/Program"
import * as Pairing from "../src/auth/Pairing.ts"
import * as Chromium from "./clients/Chromium.ts"
import { isWanted, launch } from "./clients/Reading.ts"
import { cuttingProxy } from "./support/CuttingProxy.ts"
import * as Hosted from "./support/Hosted.ts"

const examples = resolve(import.meta.dirname, "../../../examples")
/** Starts a program of this directory with the environment that the README names. */
const start = (
  [program, file, ...args]: readonly [string, string, ...ReadonlyArray<string>],
  { dataDir, token, url }: Pick<Hosted.Hosted, "dataDir" | "token" | "url">
) =>
  Program.start(args, {
    program: [program, join(examples, file)],
    cwd: dataDir,
    env: { MILLRACE_URL: url, MILLRACE_TOKEN: token, PORT: "0", PYTHONDONTWRITEBYTECODE: "1" }
  })

/** The stored JSON of each event of the only thread. */
const storedOf = ({ host, log }: Hosted.Hosted) =>
  Effect.gen(function* () {
    const [thread] = (yield* host.threads({})).items
    const { events } = yield* log.read({ after: 0, limit: 10_000, maxBytes: 1e9 })
    const stream = threadStream(ThreadId.make(thread?.threadId ?? ""))
    return events.filter((event) => event.stream === stream).map(({ json }) => json)
  })

/** The events of the thread up to the first of this type. */
const until = (host: Hosted.Hosted["host"], threadId: ThreadId, type: string) =>
  host.follow({ stream: threadStream(threadId) }).pipe(
    Stream.filterMap((frame) => (frame._tag === "event" ? Option.some(frame.event) : Option.none())),
    Stream.takeUntil((event) => event.type === type),
    Stream.runCollect,
    Effect.map((events) => Array.from(events))
  )

/** A seeded sequence of numbers from 0 to 1. */
const seeded = (seed: number) => {
  let state = seed
  return () => ((state = (state * 1_103_515_245 + 12_345) % 2 ** 31), state / 2 ** 31)
}

/** About 20 KB of events, so that connections of at most 3,200 bytes do not suffice. */
const chatty = Array.from({ length: 20 }, (_, n) => `[[say "${n}" \\ 水車]]`).join(" ")

/** Runs it behind a proxy that cuts its first four connections. It must have created one thread, and printed each event once. */
const printsEachEventOnce = (program: readonly [string, string]) =>
  Effect.gen(function* () {
    const hosted = yield* Hosted.start()
    const proxy = yield* cuttingProxy(hosted.server.port, 4, seeded(3))
    const running = yield* start([...program, chatty], { ...hosted, url: `http://127.0.0.1:${proxy.port}` })
    const { code, stderr, stdout } = yield* running.ended
    const printed = stdout.trim().split("\n")
    const stored = yield* storedOf(hosted)
    expect((yield* hosted.host.threads({})).items).toHaveLength(1)
    expect(printed, stderr).toEqual(stored.slice(0, printed.length))
    expect(printed.at(-1)).toContain('"type":"turn.completed"')
    expect(printed.length).toBeGreaterThan(40)
    expect(proxy.cuts()).toBe(4)
    expect(code).toBe(0)
    // A turn that fails is a failure of the program.
    const failing = yield* start([...program, "[[fail no]]"], hosted)
    expect((yield* failing.ended).code).toBe(1)
    // A token that the server does not know is not tried again and again.
    const stranger = yield* start([...program, "hello"], { ...hosted, token: "mlr_wrong" })
    expect(yield* stranger.ended).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("Unauthorized") })
  })

it.scopedLive("D2 C2 curl.sh: a turn behind a proxy that cuts connections, each event once", () =>
  printsEachEventOnce(["sh", "curl.sh"])
)

it.scopedLive("D2 curl.sh: does not reconnect after `end`", () =>
  Effect.gen(function* () {
    let follows = 0
    const server = createServer((asked, answer) => {
      if (asked.method === "POST") return answer.end('{"threadId":"thr_1"}')
      follows++
      return answer.end('event: end\ndata: {"reason":"deleted"}\n\n')
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(() => server.close())
    )
    const { port } = server.address() as AddressInfo
    const given = { dataDir: process.cwd(), token: "mlr_unused", url: `http://127.0.0.1:${port}` }
    const running = yield* start(["sh", "curl.sh"], given)
    expect(yield* running.ended).toMatchObject({ code: 1, stdout: "" })
    expect(follows).toBe(1)
  })
)

it.scopedLive("each program refuses what it cannot use, and names it", () =>
  Effect.gen(function* () {
    const given = { dataDir: process.cwd(), token: "mlr_unused", url: "http://127.0.0.1:9" }
    const refusal = (program: Parameters<typeof start>[0], changed: Partial<typeof given>) =>
      Effect.flatMap(start(program, { ...given, ...changed }), ({ ended }) => ended)
    expect(yield* refusal(["sh", "curl.sh", "two\nlines"], {})).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("one line")
    })
    expect(yield* refusal([process.execPath, "serve.mjs"], { url: "https://example.com" })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("http://")
    })
    expect(yield* refusal([process.execPath, "bot.mjs"], { token: "" })).toMatchObject({
      code: 1,
      stderr: "Set MILLRACE_TOKEN: millrace token create bot\n"
    })
  })
)

const hasPython = spawnSync("python3", ["--version"]).status === 0
if (!hasPython) process.stderr.write("\nNOT TESTED: examples/follow.py, because python3 is not installed.\n\n")
it.scopedLive.skipIf(!hasPython)(
  "D2 C2 follow.py: a turn behind a proxy that cuts connections, each event once (skipped without python3)",
  () => printsEachEventOnce(["python3", "follow.py"])
)
it.scopedLive.skipIf(!hasPython)(
  "D2 follow.py: a turn of an existing thread, without the turns before it (skipped without python3)",
  () =>
    Effect.gen(function* () {
      const hosted = yield* Hosted.start()
      const first = command("thread.create", { provider: "demo", cwd: hosted.dataDir, turn: { text: "[[say first]]" } })
      const { threadId = "" } = yield* hosted.host.dispatch(first)
      yield* until(hosted.host, ThreadId.make(threadId), "turn.completed")
      const { code, stdout } = yield* (yield* start(["python3", "follow.py", "[[say second]]", threadId], hosted)).ended
      expect(code).toBe(0)
      expect(stdout.match(/"type":"turn\.completed"/g)?.length).toBe(1)
      expect(stdout).toContain('"text":"second"')
    })
)

it.scopedLive(
  "T13 bot.mjs: accepts the named commands, also those that were asked before it started, and declines the others",
  () =>
    Effect.gen(function* () {
      const hosted = yield* Hosted.start()
      const { dataDir, host } = hosted
      const begin = (text: string) =>
        Effect.map(host.dispatch(command("thread.create", { provider: "demo", cwd: dataDir, turn: { text } })), ({ threadId }) =>
          ThreadId.make(threadId ?? "")
        )
      const decisions = (threadId: ThreadId) =>
        Effect.map(until(host, threadId, "turn.completed"), (events) =>
          events.filter(({ type }) => type === "request.answered").map(({ data }) => (data as { decision: string }).decision)
        )
      const early = yield* begin("[[run echo early]]")
      yield* until(host, early, "request.opened")
      const bot = yield* start([process.execPath, "bot.mjs", "echo", "ls -l"], hosted)
      yield* bot.until("watching")
      const late = yield* begin("[[run ls -l .]] [[run ls]] [[run echo a; touch made]] [[run echo $(touch made)]] [[run echoes]]")
      expect(yield* decisions(early)).toEqual(["accept"])
      expect(yield* decisions(late)).toEqual(["accept", "decline", "decline", "decline", "decline"])
      yield* bot.kill("SIGTERM")
      const { stderr } = yield* bot.ended
      expect(stderr).toBe("")
      const stranger = yield* start([process.execPath, "bot.mjs", "ls"], { ...hosted, token: "mlr_wrong" })
      expect(yield* stranger.ended).toMatchObject({ code: 1, stderr: expect.stringContaining("401") })
    })
)

it.scopedLive("X1 browser.html: a turn with an approval in a real browser, from its own origin only", () =>
  Effect.gen(function* () {
    const hosted = yield* Hosted.start()
    const serving = yield* start([process.execPath, "serve.mjs"], hosted)
    yield* serving.until("/\n")
    const page = serving.so().stdout.trim()
    const ask = (url: string, origin: string) =>
      Effect.promise(async () => (await fetch(url, { headers: { authorization: `Bearer ${hosted.token}`, origin } })).status)
    const { origin } = new URL(page)
    expect(yield* ask(`${page}api/state`, origin)).toBe(200)
    expect(yield* ask(`${page}api/state`, "http://elsewhere.example")).toBe(403)
    // Why the page needs serve.mjs.
    expect(yield* ask(`${hosted.url}/api/state`, origin)).toBe(403)
    if (!isWanted("chromium", Chromium.isThere)) return
    const browser = yield* launch
    yield* Effect.promise(async () => {
      const tab = await browser.newPage()
      tab.setDefaultTimeout(0)
      await tab.goto(page)
      await tab.fill("#token", hosted.token)
      await tab.fill("#cwd", hosted.dataDir)
      await tab.fill("#prompt", "[[run echo ran > made.txt]] [[say grüße 水車]]")
      await tab.click("text=Send")
      await tab.click("#requests >> text=accept")
      await tab.waitForSelector("#status:text-is('completed')")
      expect(await tab.textContent("#transcript")).toContain("grüße 水車")
      await tab.fill("#prompt", "[[say again]]")
      await tab.click("text=Send")
      await tab
        .locator("#transcript")
        .filter({ hasText: /\]\]\s*again\s*$/ })
        .waitFor()
    })
    const [thread, ...others] = (yield* hosted.host.threads({})).items
    expect(others).toEqual([])
    expect((yield* hosted.host.turns(ThreadId.make(thread?.threadId ?? ""), {})).items).toHaveLength(2)
  })
)

it.scopedLive("C7 typed.ts: pairs with a code, runs a turn with the types of the document, and reads until its end", () =>
  Effect.gen(function* () {
    const { dataDir, host, url } = yield* Hosted.start()
    const { code } = yield* Pairing.create(dataDir, { by: "test" })
    const run = (...args: ReadonlyArray<string>) =>
      Effect.flatMap(
        Program.start(args, {
          program: [join(examples, "../node_modules/.bin/tsx"), join(examples, "typed.ts")],
          cwd: dataDir,
          env: { MILLRACE_URL: url }
        }),
        ({ ended }) => ended
      )
    expect(yield* run(code, "[[think hm]] [[say grüße 水車]]")).toMatchObject({ code: 0, stdout: "grüße 水車\n", stderr: "" })
    expect((yield* host.threads({})).items).toHaveLength(1)
    expect(yield* run(code)).toMatchObject({ code: 1, stderr: expect.stringContaining("This pairing code is used") })
  })
)
