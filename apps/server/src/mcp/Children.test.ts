/** Agents that have the built-in MCP server and create threads: the demo agent as a real process, over HTTP. */
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { command } from "@millrace/client/Client"
import type { DataOf } from "@millrace/contracts/Event"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { send } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"

interface Result {
  readonly threadId: ThreadId
  readonly turnId: TurnId
  readonly threads: ReadonlyArray<{ readonly threadId: string }>
  readonly error?: object
}

/** A directive of the demo agent inside of the JSON of another one. */
const nested = (directive: string) => `\\u005b\\u005b${directive}\\u005d\\u005d`
const create = (fields: string) => `[[mcp thread_create {"provider":"demo",${fields}}]]`

/** A parent with the built-in server, and the calls of its agent. */
const parent = Effect.gen(function* () {
  const hosted = yield* Hosted.start()
  const { dataDir, host, token, url } = hosted
  const dispatch = (...given: Parameters<typeof command>) => Effect.flatMap(command(...given), (one) => host.dispatch(one))
  const ended = (turnId: string | undefined) =>
    send(`${url}/api/turns/${turnId}?wait=60`, { headers: { authorization: `Bearer ${token}` } })
  const created = yield* dispatch("thread.create", {
    provider: "demo",
    cwd: dataDir,
    permissionMode: "ask",
    mcpServers: { millrace: { builtin: true } }
  })
  const threadId = created.threadId as ThreadId
  /** Runs a turn of the parent. Returns the results of its calls, in order. */
  const play = (text: string) =>
    Effect.gen(function* () {
      const { turnId } = yield* dispatch("turn.start", { threadId, text })
      yield* ended(turnId)
      const { items } = yield* host.items(threadId, { limit: 500 })
      return items
        .toReversed()
        .filter((item) => item.turnId === turnId && item.kind === "tool-call")
        .map(({ result }) => JSON.parse(String(result)) as Result)
    })
  return { ...hosted, dispatch, ended, play, threadId }
})

it.scopedLive("M2 M3 an agent starts two children, waits, reads their ends, one is interrupted; a wider child is refused", () =>
  Effect.gen(function* () {
    const { dataDir, dispatch, host, log, play, threadId } = yield* parent
    const other = yield* dispatch("thread.create", { provider: "demo", cwd: dataDir })
    const [first, second, ...refused] = yield* play(
      [
        create(`"turn":{"text":"${nested("say the otter swims")}"}`),
        create(`"turn":{"text":"${nested("sleep 600000")}"}`),
        create(`"permissionMode":"full-access"`),
        create(`"cwd":"/"`),
        create(`"directories":["/"]`),
        create(`"mcpServers":{"x":{"command":"sh"}}`),
        create(`"approve":[{"match":{"kind":"command"},"decision":"accept"}]`)
      ].join(" ")
    )
    for (const { error } of refused) expect(error).toMatchObject({ _tag: expect.stringMatching(/CommandRejected|BadRequest/) })
    expect(refused.slice(0, 4).map(({ error }) => error)).toMatchObject(
      Array.from({ length: 4 }, () => ({ rule: "WiderThanParent" }))
    )
    expect(refused).toHaveLength(5)

    const { events } = yield* log.read({ after: 0, limit: 10_000 })
    const made = events
      .filter(({ type }) => type === "thread.created")
      .map(({ json }) => JSON.parse(json) as { data: DataOf<"thread.created"> })
    expect(
      made.filter(({ data }) => data.parentThreadId === threadId).map(({ data }) => [data.threadId, data.permissionMode])
    ).toEqual([
      [first?.threadId, "ask"],
      [second?.threadId, "ask"]
    ])
    // The token of the session is in no event.
    expect(events.filter(({ json }) => json.includes("mlr_"))).toEqual([])
    expect(yield* host.thread(first?.threadId as ThreadId)).toMatchObject({
      parentThreadId: threadId,
      cwd: (yield* host.thread(threadId)).cwd
    })

    const [waited, , stopped, read, foreign, own, list] = yield* play(
      [
        `[[mcp turn_wait {"turnId":"${first?.turnId}","wait":25}]]`,
        `[[mcp turn_interrupt {"threadId":"${second?.threadId}"}]]`,
        `[[mcp turn_wait {"turnId":"${second?.turnId}","wait":25}]]`,
        `[[mcp thread_read {"threadId":"${first?.threadId}"}]]`,
        `[[mcp thread_read {"threadId":"${other.threadId}"}]]`,
        `[[mcp thread_read {"threadId":"${threadId}"}]]`,
        `[[mcp thread_list]]`
      ].join(" ")
    )
    expect(waited).toMatchObject({ ended: true, turn: { status: "completed" }, answer: "the otter swims" })
    expect(stopped).toMatchObject({ ended: true, turn: { status: "interrupted" } })
    expect(JSON.stringify(read)).toContain("the otter swims")
    expect(foreign).toMatchObject({ error: { _tag: "NotFound", id: other.threadId } })
    expect(own).toMatchObject({ thread: { threadId } })
    expect(list?.threads.map((one) => one.threadId).toSorted()).toEqual(
      [threadId, first?.threadId, second?.threadId].map(String).toSorted()
    )
  })
)

it.scopedLive("M2 an agent does not approve for its child; session.stop with children stops it", () =>
  Effect.gen(function* () {
    const { dispatch, ended, host, log, play } = yield* parent
    const [child] = yield* play(create(`"turn":{"text":"${nested("run echo hi")}"}`))
    const threadId = child?.threadId as ThreadId
    const [asked] = yield* play(`[[mcp turn_wait {"turnId":"${child?.turnId}","wait":25}]]`)
    expect(asked).toMatchObject({ ended: false, turn: { status: "waiting" } })
    const [request] = yield* host.requests
    const [answered] = yield* play(`[[mcp request_answer {"requestId":"${request?.requestId}","decision":"accept"}]]`)
    expect(answered).toMatchObject({ error: { rule: "WiderThanParent" } })
    const { parentThreadId } = yield* host.thread(threadId)
    yield* dispatch("session.stop", { threadId: parentThreadId as ThreadId, children: true })
    yield* ended(child?.turnId)
    const { events } = yield* log.read({ after: 0, limit: 10_000, stream: `thread/${threadId}` })
    expect(events.map(({ type }) => type)).toContain("session.stop.requested")
  })
)

it.scopedLive("M3 X4 X9 the token of a session is valid on /mcp only, and until the session ends", () =>
  Effect.gen(function* () {
    const { builtin, threadId, url } = yield* parent
    const session = yield* Scope.make()
    const { headers, url: endpoint } = yield* Scope.extend(builtin.issue(threadId, 1), session)
    const initialize = {
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } }
    }
    const ask = (method: string, more: Record<string, string>) =>
      Effect.promise((signal) =>
        fetch(endpoint, { method, headers: { ...headers, accept: "text/event-stream", ...more }, signal })
      )
    const begin = send(endpoint, {
      headers: { ...headers, accept: "application/json, text/event-stream", "content-type": "application/json" },
      body: JSON.stringify(initialize)
    })
    const begun = yield* begin
    expect(begun.status).toBe(200)
    const notifications = yield* ask("GET", { "mcp-session-id": String(begun.headers["mcp-session-id"]) })
    expect(notifications.status).toBe(200)
    for (const path of ["/api/threads", "/api/state", "/api/events", "/v1/models"])
      expect([path, (yield* send(`${url}${path}`, { headers })).status]).toEqual([path, 401])
    yield* Scope.close(session, Exit.void)
    // The stream of notifications ends with the token, and not with the next heartbeat.
    expect(
      yield* Effect.timeout(
        Effect.promise(() => notifications.text()),
        "10 seconds"
      )
    ).not.toContain("event:")
    expect((yield* begin).status).toBe(401)
  })
)
