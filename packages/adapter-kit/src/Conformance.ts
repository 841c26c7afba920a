/**
 * The contract of every agent, as tests. Call `conformance(driver)` in a test file of the adapter. Each case opens the agent in one scene, acts, reads
 * the events to their end, and checks the five promises of the normaliser on them. After the scope of a case has closed, no process is left (P1).
 */
import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"
import type { Attachment } from "@millrace/contracts/Attachment"
import type {
  OpenInput,
  PlacedAttachment,
  ProviderError,
  ProviderSession,
  TurnAttachment
} from "@millrace/contracts/ProviderAdapter"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import * as Ledger from "@millrace/providers/process/Ledger"
import { Effect, Fiber, type Scope, Stream } from "effect"
import type { Driver, Scene } from "./Driver.ts"
import { faults, finish, isTerminal, record, type Recording } from "./Recording.ts"
import { completed, deltas, opaque, story } from "./Story.ts"

const threadId = ThreadId.make("thr_kit")
const turn = (n: number) => TurnId.make(`trn_${n}`)
const canary = "kit-canary-7b1d"
const burstSize = 20_000
/** Maximum number of messages of an unread agent that the process module holds: 1,024 in its buffer, 1,024 in the current chunk, and the pipe. */
const heldLines = 2 * 1024 + 512

/** A PNG of one pixel. */
const picture = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC",
  "base64"
)
/** A copy in the folder, as the server makes it. */
const attached = (folder: string, name: string, mediaType: string, content: Buffer): PlacedAttachment => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return { blob: createHash("sha256").update(content).digest("hex"), name, mediaType, bytes: content.length, path }
}

const opened = (driver: Driver, scene: Scene, more: Partial<OpenInput> = {}) =>
  Effect.gen(function* () {
    const session = yield* driver.open(scene, { threadId, epoch: 1, cwd: import.meta.dirname, ...more })
    let turns = 0
    const start = (n = ++turns, attachments?: ReadonlyArray<TurnAttachment>) =>
      session.startTurn({
        turnId: turn(n),
        text: driver.prompt?.(scene, n) ?? "go on",
        ...(attachments === undefined ? {} : { attachments })
      })
    return { session, start, recording: yield* record(session) }
  })
const ended = (recording: Recording, n: number): Effect.Effect<ProviderEvent> => {
  const fits = (event: { readonly turnId?: TurnId }) => event.turnId === turn(n)
  return Effect.raceAll([
    recording.until("TurnCompleted", fits),
    recording.until("TurnFailed", fits),
    recording.until("TurnInterrupted", fits)
  ])
}
const asked = (recording: Recording, n: number) => recording.until("RequestOpened", ({ turnId }) => turnId === turn(n))
const terminals = (events: ReadonlyArray<ProviderEvent>) => events.filter(isTerminal).map(({ _tag }) => _tag)
const pids = Effect.flatMap(Ledger.Ledger, ({ entries }) => Effect.map(entries, (all) => all.entries.map(({ pid }) => pid)))
/** The error with which a session rejects another turn. */
const refusal = (session: ProviderSession, n: number) =>
  session.startTurn({ turnId: turn(n), text: "too late" }).pipe(
    Effect.flip,
    Effect.orDieWith(() => new Error("it was accepted"))
  )
const messages = (events: ReadonlyArray<ProviderEvent>) => completed(events, "agent-message").map(({ text }) => text ?? "")

interface Case {
  readonly name: string
  readonly scene: Scene
  /** The case needs an agent that is a child process of ours. */
  readonly process?: true
  readonly run: (driver: Driver) => Effect.Effect<void, ProviderError | Ledger.LedgerError, Scope.Scope | Ledger.Ledger>
}

export const cases: ReadonlyArray<Case> = [
  {
    name: "T2 T9 two turns, from open to stop: each is ours, ends once, and its message is the sum of the deltas",
    scene: "talk",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "talk")
      assert.strictEqual(session.continuity, "fresh")
      for (const n of [1, 2]) {
        yield* start()
        assert.strictEqual((yield* ended(recording, n))._tag, "TurnCompleted")
        const of = recording.events.filter((event) => "turnId" in event && event.turnId === turn(n))
        assert.deepInclude(of[0], { _tag: "TurnStarted", origin: "user" })
        assert.deepStrictEqual(messages(of), [deltas(of, "agent-message")])
        assert.isAbove(deltas(of, "agent-message").length, 0)
      }
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted", "TurnCompleted"])
      yield* session.stop("again")
      assert.strictEqual((yield* refusal(session, 3)).outcome, "failed")
    })
  },
  {
    name: "T2 a turn with an image and another file completes; images are taken natively if the session says that it takes them",
    scene: "talk",
    run: Effect.fnUntraced(function* (driver) {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-kit-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
      )
      const { recording, session, start } = yield* opened(driver, "talk", { attachments: folder })
      const image = attached(folder, "image.png", "image/png", picture)
      const table = attached(folder, "table.csv", "text/csv", Buffer.from("a,b\n1,2\n"))
      const takes = (one: Attachment) => session.takes?.(one) === true
      assert.strictEqual(takes(image), session.capabilities.includes("images"))
      const given = (one: PlacedAttachment): TurnAttachment => ({ ...one, delivery: takes(one) ? "native" : "path" })
      yield* start(1, [given(image), given(table)])
      assert.strictEqual((yield* ended(recording, 1))._tag, "TurnCompleted")
      yield* start(2)
      assert.strictEqual((yield* ended(recording, 2))._tag, "TurnCompleted")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted", "TurnCompleted"])
    })
  },
  {
    name: "T7 interrupts of an unknown, a streaming and an ended turn; then the next turn",
    scene: "stream",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "stream")
      yield* session.interrupt(turn(9))
      yield* start()
      yield* recording.until("ItemDelta")
      yield* session.interrupt(turn(1))
      assert.strictEqual((yield* ended(recording, 1))._tag, "TurnInterrupted")
      yield* session.interrupt(turn(1))
      yield* start()
      assert.strictEqual((yield* ended(recording, 2))._tag, "TurnCompleted")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted", "TurnCompleted"])
    })
  },
  {
    name: "T7 an interrupt right after the start ends that turn, once",
    scene: "stream",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "stream")
      yield* start()
      yield* session.interrupt(turn(1))
      assert.strictEqual((yield* ended(recording, 1))._tag, "TurnInterrupted")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted"])
    })
  },
  {
    name: "T7 a stop in mid-stream ends the turn as interrupted and keeps its text",
    scene: "stream",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "stream")
      yield* start()
      const { text } = yield* recording.until("ItemDelta")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted"])
      assert.isTrue(messages(recording.events)[0]?.startsWith(text))
    })
  },
  {
    name: "T13 an approval is answered once; a second answer, and one to an unknown request, are no-ops",
    scene: "approve",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "approve")
      yield* start()
      const { ask, requestId } = yield* asked(recording, 1)
      assert.strictEqual(ask.kind, "approval")
      yield* session.answer(requestId, { decision: "decline" })
      yield* session.answer(requestId, { decision: "accept" })
      assert.strictEqual((yield* ended(recording, 1))._tag, "TurnCompleted")
      if (ask.itemId !== undefined) assert.isTrue(story(recording.events).some((line) => line.endsWith(" declined")))
      assert.deepStrictEqual(yield* finish(session, recording, [requestId]), ["TurnCompleted"])
    })
  },
  {
    name: "T13 a question is answered, and the turn continues",
    scene: "question",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "question")
      yield* start()
      const { ask, requestId } = yield* recording.until("RequestOpened", (event) => event.ask.kind === "question")
      const questions = ask.kind === "question" ? ask.questions : []
      const answer: Answer = { answers: Object.fromEntries(questions.map(({ id }) => [id, ["Blue"]])) }
      yield* session.answer(requestId, answer)
      assert.strictEqual((yield* ended(recording, 1))._tag, "TurnCompleted")
      yield* finish(session, recording, [requestId])
    })
  },
  {
    name: "T7 T13 an interrupt during an open request cancels it and ends the turn; the late answer is a no-op",
    scene: "waiting",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "waiting")
      yield* start()
      const { requestId } = yield* asked(recording, 1)
      yield* session.interrupt(turn(1))
      assert.strictEqual((yield* ended(recording, 1))._tag, "TurnInterrupted")
      yield* session.answer(requestId, { decision: "accept" })
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted"])
    })
  },
  {
    name: "T13 a stop during an open request: it is cancelled, its turn ends without failure, nothing hangs",
    scene: "approve",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "approve")
      yield* start()
      const { requestId } = yield* asked(recording, 1)
      const [end, ...more] = yield* finish(session, recording)
      // Some agents complete the turn and do not interrupt it.
      assert.include(["TurnInterrupted", "TurnCompleted"], end)
      assert.deepStrictEqual(more, [])
      assert.include(story(recording.events), "?cancelled")
      yield* session.answer(requestId, { decision: "accept" }).pipe(Effect.ignore)
    })
  },
  {
    name: "P5 T11 an exit with code 0 in mid-turn is a failure, after all earlier output",
    scene: "exit",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, start } = yield* opened(driver, "exit")
      yield* start()
      yield* Fiber.join(recording.done)
      assert.deepStrictEqual(faults(recording.events), [])
      const failed = yield* recording.until("TurnFailed")
      assert.strictEqual(failed.error.kind, "process")
      assert.include(messages(recording.events), deltas(recording.events, "agent-message"))
    })
  },
  {
    name: "P4 lines that are not messages become diagnostics, and the turn continues",
    scene: "garbage",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "garbage")
      yield* start()
      assert.strictEqual((yield* ended(recording, 1))._tag, "TurnCompleted")
      assert.include(opaque(recording.events), "millrace/bad-line")
      yield* finish(session, recording)
    })
  },
  {
    name: "P3 a line over the limit fails the turn with a message; earlier output is kept",
    scene: "oversize",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "oversize")
      yield* start()
      const failed = yield* recording.until("TurnFailed")
      assert.strictEqual(failed.error.kind, "protocol")
      assert.isAbove(deltas(recording.events, "agent-message").length, 0)
      yield* finish(session, recording)
    })
  },
  {
    name: "D7 a slow reader blocks the agent at its pipe, and gets everything in order",
    scene: "burst",
    process: true,
    run: Effect.fnUntraced(function* (driver) {
      const session = yield* driver.open("burst", { threadId, epoch: 1, cwd: import.meta.dirname })
      const [pid = 0] = yield* pids
      /** Bytes that the agent has written so far. */
      const wrote = () => Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1])
      const before = wrote()
      yield* session.startTurn({ turnId: turn(1), text: driver.prompt?.("burst", 1) ?? "go on" })
      const seen: Array<ProviderEvent> = []
      const ahead: Array<readonly [number, number]> = []
      yield* session.events.pipe(
        // The sleep makes the consumer slow. It does not wait for an event.
        Stream.mapChunksEffect((chunk) => Effect.as(Effect.sleep(15), chunk)),
        Stream.takeUntil(isTerminal),
        Stream.runForEachChunk((chunk) =>
          Effect.sync(() => {
            seen.push(...chunk)
            ahead.push([wrote() - before, seen.length])
          })
        )
      )
      const received = seen.filter(({ _tag }) => _tag === "ItemDelta").length
      assert.isAtLeast(received, burstSize)
      const bytesOfLine = (ahead.at(-1)?.[0] ?? 0) / received
      for (const [bytes, events] of ahead) assert.isBelow(bytes / bytesOfLine - events, heldLines + (2 * 65_536) / bytesOfLine)
      yield* session.stop("the test is over")
    })
  },
  {
    name: "T1 T9 every message twice: each turn and item begins and ends once",
    scene: "twice",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "twice")
      for (const n of [1, 2]) {
        yield* start()
        assert.strictEqual((yield* ended(recording, n))._tag, "TurnCompleted")
      }
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted", "TurnCompleted"])
      assert.lengthOf(messages(recording.events), 2)
      assert.notInclude(story(recording.events), "start by agent")
    })
  },
  {
    name: "P6 messages, types and values of a newer version are passed on unchanged; an unknown request is rejected, and the turn continues",
    scene: "news",
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "news")
      yield* start()
      assert.strictEqual((yield* ended(recording, 1))._tag, "TurnCompleted")
      assert.isAbove(opaque(recording.events).length, 0)
      assert.include(JSON.stringify(recording.events), "future")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted"])
    })
  },
  {
    name: "P5 a kill in mid-turn fails the turn, keeps its text and ends the stream; the next session has the conversation",
    scene: "killed",
    process: true,
    run: Effect.fnUntraced(function* (driver) {
      const { recording, session, start } = yield* opened(driver, "killed")
      yield* start()
      assert.strictEqual((yield* ended(recording, 1))._tag, "TurnCompleted")
      yield* start()
      yield* Effect.raceFirst(
        recording.until("ItemDelta", ({ turnId }) => turnId === turn(2)),
        recording.until("TurnFailed")
      )
      for (const pid of yield* pids) yield* Effect.ignore(Effect.try(() => process.kill(-pid, "SIGKILL")))
      yield* Fiber.join(recording.done)
      assert.deepStrictEqual(faults(recording.events), [])
      assert.deepStrictEqual(terminals(recording.events), ["TurnCompleted", "TurnFailed"])
      assert.strictEqual((yield* recording.until("TurnFailed")).error.kind, "process")
      assert.strictEqual((yield* refusal(session, 3)).failure.kind, "process")

      assert.isString(session.resumeKey)
      const again = yield* opened(driver, "killed", { epoch: 2, resumeKey: session.resumeKey ?? "" })
      assert.strictEqual(again.session.continuity, "resumed")
      assert.strictEqual(again.session.resumeKey, session.resumeKey)
      yield* again.start(1)
      assert.strictEqual((yield* ended(again.recording, 1))._tag, "TurnCompleted")
      assert.deepStrictEqual(yield* finish(again.session, again.recording), ["TurnCompleted"])
    })
  },
  {
    name: "P7 a missing conversation, or one of another agent: a new one begins, and the session reports it",
    scene: "lost",
    run: Effect.fnUntraced(function* (driver) {
      for (const resumeKey of ["01900000-0000-7000-8000-000000000000", "demo-../../of another"]) {
        const { recording, session, start } = yield* opened(driver, "lost", { epoch: 2, resumeKey })
        assert.strictEqual(session.continuity, "fresh")
        assert.isAtMost((yield* pids).length, 1)
        assert.notStrictEqual(session.resumeKey, resumeKey)
        yield* recording.until("Opaque", ({ method }) => method === "millrace/conversation-lost")
        yield* start()
        assert.strictEqual((yield* ended(recording, 1))._tag, "TurnCompleted")
        yield* finish(session, recording)
      }
    })
  },
  {
    name: "X4 the agent inherits the variables of the allow-list, and no secret of the server",
    scene: "talk",
    process: true,
    run: Effect.fnUntraced(function* (driver) {
      const planted = ["MILLRACE_TOKEN", "KIT_SECRET", "AWS_SECRET_ACCESS_KEY", "NODE_OPTIONS"]
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const before = planted.map((name) => [name, process.env[name]] as const)
          for (const name of planted) process.env[name] = `--title=${canary}`
          return before
        }),
        (before) =>
          Effect.sync(() => {
            for (const [name, value] of before)
              if (value === undefined) delete process.env[name]
              else process.env[name] = value
          })
      )
      const { recording, session } = yield* opened(driver, "talk")
      const [pid = 0] = yield* pids
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8")
      assert.include(environment, "PATH=")
      assert.notInclude(environment, canary)
      assert.notInclude(readFileSync(`/proc/${pid}/cmdline`, "utf8"), canary)
      yield* finish(session, recording)
    })
  }
]

/** The reason for which this driver does not run a case. `undefined` if the driver runs it. */
export const skipped = (driver: Driver, { process: needsProcess, scene }: Case): string | undefined =>
  driver.cannot[scene] ?? (needsProcess === true ? driver.cannot.process : undefined)

/** Registers one test for each case. A case that the driver cannot play becomes a skipped test with the reason in its name. */
export const conformance = (driver: Driver) =>
  describe(`${driver.name}: the contract of every agent`, () => {
    for (const one of cases) {
      const reason = skipped(driver, one)
      if (reason !== undefined) it.skip(`${one.name} (not played: ${reason})`, () => undefined)
      else
        it.live(one.name, () =>
          Effect.gen(function* () {
            yield* Effect.scoped(one.run(driver))
            assert.deepStrictEqual(yield* pids, [])
          }).pipe(Effect.provide(Ledger.layerMemory))
        )
    }
  })
