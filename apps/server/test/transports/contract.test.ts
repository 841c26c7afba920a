/**
 * One contract for all forms of `Millrace`: the same answers, errors, pages and frames. transports.test.ts has the further guarantees of `follow`.
 */
import { expect, layer } from "@effect/vitest"
import { Chunk, Effect, Stream } from "effect"
import { parse } from "@millrace/contracts/Cursor"
import type { Frame } from "@millrace/contracts/Frame"
import { RequestId, ThreadId, threadStream, TurnId } from "@millrace/contracts/Ids"
import type { Millrace, PageOf, PageRequest } from "@millrace/contracts/Millrace"
import type { TransportError } from "@millrace/client/TransportError"
import * as Subjects from "./Subjects.ts"
import { command } from "./Subjects.ts"

type Anywhere = Millrace<TransportError>
const nobody = ThreadId.make("thr_nobody")
const isType = (type: string) => (frame: Frame) => frame._tag === "event" && frame.event.type === type
/** All frames up to the first one that satisfies the predicate. */
const until = (follow: ReturnType<Anywhere["follow"]>, isLast: (frame: Frame) => boolean) =>
  Effect.map(Stream.runCollect(Stream.takeUntil(follow, isLast)), Chunk.toReadonlyArray)

/** Creates a thread with a turn; returns when its stream has an event of this type. */
const begin = (text: string, type: string) =>
  Effect.gen(function* () {
    const { dataDir, millrace } = yield* Subjects.Subject
    const asked = command("thread.create", { provider: "scripted", cwd: dataDir, title: `the ${text}`, turn: { text } })
    const accepted = yield* millrace.dispatch(asked)
    const threadId = ThreadId.make(accepted.threadId ?? "")
    yield* until(millrace.follow({ stream: threadStream(threadId) }), isType(type))
    return { accepted, asked, millrace, threadId }
  })

/** Page after page, to the last. */
const pages = <A, E>(page: (request: PageRequest) => Effect.Effect<PageOf<A>, E>, limit: number) =>
  Effect.gen(function* () {
    const all: Array<A> = []
    let before: number | undefined
    do {
      const { before: next, items } = yield* page({ limit, ...(before === undefined ? {} : { before }) })
      expect(items.length).toBeLessThanOrEqual(limit)
      all.push(...items)
      before = next
    } while (before !== undefined)
    return all
  })

for (const { layer: subject, name, patient } of Subjects.all)
  layer(subject, { excludeTestServices: true })(name, (it) => {
    it.effect(
      "C1 C2 dispatch: accepted with a committed cursor; repeated: the same answer; another body or a rule's rejection: a typed error",
      () =>
        Effect.gen(function* () {
          const { accepted, asked, millrace, threadId } = yield* begin("hello", "turn.completed")
          expect(accepted).toMatchObject({
            status: "accepted",
            commandId: asked.commandId,
            turnId: expect.stringMatching(/^trn_/)
          })
          expect(parse(accepted.cursor)).toMatchObject({ right: { offset: accepted.offset } })
          const [first] = yield* until(millrace.follow({ after: accepted.cursor }), ({ _tag }) => _tag === "event")
          expect(first).toMatchObject({ event: { offset: accepted.offset + 1 } })
          expect(yield* millrace.dispatch(asked)).toEqual({ ...accepted, replayed: true })
          expect(yield* Effect.flip(millrace.dispatch({ ...asked, title: "other" } as typeof asked))).toMatchObject({
            _tag: "CommandIdConflict"
          })
          const steered = command("turn.start", { threadId, text: "x", expectedTurnId: TurnId.make("trn_other") })
          expect(yield* Effect.flip(millrace.dispatch(steered))).toMatchObject({
            _tag: "CommandRejected",
            rule: expect.any(String)
          })
        })
    )

    it.effect("C1 commandStatus: accepted, rejected and unknown", () =>
      Effect.gen(function* () {
        const { accepted, asked, millrace } = yield* begin("status", "turn.completed")
        const { status, ...rest } = yield* millrace.commandStatus(asked.commandId)
        expect([status, rest]).toMatchObject(["accepted", { commandId: asked.commandId, offset: accepted.offset }])
        const bad = command("thread.rename", { threadId: nobody, title: "x" })
        const refused = yield* Effect.flip(millrace.dispatch(bad))
        expect(refused._tag).toBe("CommandRejected")
        expect(yield* millrace.commandStatus(bad.commandId)).toMatchObject({ status: "rejected" })
        expect(yield* Effect.flip(millrace.commandStatus("never"))).toMatchObject({
          _tag: "NotFound",
          what: "command",
          id: "never"
        })
      })
    )

    it.effect("Q1 search: prompts, answers and titles, in pages, under filters", () =>
      Effect.gen(function* () {
        const { accepted, millrace, threadId } = yield* begin("needle in hay", "turn.completed")
        const { hits, more } = yield* millrace.search({ q: '"in hay" need', thread: threadId })
        expect(more).toBeUndefined()
        expect(hits.map(({ kind, snippet, turnId }) => [kind, turnId, snippet])).toEqual([
          ["agent-message", accepted.turnId, "you said: \u2068needle\u2069 \u2068in hay\u2069"],
          ["user-message", accepted.turnId, "\u2068needle\u2069 \u2068in hay\u2069"],
          ["title", undefined, "the \u2068needle\u2069 \u2068in hay\u2069"]
        ])
        const paged: Array<unknown> = []
        let before: number | undefined
        do {
          const page = yield* millrace.search({
            q: "needle",
            thread: threadId,
            limit: 1,
            ...(before !== undefined && { before })
          })
          expect(page.hits.length).toBeLessThanOrEqual(1)
          paged.push(...page.hits.map(({ kind }) => kind))
          before = page.more
        } while (before !== undefined)
        expect(paged).toEqual(["agent-message", "user-message", "title"])
        const { projectId } = yield* millrace.thread(threadId)
        expect((yield* millrace.search({ q: "needle", kind: "title", project: projectId })).hits).toHaveLength(1)
        expect((yield* millrace.search({ q: "needle -hay" })).hits).toEqual([])
      })
    )

    it.effect("D4 state, thread, turns and items agree on one position of the log", () =>
      Effect.gen(function* () {
        const { accepted, millrace, threadId } = yield* begin("state", "turn.completed")
        const thread = yield* millrace.thread(threadId)
        expect(thread).toMatchObject({ threadId, title: "the state", provider: "scripted", status: "idle", archived: false })
        const { logEpoch, offset, threads } = yield* millrace.state
        expect(accepted.cursor.startsWith(`${logEpoch}-`)).toBe(true)
        expect(offset).toBeGreaterThan(accepted.offset)
        expect(threads.find((one) => one.threadId === threadId)).toEqual(thread)
        const turns = yield* millrace.turns(threadId, {})
        expect(turns.items).toMatchObject([{ turnId: accepted.turnId, status: "completed", text: "state" }])
        expect(turns.offset).toBeGreaterThanOrEqual(offset)
        const items = yield* millrace.items(threadId, {})
        expect(items.items.map(({ kind, text }) => [kind, text])).toEqual([
          ["agent-message", "you said: state"],
          ["user-message", "state"]
        ])
        for (const lookup of [millrace.thread(nobody), millrace.turns(nobody, {}), millrace.items(nobody, {})])
          expect(yield* Effect.flip(lookup as Effect.Effect<unknown, { readonly _tag: string }>)).toMatchObject({
            _tag: "NotFound",
            what: "thread",
            id: nobody
          })
      })
    )

    it.effect("D10 pages: newest first, within the limit, each entry once, to the last", () =>
      Effect.gen(function* () {
        const { millrace, threadId } = yield* begin("pages", "turn.completed")
        for (let n = 0; n < 3; n++) {
          const { cursor } = yield* millrace.dispatch(command("turn.start", { threadId, text: `more ${n}` }))
          yield* until(millrace.follow({ stream: threadStream(threadId), after: cursor }), isType("turn.completed"))
        }
        yield* begin("another", "turn.completed")
        expect((yield* pages((page) => millrace.turns(threadId, page), 1)).map(({ text }) => text)).toEqual([
          "more 2",
          "more 1",
          "more 0",
          "pages"
        ])
        const items = yield* pages((page) => millrace.items(threadId, page), 3)
        expect(items.map(({ itemId }) => itemId)).toEqual((yield* millrace.items(threadId, {})).items.map(({ itemId }) => itemId))
        expect(items).toHaveLength(8)
        const threads = yield* pages(millrace.threads, 1)
        expect(threads).toEqual((yield* millrace.threads({})).items)
        expect(threads[0]?.title).toBe("the another")
        expect((yield* millrace.threads({ archived: true })).items).toEqual([])
      })
    )

    it.effect(
      "T13 requests: the same in requests, state and thread; the first answer wins, the second gets already-settled, an unknown request is rejected",
      () =>
        Effect.gen(function* () {
          const { millrace, threadId } = yield* begin("ask", "request.opened")
          const mine = (yield* millrace.requests).filter((request) => request.threadId === threadId)
          expect(mine).toMatchObject([{ threadId }])
          const { requestId } = mine[0]!
          expect((yield* millrace.state).requests).toContainEqual(mine[0])
          expect(yield* millrace.thread(threadId)).toMatchObject({ status: "needs-you", openRequestIds: [requestId] })
          const answer = (decision: "accept" | "decline") => millrace.dispatch(command("request.answer", { requestId, decision }))
          expect(yield* answer("accept")).toMatchObject({ outcome: "answered" })
          expect(yield* answer("decline")).toMatchObject({ outcome: "already-settled" })
          const unknown = command("request.answer", { requestId: RequestId.make("req_nobody"), decision: "accept" })
          expect(yield* Effect.flip(millrace.dispatch(unknown))).toMatchObject({ _tag: "CommandRejected" })
          yield* until(millrace.follow({ stream: threadStream(threadId) }), isType("turn.completed"))
          expect((yield* millrace.requests).filter((request) => request.threadId === threadId)).toEqual([])
        })
    )

    it.effect(
      "D3 D6 follow: replay, caught-up once, the end of a stream; a foreign cursor is rejected; providers are listed",
      () =>
        Effect.gen(function* () {
          const { millrace, threadId } = yield* begin("follow", "session.state.changed")
          const stream = threadStream(threadId)
          yield* until(millrace.follow({ stream }), isType("turn.completed"))
          yield* millrace.dispatch(command("thread.delete", { threadId }))
          const frames = yield* until(millrace.follow({ stream }), ({ _tag }) => _tag === "end")
          expect(frames.filter(({ _tag }) => _tag === "caught-up")).toHaveLength(1)
          expect(frames.at(-1)?._tag).toBe("end")
          const versions = frames.flatMap((frame) => (frame._tag === "event" ? [frame.event.version] : []))
          expect(versions).toEqual(versions.map((_, at) => at + 1))
          const { logEpoch } = yield* millrace.state
          for (const [after, tag] of [
            ["nonsense", "CursorMalformed"],
            [`${"0".repeat(26)}-1`, "CursorForeign"],
            [`${logEpoch}-999999999`, "CursorAhead"]
          ])
            expect(yield* Effect.flip(Stream.runDrain(millrace.follow({ after: after! })))).toMatchObject({ _tag: tag })
          expect(yield* millrace.providers).toMatchObject([{ provider: "scripted", installed: true, signedIn: "not-needed" }])
        })
    )

    it.effect("S1 after a shutdown began: commands are rejected with a typed error, reads still work", () =>
      Effect.gen(function* () {
        const { threadId } = yield* begin("last", "turn.completed")
        const { beginShutdown, dataDir, millrace } = yield* Subjects.Subject
        yield* beginShutdown
        const late = millrace.dispatch(command("thread.create", { provider: "scripted", cwd: dataDir }))
        if (!patient)
          expect(yield* Effect.flip(late)).toMatchObject({ _tag: "ShuttingDown", retryAfterMillis: expect.any(Number) })
        expect(yield* millrace.thread(threadId)).toMatchObject({ status: "idle" })
        // A new SSE connection is closed without an answer (D16): its client comes back after the restart.
        if (!name.includes("HTTP")) expect(yield* until(millrace.follow({}), ({ _tag }) => _tag === "caught-up")).not.toEqual([])
      })
    )
  })
