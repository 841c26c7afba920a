import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { CursorExpired, NotFound } from "@millrace/contracts/Errors"
import type { Frame } from "@millrace/contracts/Frame"
import { ItemId, ProjectId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Millrace } from "@millrace/contracts/Millrace"
import type { ThreadView, TurnView } from "@millrace/contracts/State"
import * as FollowTurn from "./FollowTurn.ts"
import { Output } from "../Output.ts"
import { plain } from "../terminal/Style.ts"

const threadId = ThreadId.make("thr_1")
const turnId = TurnId.make("trn_1")
const turn: FollowTurn.Turn = { threadId, turnId, cursor: "c-1", provider: "demo" }
const event = (type: string, data: object): Frame => ({
  _tag: "event",
  cursor: "c",
  event: { offset: 1, stream: "thread/thr_1", version: 1, type, at: "", epoch: 1, data: { threadId, turnId, ...data } }
})
const item = { itemId: ItemId.make("itm_1"), kind: "agent-message" }
const caughtUp: Frame = { _tag: "caught-up", head: 1, replayed: 0, requests: 0 }
const view: ThreadView = {
  threadId,
  projectId: ProjectId.make("prj_1"),
  title: "one",
  provider: "demo",
  cwd: "/work",
  status: "running",
  archived: false,
  queuedTurnIds: [turnId],
  openRequestIds: [],
  openItemIds: [],
  createdAt: "",
  updatedAt: ""
}
const none = Effect.dieMessage("not part of this test")

/** A service that emits these frames and reports this status of the turn; nothing else is implemented. */
const playing = (frames: Stream.Stream<Frame, CursorExpired>, status: TurnView["status"]): Millrace => ({
  dispatch: () => none,
  commandStatus: () => none,
  state: none,
  threads: () => none,
  thread: () => Effect.fail(new NotFound({ message: "not part of this test", what: "thread", id: threadId })),
  items: () => none,
  search: () => none,
  requests: none,
  providers: none,
  turns: () => Effect.succeed({ items: [{ turnId, threadId, status, origin: "user", text: "", requestedAt: "" }] }),
  follow: () => frames
})

const run = (millrace: Millrace, options: Partial<FollowTurn.Options> = {}) =>
  Effect.gen(function* () {
    let text = ""
    const asides: Array<string> = []
    const progress: Array<string | undefined> = []
    const exit = yield* Effect.exit(
      FollowTurn.follow({ millrace, via: "server", address: "" }, turn, { approve: "ask", json: false, ...options })
    ).pipe(
      Effect.provideService(Output, {
        out: (more) => Effect.sync(() => void (text += more)),
        note: () => Effect.void,
        withCommandName: (text) => text,
        progress: (now) => Effect.sync(() => void progress.push(now)),
        aside: (told) => Effect.sync(() => void asides.push(told)),
        style: plain,
        outStyle: plain,
        outIsTerminal: false,
        canAsk: false,
        width: 100,
        noteWidth: 100
      })
    )
    return {
      text,
      asides,
      progress,
      exit: exit._tag === "Success" ? 0 : exit.cause._tag === "Fail" ? exit.cause.error : exit.cause
    }
  })

describe("FollowTurn", () => {
  it.effect("D12 signals of this turn are shown in the progress line and not in the answer", () =>
    Effect.gen(function* () {
      const frameOf = (of: string, data: unknown): Frame => ({
        _tag: "signal",
        signal: { key: `usage/${of}`, threadId, turnId: TurnId.make(of), kind: "usage", data }
      })
      const frames = Stream.make(
        frameOf("trn_1", { totalTokens: 1234 }),
        frameOf("trn_2", { totalTokens: 9 }),
        frameOf("trn_1", "of another shape"),
        event("turn.completed", {})
      )
      expect(yield* run(playing(frames, "running"))).toMatchObject({ text: "", asides: ["1,234 tokens"], exit: 0 })
    })
  )

  it.effect("D13 a terminal that is no longer in the log is read from state, after a reconnect or an expired cursor", () =>
    Effect.gen(function* () {
      const back = Stream.concat(Stream.make(caughtUp, caughtUp), Stream.never)
      expect(yield* run(playing(back, "completed"))).toMatchObject({ exit: 0 })
      expect(yield* run(playing(back, "interrupted"))).toMatchObject({ exit: { exitCode: 3 } })
      const expired = new CursorExpired({ message: "gone", logEpoch: "", head: 9 })
      expect(yield* run(playing(Stream.fail(expired), "failed"))).toMatchObject({ exit: { exitCode: 1 } })
      expect(yield* run(playing(Stream.fail(expired), "running"))).toMatchObject({ exit: { exitCode: 1, message: "gone" } })
    })
  )

  it.effect("D13 the terminal of another turn does not end this one; a deleted thread does", () =>
    Effect.gen(function* () {
      const other = { turnId: TurnId.make("trn_2") }
      const frames = Stream.make<Array<Frame>>(
        event("turn.completed", other),
        event("item.delta", { ...item, ...other, text: "not mine" }),
        event("item.delta", { ...item, text: "mine" }),
        { _tag: "end", reason: "deleted" }
      )
      const ended = yield* run(playing(Stream.concat(frames, Stream.never), "running"))
      expect(ended).toMatchObject({ text: "mine\n", exit: { exitCode: 1 } })
    })
  )

  it.effect("T9 the completed text adds what the deltas lack and repeats nothing", () =>
    Effect.gen(function* () {
      const second = { itemId: ItemId.make("itm_2"), kind: "agent-message" }
      const frames = Stream.make(
        event("item.delta", { ...item, text: "one " }),
        event("item.completed", { ...item, status: "completed", text: "one two" }),
        event("item.completed", { ...second, status: "completed", text: "three" }),
        event("turn.completed", {})
      )
      expect(yield* run(playing(frames, "running"))).toMatchObject({ text: "one two\n\nthree\n", exit: 0 })
    })
  )

  it.effect("T12 while the turn waits for a place, the progress line gives the reason", () =>
    Effect.gen(function* () {
      const waiting = { reason: "agents", message: "Waits: 2 of 2 agents run." }
      const millrace: Millrace = {
        ...playing(Stream.make(caughtUp, event("turn.completed", {})), "queued"),
        thread: () => Effect.succeed({ ...view, waiting })
      }
      expect(yield* run(millrace)).toMatchObject({ progress: ["starting demo", waiting.message, undefined], exit: 0 })
    })
  )

  it.effect("D13 a terminal on an older page of turns is found", () =>
    Effect.gen(function* () {
      const pages = playing(Stream.make(caughtUp, caughtUp), "completed")
      const millrace: Millrace = {
        ...pages,
        follow: () => Stream.concat(Stream.make(caughtUp, caughtUp), Stream.never),
        turns: (id, { before }) => (before === undefined ? Effect.succeed({ items: [], before: 9 }) : pages.turns(id, { before }))
      }
      expect(yield* run(millrace)).toMatchObject({ exit: 0 })
    })
  )

  it.effect("T13 --approve answers approvals; a question exits with 4", () =>
    Effect.gen(function* () {
      const requestId = RequestId.make("req_1")
      const question = event("request.opened", {
        requestId,
        kind: "question",
        title: "Which?",
        questions: [{ id: "q", text: "Which?" }]
      })
      const frames = Stream.concat(Stream.make(question), Stream.never)
      expect(yield* run(playing(frames, "waiting"), { approve: "always" })).toMatchObject({ exit: { exitCode: 4 } })
      const approval = event("request.opened", { requestId, kind: "approval", title: "Run: ls", choices: ["accept", "decline"] })
      const answers: Array<unknown> = []
      const asking: Millrace = {
        ...playing(Stream.concat(Stream.make(approval), Stream.never), "waiting"),
        dispatch: (command) => {
          answers.push(command)
          return Effect.never
        }
      }
      const fiber = yield* Effect.fork(run(asking, { approve: "never" }))
      while (answers.length === 0) yield* Effect.yieldNow()
      expect(answers).toMatchObject([{ type: "request.answer", requestId, decision: "decline" }])
      expect(fiber.unsafePoll()).toBeNull()
    })
  )
})

it.effect("T19 a turn without a sign-in exits with 4 while a person is asked, and with 1 after the request", () =>
  Effect.gen(function* () {
    const reason = "Not signed in. Run `codex login`."
    const ended: TurnView = {
      threadId,
      turnId,
      status: "failed",
      origin: "user",
      text: "hi",
      requestedAt: "2026-11-20T09:00:00.000Z",
      reason,
      error: { kind: "auth", message: "Not signed in." }
    }
    const asked = yield* Effect.flip(FollowTurn.exitOf(ended) ?? Effect.void)
    expect(asked.exitCode).toBe(4)
    expect(asked.message.split("\n")[0]).toBe(reason)
    const settled = yield* Effect.flip(FollowTurn.exitOf(ended, false) ?? Effect.void)
    expect(settled).toMatchObject({ exitCode: 1, message: "Not signed in." })
  })
)
