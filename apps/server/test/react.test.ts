/** The state of `@millrace/react`, without React, against the real server behind a proxy that cuts its connections. */
import { describe, expect, it } from "@effect/vitest"
import { RequestId, type ThreadId } from "@millrace/contracts/Ids"
import * as AppState from "@millrace/model/AppState"
import * as Transcript from "@millrace/model/Transcript"
import { connect, type LiveState, type State } from "@millrace/react/LiveState"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect } from "effect"
import { cuttingProxy } from "./support/CuttingProxy.ts"
import * as Hosted from "./support/Hosted.ts"

const agent = ScriptedProvider.make({
  turn: (turn) =>
    Effect.gen(function* () {
      yield* turn.start
      if (turn.text === "ask") yield* turn.ask({ kind: "approval", title: "May I?", choices: ["accept", "decline"] })
      for (let n = 0; n < 40; n++) yield* turn.say(`message ${n} 水車 `.repeat(5))
      yield* turn.complete
    })
})

/** Resolves when the state has become so. */
const until = (live: LiveState, holds: (state: State) => boolean) =>
  new Promise<State>((resolve) => {
    const look = () => {
      for (const [threadId, { state }] of live.current().threads) if (state === "failed") void live.retryThread(threadId)
      if (!holds(live.current())) return
      stop()
      resolve(live.current())
    }
    const stop = live.subscribe(look)
    look()
  })

const rowsOf = (state: State, threadId: ThreadId) => {
  const opened = state.threads.get(threadId)
  return opened?.state === "ready" ? Transcript.rows(opened.transcript, state.app?.settled) : []
}
const ends = (state: State, threadId: ThreadId) => rowsOf(state, threadId).filter(({ kind }) => kind === "end").length

describe("LiveState", () => {
  const withState = (
    cuts: number,
    program: (live: LiveState, hosted: Effect.Effect.Success<ReturnType<typeof Hosted.start>>) => Promise<void>
  ) =>
    Effect.gen(function* () {
      const hosted = yield* Hosted.start(undefined, [agent.adapter])
      const proxy = yield* cuttingProxy(hosted.server.port, cuts, () => 0.3)
      const live = yield* Effect.acquireRelease(
        Effect.promise(() => connect({ url: `http://127.0.0.1:${proxy.port}`, token: hosted.token, wait: queueMicrotask })),
        (connected) => Effect.promise(() => connected.close())
      )
      yield* Effect.promise(() => program(live, hosted))
    })

  it.scopedLive("D2 D14 over cut connections the state and an open transcript become what the server answers", () =>
    withState(3, async (live, hosted) => {
      const { threadId } = await live.client.command("thread.create", {
        provider: agent.adapter.name,
        cwd: hosted.dataDir,
        turn: { text: "one" }
      })
      const id = threadId as ThreadId
      const release = live.retainThread(id)
      await until(live, (state) => ends(state, id) === 1)
      await live.client.command("turn.start", { threadId: id, text: "two" })
      await until(live, (now) => ends(now, id) === 2 && now.app?.threads[id]?.session?.status === "ready")
      const [snapshot, items] = await Promise.all([live.client.state(), live.client.items(id, { limit: 200 })])
      const state = await until(live, ({ app }) => app?.offset === snapshot.offset)
      expect(state.app?.threads).toEqual(AppState.fromSnapshot(snapshot).threads)
      expect(rowsOf(state, id).flatMap((row) => (row.kind === "item" ? [row.item] : []))).toEqual(items.items.toReversed())
      release()
    })
  )

  it.scopedLive("T13 a request that is answered leaves the open ones and stands in the transcript", () =>
    withState(0, async (live, hosted) => {
      const { threadId } = await live.client.command("thread.create", {
        provider: agent.adapter.name,
        cwd: hosted.dataDir,
        turn: { text: "ask" }
      })
      const id = threadId as ThreadId
      live.retainThread(id)
      const asked = await until(live, ({ app }) => Object.keys(app?.requests ?? {}).length === 1)
      const [request] = Object.values(asked.app?.requests ?? {})
      await live.client.command("request.answer", { requestId: request?.requestId ?? RequestId.make("none"), decision: "accept" })
      const state = await until(live, (now) => ends(now, id) === 1)
      expect(state.app?.requests).toEqual({})
      expect(rowsOf(state, id).map(({ kind }) => kind)).toContain("settled")
    })
  )

  it.scopedLive("X1 a token that the server does not know ends the connection with its reason", () =>
    Effect.gen(function* () {
      const { server } = yield* Hosted.start(undefined, [agent.adapter])
      const live = yield* Effect.promise(() =>
        connect({ url: `http://127.0.0.1:${server.port}`, token: "none", wait: queueMicrotask })
      )
      const { connection } = yield* Effect.promise(() => until(live, (state) => state.connection.state === "failed"))
      expect(connection).toMatchObject({ state: "failed", message: expect.stringMatching(/token/) })
      yield* Effect.promise(() => live.close())
    })
  )
})
