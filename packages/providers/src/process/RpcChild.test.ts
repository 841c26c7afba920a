import { it } from "@effect/vitest"
import * as Deadline from "@millrace/testing/Deadline"
import { Chunk, Deferred, Effect, Either, Fiber, type Scope, Stream } from "effect"
import { describe, expect } from "vitest"
import * as Ledger from "./Ledger.ts"
import * as Proc from "./Proc.ts"
import * as RpcChild from "./RpcChild.ts"

/** A child that answers `echo`, writes lines, and exits on request. */
const echo = `
process.stdin.setEncoding("utf8")
let rest = "", held = [], most = 0, seen = 0
process.stdin.on("data", (text) => {
  const lines = (rest + text).split("\\n")
  rest = lines.pop()
  for (const line of lines) {
    const m = JSON.parse(line)
    const answer = (result) => console.log(JSON.stringify({ id: m.id, result }))
    if (m.method === "echo") answer(m.params)
    if (m.method === "refuse") console.log(JSON.stringify({ jsonrpc: "2.0", id: m.id, error: { code: -32001, message: "full" } }))
    if (m.method === "gather") {
      // Answers when this many are open, or the last one came; one too many would come before the timer.
      held.push(answer)
      seen++
      if (held.length === m.params.open || seen === m.params.total)
        setTimeout(() => { most = Math.max(most, held.length); for (const one of held.splice(0)) one(most) }, 20)
    }
    if (m.method === "environment") answer(process.env)
    if (m.method === "say") { for (const x of m.params) console.log(x); answer("said") }
    if (m.method === "raw") answer(line)
    if (m.method === "die") { console.error("out of luck"); process.exit(m.params) }
  }
})
process.stdin.on("end", () => process.exit(0))
`
const open = (script: string, overrides: Partial<RpcChild.OpenOptions> = {}) =>
  RpcChild.open({
    provider: "test",
    command: process.execPath,
    args: ["-e", script],
    cwd: process.cwd(),
    threadId: "thr_1",
    epoch: 1,
    install: "Install it with this command.",
    ...overrides
  })
const alive = (pid: number) => Proc.facts(pid)?.zombie === false
const test = (name: string, body: () => Effect.Effect<void, unknown, Ledger.Ledger | Scope.Scope>) =>
  it.scopedLive(name, () => Effect.provide(body(), Ledger.layerMemory))

describe("RpcChild", () => {
  test("P6 an answer, an error, a missed deadline and a death are distinguished", () =>
    Effect.gen(function* () {
      const child = yield* open(echo)
      expect(yield* child.request("echo", { a: "\u2028 ü 😀" })).toEqual({ a: "\u2028 ü 😀" })
      const refused = yield* Effect.flip(child.request("refuse", {}))
      expect(refused).toMatchObject({ outcome: "failed", operation: "refuse", failure: { kind: "overloaded", message: "full" } })
      const late = yield* Effect.flip(child.request("silence", {}, { deadlineMillis: 20 }))
      expect(late).toMatchObject({
        outcome: "unknown",
        failure: { kind: "transport", message: "test did not answer silence within 20 ms; it may have taken effect" }
      })
      const [dead, waiting] = yield* Effect.all(
        [Effect.flip(child.request("die", 3)), Effect.flip(child.request("silence", {}))],
        {
          concurrency: 2
        }
      )
      for (const error of [dead, waiting])
        expect(error).toMatchObject({ outcome: "failed", failure: { kind: "process", detail: "out of luck\n" } })
      expect(yield* child.exit).toEqual({ code: 3, signal: null, stderr: "out of luck\n" })
      expect(yield* Effect.flip(child.request("echo", 1))).toMatchObject({ outcome: "failed", failure: { kind: "process" } })
      expect(yield* Effect.flip(child.notify("x"))).toMatchObject({ failure: { kind: "process" } })
      expect(Chunk.size(yield* Stream.runCollect(child.incoming))).toBe(0)
    }))

  test("P6 a deadline bounds a request also in an uninterruptible region", () =>
    Effect.gen(function* () {
      const child = yield* open(echo)
      const late = yield* Effect.uninterruptible(Effect.either(child.request("silence", {}, { deadlineMillis: 20 })))
      expect(Either.isLeft(late)).toBe(true)
    }))

  test("P6 at most 32 requests are in flight; the others wait their turn and are answered", () =>
    Effect.gen(function* () {
      const child = yield* open(echo)
      const seen = yield* Effect.all(
        Array.from({ length: 100 }, () => child.request("gather", { open: 32, total: 100 })),
        { concurrency: "unbounded" }
      )
      expect(Math.max(...seen.map(Number))).toBe(32)
    }))

  test("P6 an unsent request fails with the information that nothing happened", () =>
    Effect.gen(function* () {
      const child = yield* open(echo, { maxInFlight: 1 })
      const passed = yield* Deferred.make<void>()
      const silence = child.request("silence", {}, { deadlineMillis: 60_000 })
      const first = yield* Effect.fork(Deadline.endsWith("1 minute", Deferred.await(passed))(Effect.flip(silence)))
      yield* Effect.yieldNow()
      const second = yield* Effect.flip(child.request("silence", {}, { deadlineMillis: 20 }))
      yield* Deferred.succeed(passed, undefined)
      expect([second.outcome, (yield* Fiber.join(first)).outcome]).toEqual(["failed", "unknown"])
    }))

  test("both dialects are read, and written by option", () =>
    Effect.gen(function* () {
      const strict = yield* open(echo)
      expect(yield* strict.request("raw", {})).toContain('"jsonrpc":"2.0"')
      const bare = yield* open(echo, { dialect: "bare" })
      expect(yield* bare.request("raw", {})).not.toContain("jsonrpc")
    }))

  test("P4 malformed lines, and answers without a request, are diagnostics between the messages", () =>
    Effect.gen(function* () {
      const child = yield* open(echo)
      yield* child.request("say", [
        '{"method":"a","params":1}',
        "{not json",
        "",
        "[1]",
        '{"id":99,"result":1}',
        '{"id":"q","method":"ask"}',
        '{"method":"b"}'
      ])
      yield* child.stop("done")
      expect(Chunk.toReadonlyArray(yield* Stream.runCollect(child.incoming))).toMatchObject([
        { _tag: "Notification", method: "a", params: 1 },
        { _tag: "BadLine", text: "{not json" },
        { _tag: "BadLine", text: "[1]" },
        { _tag: "BadLine", text: '{"id":99,"result":1}' },
        { _tag: "Request", id: "q", method: "ask" },
        { _tag: "Notification", method: "b" }
      ])
      expect(yield* child.exit).toMatchObject({ code: 0, stopReason: "done" })
    }))

  test("P4 a first message after a banner without a newline is parsed, and the banner is a diagnostic", () =>
    Effect.gen(function* () {
      const glue = (banner: string) => `process.stdin.once("data", (text) => {
        process.stdout.write(${JSON.stringify(banner)} + JSON.stringify({ id: JSON.parse(text).id, result: "ok" }) + '\\n{"method":"a"}\\nx {"method":"b"}\\n')
      })`
      const child = yield* open(glue("Agent 1.0 {beta}\u001b[0m> "))
      expect(yield* child.request("initialize", {})).toBe("ok")
      // The banner search applies only before the first message: a later line that quotes a message is a bad line.
      expect(Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.take(child.incoming, 3)))).toMatchObject([
        { _tag: "BadLine", text: "Agent 1.0 {beta}\u001b[0m> " },
        { _tag: "Notification", method: "a" },
        { _tag: "BadLine", text: 'x {"method":"b"}' }
      ])
      const marked = yield* open(glue("\ufeff"))
      expect(yield* marked.request("initialize", {})).toBe("ok")
    }))

  test("X4 no unparsed line, overlong line and error has a secret, also not the beginning of one", () =>
    Effect.gen(function* () {
      const secret = "sk-" + "s".repeat(40)
      const options = { env: { MY_API_KEY: secret }, secrets: ["of-a-server"] }
      const child = yield* open(
        `const { MY_API_KEY: key } = process.env
        process.stdin.once("data", (text) => {
          console.log("starting with " + key)
          console.log("x".repeat(4096 - 10) + key)
          console.log(JSON.stringify({ id: JSON.parse(text).id, error: { code: 1, message: "not " + key, data: { header: "of-a-server" } } }))
        })`,
        options
      )
      const { failure } = yield* Effect.flip(child.request("initialize", {}))
      expect(failure).toMatchObject({ message: "not (secret)", detail: 'code 1 {"header":"(secret)"}' })
      const lines = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.take(child.incoming, 2)))
      expect(lines).toMatchObject([
        { _tag: "BadLine", text: "starting with (secret)" },
        { _tag: "BadLine", text: expect.stringMatching(/^x{4086}\(secret\)/) }
      ])
      const long = yield* open(`console.log(process.env.MY_API_KEY + "y".repeat(5000))`, { ...options, lineLimitBytes: 2048 })
      const head = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.take(long.incoming, 1)))
      expect(head).toMatchObject([{ _tag: "BadLine", text: expect.stringMatching(/^\(secret\)y/) }])
    }))

  test("P4 an echo of our request is not a request of the agent; the failure quotes the line", () =>
    Effect.gen(function* () {
      const child = yield* open(
        `process.stdin.once("data", (text) => { console.log("read: " + String(text).trim()); console.log("sorry, " + process.env.MY_API_KEY) })`,
        { env: { MY_API_KEY: "sk-very-secret" } }
      )
      const badLine = yield* Deferred.make<unknown>()
      const request = Effect.flip(child.request("initialize", {}, { deadlineMillis: 60_000 }))
      const waiting = yield* Effect.fork(Deadline.endsWith("1 minute", Deferred.await(badLine))(request))
      const messages = yield* Stream.runCollect(Stream.take(child.incoming, 2))
      yield* Deferred.succeed(badLine, undefined)
      const late = yield* Fiber.join(waiting)
      expect(late.failure).toMatchObject({
        kind: "transport",
        detail: "test wrote a line that is not a message: sorry, (secret)"
      })
      expect(Chunk.toReadonlyArray(messages)).toMatchObject([{ _tag: "BadLine" }, { _tag: "BadLine" }])
      const dies = yield* open(`process.stdout.write("usage: agent [flags]", () => process.exit(2))`)
      const dead = yield* Effect.flip(dies.request("initialize", {}))
      expect(dead.failure).toMatchObject({
        kind: "process",
        detail: "test wrote a line that is not a message: usage: agent [flags]"
      })
    }))

  test("P5 an agent that died by itself does not count as stopped, even if a stop is requested afterwards", () =>
    Effect.gen(function* () {
      const child = yield* open(echo)
      yield* Effect.flip(child.request("die", 3))
      yield* child.stop("a person asked for it")
      const exit = yield* child.exit
      expect(exit).toMatchObject({ code: 3 })
      expect(exit).not.toHaveProperty("stopReason")
      expect((yield* Effect.flip(child.request("echo", 1))).failure.message).toBe("test is not running: it exited with code 3")
    }))

  test("an argument, a directory or a variable that no process accepts is a failure that names it", () =>
    Effect.gen(function* () {
      for (const [overrides, what] of [
        [{ args: ["-e", "1\0"] }, "an argument"],
        [{ cwd: "/tmp\0x" }, "the directory"],
        [{ env: { A: "b\0c" } }, "the variable A"]
      ] as const) {
        const refused = yield* Effect.flip(open("", overrides))
        expect(refused.failure).toMatchObject({
          kind: "process",
          message: expect.stringContaining(`${what} has a NUL character`)
        })
      }
    }))

  test("P3 a line of 100 MiB ends the session with a typed failure, after all lines before it", () =>
    Effect.gen(function* () {
      const child = yield* open(`
        console.log('{"method":"one"}'); console.log('{"method":"two"}')
        const piece = "x".repeat(1 << 20); let n = 0
        const more = () => { while (n++ < 100) if (!process.stdout.write(piece)) return process.stdout.once("drain", more) }
        more(); setInterval(() => {}, 1000)
      `)
      const said = Chunk.toReadonlyArray(yield* Stream.runCollect(child.incoming))
      expect(said.map((each) => (each._tag === "BadLine" ? each._tag : each.method))).toEqual(["one", "two", "BadLine"])
      const exit = yield* child.exit
      expect(exit.failure).toMatchObject({ kind: "protocol", message: expect.stringContaining("33554432 bytes") })
    }))

  test("P5 all output is read before the exit counts, however slow the reader", () =>
    Effect.gen(function* () {
      const child = yield* open(
        `for (let i = 0; i < 20000; i++) process.stdout.write(JSON.stringify({ method: "n", params: i }) + "\\n")
         process.stdout.write('{"method":"last"}', () => process.exit(7))`
      )
      let count = 0
      let lastMethod = ""
      yield* child.incoming.pipe(
        Stream.chunks,
        Stream.runForEach((chunk) =>
          Effect.gen(function* () {
            for (const each of chunk) {
              if (each._tag === "Notification" && each.params === count) count++
              if (each._tag !== "BadLine") lastMethod = each.method
            }
            yield* Effect.sleep(5)
          })
        )
      )
      expect([count, lastMethod, (yield* child.exit).code]).toEqual([20_000, "last", 7])
    }))

  test("P5 a child that closes its output and keeps running is ended, with the reason", () =>
    Effect.gen(function* () {
      const child = yield* open(`require("fs").closeSync(1); process.stdout.destroy(); setInterval(() => {}, 1000)`, {
        stopMillis: { stdin: 100, term: 500 }
      })
      const exit = yield* child.exit
      expect(exit).toMatchObject({ signal: "SIGTERM", failure: { kind: "process" } })
    }))

  test("P2 stop kills grandchildren that ignore SIGTERM and those that left the group, within its budget", () =>
    Effect.gen(function* () {
      const child = yield* open(
        `const { spawn } = require("child_process")
         process.on("SIGTERM", () => {})
         const say = (p) => console.log(JSON.stringify({ method: "pid", params: p.pid }))
         say(spawn("sh", ["-c", "trap '' TERM; sleep 60 & sleep 60"], { stdio: "ignore" }))
         say(spawn("sleep", ["60"], { stdio: "ignore", detached: true }))
         setInterval(() => {}, 1000)`,
        { stopMillis: { stdin: 50, term: 50 } }
      )
      const pids = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.take(child.incoming, 2))).map((each) =>
        each._tag === "Notification" ? Number(each.params) : 0
      )
      expect(pids.every(alive)).toBe(true)
      // Two callers stop the child once; the second one waits too.
      yield* Effect.all([child.stop("enough"), child.stop("again")], { concurrency: 2 })
      expect([child.pid, ...pids].map(alive)).toEqual([false, false, false])
      expect(yield* child.exit).toMatchObject({ signal: "SIGKILL", stopReason: "enough" })
    }))

  test("S8 a scope that closes during a stop does not wait for it: a child that ignores everything is killed", () =>
    Effect.gen(function* () {
      const pid = yield* Effect.gen(function* () {
        const child = yield* open(
          `process.on("SIGTERM", () => {}); console.log('{"method":"up"}'); setInterval(() => {}, 1000)`,
          {
            // Longer than a test may take: the scope must not wait for them.
            stopMillis: { stdin: 3_600_000, term: 3_600_000 }
          }
        )
        yield* Stream.runDrain(Stream.take(child.incoming, 1))
        yield* Effect.forkDaemon(child.stop("enough"))
        yield* Effect.yieldNow()
        return child.pid
      }).pipe(Effect.scoped)
      expect(alive(pid)).toBe(false)
    }))

  test("X4 the environment is the allow-list and the adapter's variables", () =>
    Effect.gen(function* () {
      process.env["MILLRACE_TOKEN"] = "secret"
      process.env["SOME_API_KEY"] = "secret"
      process.env["LC_TIME"] = "C"
      const child = yield* open(echo, { env: { EXTRA: "1", HOME: undefined, MILLRACE_DATA: "x" } })
      const env = (yield* child.request("environment", {})) as Record<string, string>
      expect(Object.keys(env).filter((name) => /MILLRACE|KEY|TOKEN/.test(name))).toEqual(["MILLRACE_CHILD"])
      expect(env).toMatchObject({ EXTRA: "1", LC_TIME: "C", PATH: process.env["PATH"] })
      expect(env).not.toHaveProperty("HOME")
    }))

  test("a missing command, a missing directory and a failed start each have a message that says what to do or what happened", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(open("", { command: "no-such-agent" }))
      expect(missing.failure).toMatchObject({
        kind: "not-installed",
        message: "no-such-agent was not found or is not executable. Install it with this command."
      })
      const nowhere = yield* Effect.flip(open("", { cwd: "/no/such/directory" }))
      expect(nowhere.failure).toMatchObject({ kind: "process", message: expect.stringContaining("/no/such/directory") })
      const child = yield* open("console.error('bad configuration'); process.exit(1)")
      const dead = yield* Effect.flip(child.request("initialize", {}))
      expect(dead.failure).toMatchObject({
        kind: "process",
        detail: "bad configuration\n",
        message: expect.stringContaining("code 1")
      })
    }))

  test("standard error is kept to its last 8 KiB", () =>
    Effect.gen(function* () {
      const child = yield* open(`process.stderr.write("x".repeat(100000) + "end", () => process.exit(1))`)
      const { stderr } = yield* child.exit
      expect([stderr.length, stderr.endsWith("xend")]).toEqual([8192, true])
    }))

  test("P1 an unrecorded child never runs: when the ledger fails, so does the start", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger.Ledger
      const broken = {
        ...ledger,
        record: () => Effect.fail(new Ledger.LedgerError({ directory: "/x", message: "disk full" }))
      }
      const failed = yield* Effect.flip(Effect.scoped(Effect.provideService(open(echo), Ledger.Ledger, broken)))
      expect(failed.failure).toMatchObject({ kind: "process", message: expect.stringContaining("disk full") })
    }))
})
