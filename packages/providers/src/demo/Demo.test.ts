import { execFileSync } from "node:child_process"
import { once } from "node:events"
import { createReadStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import { Effect, Queue, type Scope, Stream } from "effect"
import { afterAll, describe, expect } from "vitest"
import * as McpServer from "@millrace/testing/McpServer"
import * as Shot from "@millrace/testing/Shot"
import * as Ledger from "../process/Ledger.ts"
import * as Proc from "../process/Proc.ts"
import * as Demo from "./Demo.ts"

const cwd = mkdtempSync(join(tmpdir(), "millrace-demo-"))
afterAll(() => rmSync(cwd, { recursive: true, force: true }))
let turns = 0
const newTurn = () => TurnId.make(`trn_${++turns}`)

/** A session whose events wait in a queue; the last is "end". */
const open = (options: Partial<OpenInput> = {}) =>
  Effect.gen(function* () {
    const adapter = yield* Demo.make({ stopMillis: { stdin: 300, term: 300 }, interruptMillis: 300 })
    const session = yield* adapter.open({ threadId: ThreadId.make("thr_1"), epoch: 1, cwd, ...options })
    const events = yield* Queue.bounded<ProviderEvent | "end">(16)
    yield* session.events.pipe(
      Stream.runForEach((event) => Queue.offer(events, event)),
      Effect.zipRight(Queue.offer(events, "end")),
      Effect.forkScoped
    )
    /** Events up to and including the first of that kind, or to the end. */
    const until = (tag: ProviderEvent["_tag"]) =>
      Effect.gen(function* () {
        const seen: Array<ProviderEvent> = []
        for (;;) {
          const event = yield* Queue.take(events)
          if (event === "end") return seen
          seen.push(event)
          if (event._tag === tag) return seen
        }
      })
    const terminal = Effect.gen(function* () {
      const seen: Array<ProviderEvent> = []
      for (;;) {
        const event = yield* Queue.take(events)
        if (event === "end") return seen
        seen.push(event)
        if (event._tag === "TurnCompleted" || event._tag === "TurnInterrupted" || event._tag === "TurnFailed") return seen
      }
    })
    const start = (text: string) =>
      Effect.gen(function* () {
        const turnId = newTurn()
        yield* session.startTurn({ turnId, text })
        return turnId
      })
    return { session, until, terminal, start, play: (text: string) => Effect.zipRight(start(text), terminal) }
  })

const deltas = (events: ReadonlyArray<ProviderEvent>) =>
  events.flatMap((event) => (event._tag === "ItemDelta" ? [event.text] : []))
const completed = (events: ReadonlyArray<ProviderEvent>) =>
  events.flatMap((event) => (event._tag === "ItemCompleted" ? [event] : []))
const last = (events: ReadonlyArray<ProviderEvent>) => events[events.length - 1]
const asked = (events: ReadonlyArray<ProviderEvent>) => {
  const event = last(events)
  if (event?._tag !== "RequestOpened") throw new Error(`no request: ${JSON.stringify(events)}`)
  return event
}
const alive = (pid: number) => Proc.facts(pid)?.zombie === false
const test = (name: string, body: () => Effect.Effect<void, unknown, Ledger.Ledger | Scope.Scope>) =>
  it.scopedLive(name, () => Effect.provide(body(), Ledger.layerMemory))

describe("demo agent", () => {
  test("a plain prompt gets a short streamed answer; the turn is ours", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      const turnId = yield* demo.start("hello")
      const events = yield* demo.terminal
      expect(events[0]).toMatchObject({ _tag: "TurnStarted", turnId, origin: "user" })
      expect(deltas(events).length).toBeGreaterThan(5)
      expect(completed(events)).toMatchObject([{ kind: "agent-message", status: "completed" }])
      expect(completed(events)[0]?.content.text).toBe(deltas(events).join(""))
      expect(completed(events)[0]?.content.text).toContain('"hello"')
      expect(last(events)).toMatchObject({ _tag: "TurnCompleted", turnId, usage: { inputTokens: 1 } })
    }))

  test("say, think, plan, deltas and sleep run in order; text around directives is ignored", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      const events = yield* demo.play(
        "x [[say one  two\nthree]] y [[think hm]] [[plan A; B; C]] [[sleep 30]] [[deltas 3 1]] [[nonsense]]"
      )
      expect(completed(events).map(({ kind, content }) => [kind, content.text])).toEqual([
        ["agent-message", "one  two\nthree"],
        ["reasoning", "hm"],
        ["plan", "1. A\n2. B\n3. C"],
        ["agent-message", "d1 d2 d3 "]
      ])
      expect(deltas(events)).toEqual(["one  ", "two\n", "three", "hm", "d1 ", "d2 ", "d3 "])
      expect(events.find((event) => event._tag === "TurnUpdated")).toMatchObject({
        plan: [
          { text: "A", status: "in-progress" },
          { text: "B", status: "pending" },
          { text: "C", status: "pending" }
        ]
      })
    }))

  test("D12 while it streams it reports the usage so far; while a command runs, its duration", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      const told = (events: ReadonlyArray<ProviderEvent>) => events.flatMap((event) => (event._tag === "Signal" ? [event] : []))
      const events = yield* demo.play("[[deltas 60 10]]")
      const counts = told(events).map(({ data }) => (data as { outputTokens: number }).outputTokens)
      // The first comes at once, then a few per second, for 600 ms.
      expect(counts[0]).toBe(0)
      expect(counts.length).toBeGreaterThan(1)
      expect(counts.length).toBeLessThan(60)
      expect(last(events)).toMatchObject({ _tag: "TurnCompleted", usage: { inputTokens: 3, outputTokens: 60, totalTokens: 63 } })
      yield* demo.start("[[run sleep 0.6]]")
      const { requestId } = asked(yield* demo.until("RequestOpened"))
      yield* demo.session.answer(requestId, { decision: "accept" })
      const ran = yield* demo.terminal
      expect(told(ran)[0]).toMatchObject({ kind: "progress", itemId: "itm_1_1_2" })
    }))

  test("deltas N 0 writes every delta, in order", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      const events = yield* demo.play("[[deltas 20000 0]]")
      expect(deltas(events)).toHaveLength(20_000)
      expect(completed(events)[0]?.content.text?.endsWith("d20000 ")).toBe(true)
    }))

  test("run asks first; accepted, the command really runs in the project and its output streams", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      yield* demo.start("[[run pwd; echo problem >&2; exit 3]] [[run true]]")
      const { requestId, ask } = asked(yield* demo.until("RequestOpened"))
      expect(ask).toMatchObject({ kind: "approval", title: "Run: pwd; echo problem >&2; exit 3", cwd })
      expect(ask.itemId).toBe("itm_1_1_1")
      yield* demo.session.answer(requestId, { decision: "accept-for-session" })
      const first = yield* demo.until("ItemCompleted")
      expect(deltas(first).join("")).toContain(`${cwd}\n`)
      expect(last(first)).toMatchObject({ kind: "command", status: "failed", content: { exitCode: 3 } })
      const second = asked(yield* demo.until("RequestOpened"))
      yield* demo.session.answer(second.requestId, { decision: "accept" })
      expect(last(yield* demo.terminal)?._tag).toBe("TurnCompleted")
      // Accepted for the session: not asked again. Answers to settled and unknown requests are no-ops.
      yield* demo.session.answer(requestId, { decision: "decline" })
      const again = yield* demo.play("[[run pwd; echo problem >&2; exit 3]]")
      expect(again.some((event) => event._tag === "RequestOpened")).toBe(false)
    }))

  test("run with a changed command runs that one; a reason for a decline reaches the agent", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      yield* demo.start("[[run touch no]] [[run touch no]]")
      const { ask, requestId } = asked(yield* demo.until("RequestOpened"))
      expect(ask).toMatchObject({ command: "touch no", takes: ["reason", "input"] })
      yield* demo.session.answer(requestId, { decision: "accept", input: { command: "echo changed" } })
      const first = yield* demo.until("RequestOpened")
      yield* demo.session.answer(asked(first).requestId, { decision: "decline", reason: "no files" })
      const rest = yield* demo.terminal
      expect(completed(first).map(({ content }) => content)).toMatchObject([{ command: "echo changed", exitCode: 0 }])
      expect(completed(rest).at(-1)?.content).toMatchObject({ text: "You declined: no files" })
      expect(readdirSync(cwd)).toEqual([])
    }))

  test("run declined continues; run cancelled interrupts the turn", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      yield* demo.start("[[run touch no]] [[say on]]")
      yield* demo.session.answer(asked(yield* demo.until("RequestOpened")).requestId, { decision: "decline" })
      const declined = yield* demo.terminal
      expect(completed(declined).map((item) => item.status)).toEqual(["declined", "completed"])
      expect(last(declined)?._tag).toBe("TurnCompleted")
      yield* demo.start("[[run touch no]] [[say on]]")
      yield* demo.session.answer(asked(yield* demo.until("RequestOpened")).requestId, { decision: "cancel" })
      const cancelled = yield* demo.terminal
      expect(completed(cancelled).map((item) => item.status)).toEqual(["declined"])
      expect(last(cancelled)?._tag).toBe("TurnInterrupted")
      expect(readdirSync(cwd)).toEqual([])
    }))

  test("ask opens a question, and the answer arrives", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      yield* demo.start("[[ask Which colour?]]")
      const { requestId, ask } = asked(yield* demo.until("RequestOpened"))
      expect(ask).toMatchObject({ kind: "question", questions: [{ id: "answer", text: "Which colour?" }] })
      yield* demo.session.answer(requestId, { answers: { answer: ["blue"] } })
      expect(completed(yield* demo.terminal)[0]?.content.text).toBe("You answered: blue")
    }))

  test("T13 ask with labels lets a person choose several", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      yield* demo.start("[[ask Which ones? | red | green | blue]]")
      const { requestId, ask } = asked(yield* demo.until("RequestOpened"))
      const options = ["red", "green", "blue"].map((label) => ({ label }))
      const questions = [{ id: "answer", text: "Which ones?", options, multiple: true }]
      expect(ask).toMatchObject({ kind: "question", title: "Which ones?", questions })
      yield* demo.session.answer(requestId, { answers: { answer: ["red", "blue"] } })
      expect(completed(yield* demo.terminal)[0]?.content.text).toBe("You answered: red, blue")
    }))

  test("T13 choose offers the agent's own options; the chosen one arrives, whatever its kind", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      yield* demo.start("[[choose Which? | production | staging | none=decline | for ever=allow_persistent]]")
      const first = asked(yield* demo.until("RequestOpened"))
      expect(first.ask).toMatchObject({ title: "Which?", choices: ["decline", "cancel"] })
      expect(first.ask).toHaveProperty("options", [
        { optionId: "o1", label: "production", kind: "accept" },
        { optionId: "o2", label: "staging", kind: "accept" },
        { optionId: "o3", label: "none", kind: "decline" },
        { optionId: "o4", label: "for ever", kind: "allow_persistent" }
      ])
      yield* demo.session.answer(first.requestId, { decision: "accept", optionId: "o2" })
      expect(completed(yield* demo.terminal).map(({ content, status }) => [status, content.text])).toEqual([
        ["completed", undefined],
        ["completed", "You chose: staging"]
      ])
      yield* demo.start("[[choose Which? | production | none=decline]]")
      yield* demo.session.answer(asked(yield* demo.until("RequestOpened")).requestId, { decision: "cancel" })
      expect(last(yield* demo.terminal)?._tag).toBe("TurnInterrupted")
    }))

  test("T17 mode shows the thread's settings, which a running session takes; the permission mode decides what run does", () =>
    Effect.gen(function* () {
      const demo = yield* open({ model: "small", settings: { permissionMode: "read-only", instructions: "be brief" } })
      const shown = (events: ReadonlyArray<ProviderEvent>) => completed(events)[0]?.content.text
      expect(shown(yield* demo.play("[[mode]]"))).toBe(
        'Settings: {"model":"small","permissionMode":"read-only","instructions":"be brief"}'
      )
      expect(completed(yield* demo.play("[[run touch no]]"))).toMatchObject([{ status: "declined" }])
      yield* demo.session.configure?.({ model: undefined, effort: "high", permissionMode: "full-access" }) ?? Effect.void
      expect(shown(yield* demo.play("[[mode]]"))).toBe(
        'Settings: {"effort":"high","permissionMode":"full-access","instructions":"be brief"}'
      )
      expect(completed(yield* demo.play("[[run true]]"))).toMatchObject([{ kind: "command", status: "completed" }])
      expect(readdirSync(cwd)).not.toContain("no")
    }))

  test("D12 the agent reports a mode, slash commands, its context and limits; a directive without its words fails the turn", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      const script =
        "[[mode plan]] [[commands /fix: Fixes the build | test]] [[context 50000 200000]] [[limit weekly 80]] [[limit 5 hours 20]]"
      const events = yield* demo.play(script)
      expect(events.flatMap((event) => (event._tag === "Signal" && event.kind === "agent" ? [event.data] : []))).toEqual([
        { mode: "plan" },
        {
          commands: [
            { name: "fix", description: "Fixes the build" },
            { name: "test", description: "" }
          ]
        },
        { context: { tokens: 50_000, window: 200_000 } },
        { limits: [{ name: "weekly", usedPercent: 80 }] },
        {
          limits: [
            { name: "weekly", usedPercent: 80 },
            { name: "5 hours", usedPercent: 20 }
          ]
        }
      ])
      expect(last(events)?._tag).toBe("TurnCompleted")
      for (const wrong of ["[[commands | x]]", "[[context 1]]", "[[limit weekly]]"])
        expect(last(yield* demo.play(wrong))?._tag).toBe("TurnFailed")
    }))

  test("P2 an interrupt ends the turn at once and kills the command's whole process group", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      // Only the grandchild has the pipe open for writing: reading ends when it has died.
      const pipe = join(mkdtempSync(join(cwd, "pipe-")), "pipe")
      execFileSync("mkfifo", [pipe])
      const held = createReadStream(pipe).resume()
      const opened = once(held, "open")
      const died = once(held, "end")
      const turnId = yield* demo.start(`[[run sh -c 'sleep 600 >${pipe} & echo $!; sleep 600']]`)
      yield* demo.session.answer(asked(yield* demo.until("RequestOpened")).requestId, { decision: "accept" })
      const grandchild = Number(deltas(yield* demo.until("ItemDelta"))[0])
      expect(alive(grandchild)).toBe(true)
      // The shell prints the pid before the grandchild opens the pipe.
      yield* Effect.promise(() => opened)
      yield* demo.session.interrupt(turnId)
      const events = yield* demo.terminal
      expect(last(events)).toMatchObject({ _tag: "TurnInterrupted", turnId })
      yield* Effect.promise(() => died)
      // An interrupt of an ended turn has no effect, and the next turn runs.
      yield* demo.session.interrupt(turnId)
      expect(last(yield* demo.play("[[say next]]"))?._tag).toBe("TurnCompleted")
    }))

  test("T9 an interrupt in mid-message keeps the text, aborts the item and cancels an open request", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      const first = yield* demo.start("[[deltas 100000 5]]")
      const streamed = yield* demo.until("ItemDelta")
      yield* demo.session.interrupt(first)
      const events = [...streamed, ...(yield* demo.terminal)]
      expect(completed(events)).toMatchObject([{ status: "aborted", content: { text: deltas(events).join("") } }])
      const second = yield* demo.start("[[ask ok?]]")
      const { requestId } = asked(yield* demo.until("RequestOpened"))
      yield* demo.session.interrupt(second)
      const ended = yield* demo.terminal
      expect(ended.map((event) => event._tag)).toEqual(["RequestCancelled", "TurnInterrupted"])
      yield* demo.session.answer(requestId, { answers: { answer: ["late"] } })
    }))

  test("fail fails the turn with its text; an invalid directive is reported", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      expect(last(yield* demo.play("[[fail no more tokens]] [[say never]]"))).toMatchObject({
        _tag: "TurnFailed",
        error: { kind: "refused", message: "no more tokens" }
      })
      expect(last(yield* demo.play("[[sleep soon]]"))).toMatchObject({ _tag: "TurnFailed" })
    }))

  test("auth fails the turn as not signed in, until the project has the file signed-in", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      expect(last(yield* demo.play("[[auth]] [[say never]]"))).toMatchObject({ _tag: "TurnFailed", error: { kind: "auth" } })
      writeFileSync(join(cwd, "signed-in"), "")
      expect(last(yield* demo.play("[[auth]]"))).toMatchObject({ _tag: "TurnCompleted" })
    }))

  for (const code of [0, 7])
    test(`P5 T11 exit ${code} without a terminal fails the turn with the evidence, after all earlier output`, () =>
      Effect.gen(function* () {
        const demo = yield* open()
        const events = yield* demo.play(`[[say last words]] [[exit ${code}]]`)
        expect(deltas(events)).toEqual(["last ", "words"])
        expect(last(events)).toMatchObject({ _tag: "TurnFailed", error: { kind: "process" } })
        expect(last(events)).toHaveProperty("error.message", expect.stringContaining(`code ${code}`))
        expect(yield* demo.until("TurnStarted")).toEqual([])
        const refused = yield* Effect.flip(demo.session.startTurn({ turnId: newTurn(), text: "more" }))
        expect(refused.failure.kind).toBe("process")
      }))

  test("P4 garbage becomes diagnostics, and the turn continues", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      const events = yield* demo.play("[[garbage]] [[say fine]]")
      const bad = events.filter((event) => event._tag === "Opaque" && event.method === "millrace/bad-line")
      expect(bad).toHaveLength(4)
      expect(last(events)?._tag).toBe("TurnCompleted")
    }))

  test("background ends the turn and reports the end of the task", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      const events = yield* demo.play("[[background 50]]")
      expect(last(events)?._tag).toBe("TurnCompleted")
      expect(yield* demo.until("Opaque")).toMatchObject([{ method: "background/ended" }])
    }))

  test("flood writes exactly its bytes, and a slow reader blocks the agent", () =>
    Effect.gen(function* () {
      const adapter = yield* Demo.make()
      const session = yield* adapter.open({ threadId: ThreadId.make("thr_1"), epoch: 1, cwd })
      yield* session.startTurn({ turnId: newTurn(), text: "[[flood 60000000]]" })
      const before = process.memoryUsage().rss
      // No consumer reads: the agent must block once buffer and pipe are full.
      yield* Effect.sleep(700)
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
      let bytes = 0
      let peak = 0
      yield* session.events.pipe(
        Stream.mapChunksEffect((chunk) =>
          Effect.gen(function* () {
            for (const event of chunk) if (event._tag === "ItemDelta") bytes += event.text.length
            peak = Math.max(peak, process.memoryUsage().rss)
            yield* Effect.sleep(2)
            return chunk
          })
        ),
        Stream.takeUntil((event) => event._tag === "TurnCompleted"),
        Stream.runDrain
      )
      expect(bytes).toBe(60_000_000)
      expect(peak - before).toBeLessThan(200 * 1024 * 1024)
    }))

  test("T7 hang ignores the interrupt, end of input and SIGTERM; stop ends it within its budget, and its turn is interrupted", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      const turnId = yield* demo.start("[[say before]] [[hang]]")
      yield* demo.until("ItemCompleted")
      const ignored = yield* Effect.flip(demo.session.interrupt(turnId))
      expect(ignored.outcome).toBe("unknown")
      yield* demo.session.stop("a person asked for it")
      expect(last(yield* demo.terminal)).toMatchObject({ _tag: "TurnInterrupted", reason: "a person asked for it" })
    }))

  test("a resumed session continues under its key; stop without a turn emits nothing", () =>
    Effect.gen(function* () {
      const first = yield* open()
      expect(first.session.continuity).toBe("fresh")
      const { resumeKey } = first.session
      yield* first.session.stop("enough")
      expect(yield* first.until("TurnStarted")).toEqual([])
      const second = yield* open(resumeKey === undefined ? {} : { resumeKey })
      expect([second.session.continuity, second.session.resumeKey]).toEqual(["resumed", resumeKey])
    }))

  test("the agent rejects a second turn at once, and the rejected one is not expected any more", () =>
    Effect.gen(function* () {
      const demo = yield* open()
      yield* demo.start("[[ask May it end?]]")
      const { requestId } = asked(yield* demo.until("RequestOpened"))
      const refused = yield* Effect.flip(demo.session.startTurn({ turnId: newTurn(), text: "me too" }))
      expect(refused.outcome).toBe("failed")
      yield* demo.session.answer(requestId, { answers: { answer: ["yes"] } })
      expect(last(yield* demo.terminal)?._tag).toBe("TurnCompleted")
      const turnId = yield* demo.start("[[say ok]]")
      expect(last(yield* demo.terminal)).toMatchObject({ _tag: "TurnCompleted", turnId })
    }))
})

it.scopedLive("an attachment is named with its size and hash; [[image]] makes an item with a picture", () =>
  Effect.gen(function* () {
    const { session, terminal } = yield* open()
    const shot = Shot.attachment(cwd)
    expect(session.takes?.(shot)).toBe(true)
    yield* session.startTurn({ turnId: newTurn(), text: "[[image]]", attachments: [shot] })
    const [said, shown] = completed(yield* terminal)
    expect(said?.content.text).toBe(`You attached shot.png (image/png, ${shot.bytes} bytes, sha256 ${Shot.hash}).`)
    expect(shown).toMatchObject({ kind: "image", status: "completed", content: { text: "[image: image-1.png]" } })
    expect(shown?.files?.[0]).toMatchObject({ name: "image-1.png", mediaType: "image/png" })
    const picture = Buffer.from(shown?.files?.[0]?.base64 ?? "", "base64")
    expect(picture.subarray(1, 4).toString("latin1")).toBe("PNG")
    // Width and height in the header.
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([64, 64])
  }).pipe(Effect.provide(Ledger.layerMemory))
)

it.scopedLive("P1 closing the scope of a session leaves no process and no entry", () =>
  Effect.gen(function* () {
    const ledger = yield* Ledger.Ledger
    const run = Effect.scoped(
      Effect.gen(function* () {
        const demo = yield* open()
        yield* demo.start("[[run sh -c 'setsid sleep 60 & echo $!; sleep 60']]")
        yield* demo.session.answer(asked(yield* demo.until("RequestOpened")).requestId, { decision: "accept" })
        const pid = Number(deltas(yield* demo.until("ItemDelta"))[0])
        expect((yield* ledger.entries).entries).toHaveLength(1)
        return pid
      })
    )
    const pid = yield* run
    expect((yield* ledger.entries).entries).toEqual([])
    expect(alive(pid)).toBe(false)
  }).pipe(Effect.provide(Ledger.layerMemory))
)

describe("[[mcp]]", () => {
  const live = (name: string, run: Effect.Effect<void, unknown, Scope.Scope | Ledger.Ledger>) =>
    it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

  live(
    "X4 calls a tool of the thread's MCP servers, whose secrets no event has",
    Effect.gen(function* () {
      const { play } = yield* open({ settings: { mcpServers: McpServer.servers() } })
      const seen = [...(yield* play(`[[mcp greet {"name":"Ada"}]]`)), ...(yield* play("[[mode]]"))]
      const item = seen.find((event) => event._tag === "ItemCompleted")
      expect(item).toMatchObject({ kind: "tool-call", status: "completed" })
      expect(item).toMatchObject({
        content: { tool: "greeter/greet", input: { name: "Ada" }, result: McpServer.greeting("Ada") }
      })
      expect(JSON.stringify(seen)).not.toContain(McpServer.key)
    })
  )

  live(
    "an unknown tool and a server that does not start fail the turn with the reason",
    Effect.gen(function* () {
      const { play } = yield* open({ settings: { mcpServers: McpServer.servers() } })
      expect((yield* play("[[mcp missing]]")).at(-1)).toMatchObject({
        _tag: "TurnFailed",
        error: { message: expect.stringContaining("has the tool missing. Tools: greet") }
      })
      const broken = yield* open({ settings: { mcpServers: { broken: { command: "/nowhere/server" } } } })
      expect((yield* broken.play("[[mcp greet]]")).at(-1)).toMatchObject({
        _tag: "TurnFailed",
        error: { message: expect.stringContaining("the MCP server broken: it could not be started") }
      })
    })
  )
})

it.scopedLive("[[diff]] reports a change of a file; the items of [[subagent TEXT]] name the tool call that started it", () =>
  Effect.provide(
    Effect.gen(function* () {
      const { play } = yield* open()
      const [changed, ...items] = completed(yield* play("[[diff]] [[subagent look there]] [[say done]]"))
      expect(changed).toMatchObject({ kind: "file-change", content: { changes: [{ path: "demo.txt", change: "update" }] } })
      expect(changed?.content.changes?.[0]?.diff).toContain("+two and a half")
      const tool = items.find(({ kind }) => kind === "tool-call")
      const parentItemId = tool?.itemId
      expect(parentItemId).toBeDefined()
      expect(items.map(({ content, kind }) => [kind, content.text, content.parentItemId])).toEqual([
        ["reasoning", "The sub-agent thinks.", parentItemId],
        ["agent-message", "look there", parentItemId],
        ["tool-call", undefined, undefined],
        ["agent-message", "done", undefined]
      ])
    }),
    Ledger.layerMemory
  )
)

it.live("X4 the variables of a project reach the agent and its commands", () =>
  Effect.gen(function* () {
    const { play } = yield* open({ env: { GREETING: "bonjour", MILLRACE_X: "no" }, settings: { permissionMode: "full-access" } })
    const seen = JSON.stringify(yield* play("[[run echo $GREETING-$MILLRACE_X]]"))
    expect(seen).toContain(`bonjour-\\n`)
  }).pipe(Effect.scoped, Effect.provide(Ledger.layerMemory))
)
