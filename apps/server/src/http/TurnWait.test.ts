import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import type { Accepted } from "@millrace/contracts/Command"
import type { RequestView } from "@millrace/contracts/Item"
import type { TurnView } from "@millrace/contracts/State"
import { send } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"

/** A running server, and a turn that waits for an approval until `settle`. */
const asking = Effect.gen(function* () {
  const hosted = yield* Hosted.start()
  const headers = { authorization: `Bearer ${hosted.token}` }
  const call = (path: string, body?: object) =>
    Effect.map(
      send(`${hosted.url}${path}`, { headers, ...(body !== undefined && { body: JSON.stringify(body) }) }),
      (answer) => ({
        status: answer.status,
        body: JSON.parse(answer.body) as unknown
      })
    )
  const created = yield* call("/api/threads", {
    provider: "demo",
    cwd: hosted.dataDir,
    turn: { text: "[[run echo hi]] [[say done]]" }
  })
  const { cursor, turnId } = created.body as Accepted
  const opened = call(`/api/events?after=${cursor}&types=request.opened&wait=60`)
  const turn = (query = "") => Effect.map(call(`/api/turns/${turnId}${query}`), ({ body }) => body as TurnView)
  const settle = Effect.gen(function* () {
    const requests = (yield* call("/api/requests")).body as ReadonlyArray<RequestView>
    expect((yield* call(`/api/requests/${requests[0]?.requestId}/answer`, { decision: "accept" })).status).toBe(200)
  })
  yield* opened
  return { ...hosted, call, settle, turn }
})

it.scopedLive("D13 a wait for a turn answers at its end, with its outcome; without a wait at once", () =>
  Effect.gen(function* () {
    const { call, settle, turn } = yield* asking
    expect(yield* turn()).toMatchObject({ status: "waiting" })
    expect(yield* turn("?wait=0")).toMatchObject({ status: "waiting" })
    const waits = yield* Effect.fork(Effect.all([turn("?wait=60"), turn("?wait=900")], { concurrency: 2 }))
    yield* settle
    for (const ended of yield* Fiber.join(waits))
      expect(ended).toMatchObject({ status: "completed", endedAt: expect.any(String) })
    expect(yield* turn("?wait=60"), "an ended turn is answered at once").toMatchObject({ status: "completed" })
    for (const [path, status] of [
      ["/api/turns/trn_none", 404],
      ["/api/turns/trn_none?wait=60", 404],
      ["/api/turns/nonsense", 404],
      ["/api/turns/trn_none?wait=soon", 400],
      ["/api/turns/trn_none?wait=-1", 400]
    ] as const) {
      const answer = yield* call(path)
      expect([path, answer.status]).toEqual([path, status])
      expect(answer.body).toMatchObject({ _tag: status === 404 ? "NotFound" : "BadRequest" })
    }
  })
)

it.scopedLive("D13 a wait ends with the present view when its time has passed, and when the server drains", () =>
  Effect.gen(function* () {
    const { server, turn } = yield* asking
    expect(yield* turn("?wait=1")).toMatchObject({ status: "waiting" })
    const longPolls = Effect.map(server.samples({ named: true }), (samples) =>
      samples
        .filter(({ name }) => name === "millrace_followers")
        .flatMap(({ values }) => values.map(({ labels, value }) => (labels?.["transport"] === "long-poll" ? Number(value) : 0)))
        .reduce((sum, value) => sum + value, 0)
    )
    const wait = yield* Effect.fork(turn("?wait=60"))
    yield* Effect.repeat(longPolls, { until: (open) => open > 0, schedule: Schedule.spaced("20 millis") })
    const { cut } = yield* server.drain("20 seconds")
    expect(cut).toBe(0)
    expect(yield* Fiber.join(wait)).toMatchObject({ status: "waiting" })
  })
)
