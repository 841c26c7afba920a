import { createHash } from "node:crypto"
import { appendFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Clock, Effect, Either, Option, Schema, Stream } from "effect"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import { TokenScope } from "@millrace/contracts/Access"
import { ApiGroup } from "@millrace/contracts/Api"
import { Command, CommandBody, type CommandType } from "@millrace/contracts/Command"
import { CommandId, RequestId, ThreadId } from "@millrace/contracts/Ids"
import { type Fixture, follower, live, send, start } from "../../test/support/Fixture.ts"
import * as OpenAi from "../openai/OpenAi.ts"
import * as Scopes from "./Scopes.ts"
import * as Tokens from "./Tokens.ts"

const scopes = TokenScope.literals
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const rpc = ({ url }: Pick<Fixture, "url">, token: string) =>
  RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(token) })

/** A body that each command's schema accepts. */
const bodies: Readonly<Record<CommandType, object>> = {
  "project.create": { cwd: "/tmp" },
  "project.update": { projectId: "prj_a", title: "t" },
  "project.delete": { projectId: "prj_a" },
  "thread.create": { provider: "demo" },
  "thread.rename": { threadId: "thr_a", title: "t" },
  "thread.configure": { threadId: "thr_a" },
  "turn.retry": { threadId: "thr_a", turnId: "trn_a" },
  "thread.handover": { threadId: "thr_a", provider: "demo" },
  "thread.fork": { threadId: "thr_a" },
  "thread.compact": { threadId: "thr_a" },
  "thread.review": { threadId: "thr_a", target: { type: "uncommittedChanges" } },
  "thread.archive": { threadId: "thr_a" },
  "thread.unarchive": { threadId: "thr_a" },
  "thread.delete": { threadId: "thr_a" },
  "turn.start": { threadId: "thr_a", text: "hi" },
  "turn.interrupt": { threadId: "thr_a" },
  "turn.edit": { threadId: "thr_a", turnId: "trn_a", text: "hi" },
  "turn.remove": { threadId: "thr_a", turnId: "trn_a" },
  "turn.reorder": { threadId: "thr_a", turnIds: ["trn_a"] },
  "turn.promote": { threadId: "thr_a", turnId: "trn_a" },
  "goal.set": { threadId: "thr_a", objective: "o" },
  "goal.pause": { threadId: "thr_a" },
  "goal.resume": { threadId: "thr_a" },
  "goal.clear": { threadId: "thr_a" },
  "continuation.cancel": { threadId: "thr_a" },
  "request.answer": { requestId: "req_a", decision: "accept" },
  "thread.rewind": { threadId: "thr_a", turnId: "trn_a" },
  "workspace.discard": { threadId: "thr_a", paths: ["a"] },
  "workspace.remove": { threadId: "thr_a" },
  "workspace.commit": { threadId: "thr_a", message: "m" },
  "workspace.merge": { threadId: "thr_a" },
  "workspace.push": { threadId: "thr_a" },
  "workspace.propose": { threadId: "thr_a" },
  "session.stop": { threadId: "thr_a" }
}
const commands = (Object.keys(CommandBody) as Array<CommandType>).map((type) =>
  Schema.decodeUnknownSync(Command)({ commandId: `cmd_${type}`, type, ...bodies[type] })
)

/** The scopes that may do it, by the order of the product's definition. */
const holders = {
  read: ["read", "answer", "operate", "admin"],
  answer: ["answer", "operate", "admin"],
  operate: ["operate", "admin"]
}

const tokensOf = ({ dataDir }: Fixture) =>
  Effect.forEach(scopes, (scope) =>
    Effect.map(Tokens.create(dataDir, { name: scope, scope }), ({ token }) => [scope, token] as const)
  )

it.scopedLive("X9 every command of every token: allowed, or 403 with the scope that it needs, over HTTP and RPC", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    for (const [scope, token] of yield* tokensOf(fixture)) {
      const client = yield* rpc(fixture, token)
      for (const command of commands) {
        const needed = command.type === "request.answer" ? "answer" : "operate"
        const allowed = holders[needed].includes(scope)
        const http = yield* send(`${fixture.url}/api/commands`, { headers: bearer(token), body: JSON.stringify(command) })
        expect([scope, command.type, http.status]).toEqual([scope, command.type, allowed ? 200 : 403])
        const called = yield* Effect.either(client.dispatch(command))
        if (allowed) expect(Either.isRight(called)).toBe(true)
        else {
          const error = { _tag: "Forbidden", scope: needed, message: expect.stringContaining(`--scope ${needed}`) }
          expect(JSON.parse(http.body)).toMatchObject(error)
          const refused = Either.getOrThrow(Either.flip(called))
          expect(refused).toMatchObject({ _tag: "Refused", status: 403 })
          expect(JSON.parse("body" in refused ? refused.body : "")).toMatchObject(error)
        }
      }
    }
  })
)

it.scopedLive("X9 every route of every token: 403 with the scope that it needs, before its body is read, or served", () =>
  Effect.gen(function* () {
    const fixture = yield* start({ publicUrl: "https://millrace.example" })
    const needs: Readonly<Record<string, "read" | "answer" | "operate" | "admin" | "any">> = {
      createThread: "operate",
      startTurn: "operate",
      file: "operate",
      threadDiff: "operate",
      turnDiff: "operate",
      rewindPreview: "operate",
      interrupt: "operate",
      answer: "answer",
      dispatch: "any",
      capabilities: "any",
      tokens: "any",
      revokeToken: "any",
      importThread: "operate",
      putBlob: "operate",
      nativeThreads: "operate",
      importNative: "operate",
      shutdown: "admin",
      packLog: "admin",
      pruneLog: "admin",
      "POST /api/pair": "operate",
      "POST /v1/chat/completions": "operate",
      "POST /v1/responses": "operate"
    }
    const described = ["/metrics", "/openapi.json", "/docs", "/docs.js"].map((path) => ({ method: "GET", path }))
    const routes = [
      ...Object.values(ApiGroup.endpoints).map(({ method, name, path }) => ({
        name: String(name),
        method: String(method),
        path: String(path)
      })),
      ...[...OpenAi.known, ...described, { method: "POST", path: "/api/pair" }].map(({ method, path }) => ({
        name: `${method} ${path}`,
        method,
        path
      }))
    ]
    for (const [scope, token] of yield* tokensOf(fixture))
      for (const { method, name, path } of routes) {
        const least = needs[name] ?? "read"
        const allowed = least === "any" || (least === "admin" ? scope === "admin" : holders[least].includes(scope))
        // A body that no command accepts: a served request fails after the check, so that nothing starts or ends.
        const { body, status } = yield* send(`${fixture.url}${path.replaceAll(/:\w+/g, "thr_a")}`, {
          method,
          headers: bearer(token),
          ...(method === "POST" && { body: "[]" })
        })
        expect([scope, name, status === 403]).toEqual([scope, name, !allowed])
        if (!allowed) expect(body).toContain(path.startsWith("/v1/") ? `the scope ${least}` : `"scope":"${least}"`)
      }
  })
)

it.scopedLive("X9 every RPC call: a token of the scope runner makes none of them, one of the scope read all but commands", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const threadId = ThreadId.make("thr_a")
    const calls = (client: Effect.Effect.Success<ReturnType<typeof rpc>>) => ({
      commandStatus: client.commandStatus("cmd_none"),
      state: client.state,
      threads: client.threads({}),
      thread: client.thread(threadId),
      items: client.items(threadId, {}),
      turns: client.turns(threadId, {}),
      requests: client.requests,
      providers: client.providers,
      follow: Stream.runHead(client.follow({}))
    })
    for (const [scope, token] of yield* tokensOf(fixture)) {
      const client = yield* rpc(fixture, token)
      for (const [name, call] of Object.entries(calls(client))) {
        const result = yield* Effect.either<unknown, { readonly _tag: string }, never>(call)
        const refused = Either.isLeft(result) && result.left._tag === "Refused"
        expect([scope, name, refused]).toEqual([scope, name, scope === "runner"])
      }
    }
  })
)

it.scopedLive("X9 the scope read permits SSE, runner does not; answer permits POST /api/requests/ID/answer", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const tokens = new Map(yield* tokensOf(fixture))
    const sse = (scope: TokenScope) =>
      live(`${fixture.url}/api/events`, { accept: "text/event-stream", ...bearer(tokens.get(scope) ?? "") })
    yield* (yield* sse("read")).until("caught-up")
    const refused = yield* sse("runner")
    yield* refused.ended
    expect(refused.status()).toBe(403)
    const answer = (scope: TokenScope) =>
      Effect.map(
        send(`${fixture.url}/api/requests/${RequestId.make("req_a")}/answer`, {
          headers: bearer(tokens.get(scope) ?? ""),
          body: '{"decision":"accept"}'
        }),
        ({ status }) => status
      )
    expect([yield* answer("read"), yield* answer("answer")]).toEqual([403, 200])
  })
)

it("X9 a route without an entry is for administrators only", () => {
  const unknown = Scopes.ofRoute({ method: "GET", path: "/api/new" })
  expect(scopes.map((scope) => [scope, Either.isRight(Scopes.permit(scope, unknown))])).toEqual(
    scopes.map((scope) => [scope, scope === "admin"])
  )
})

/** A clock that runs ahead of the real one by `ahead` milliseconds. */
const shiftedClock = () => {
  const clock = Clock.make()
  const shift = { ahead: 0 }
  const now = () => clock.unsafeCurrentTimeMillis() + shift.ahead
  const shifted: Clock.Clock = {
    ...clock,
    unsafeCurrentTimeMillis: now,
    currentTimeMillis: Effect.sync(now),
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeNanos: clock.currentTimeNanos,
    sleep: (time) => clock.sleep(time)
  }
  return Object.assign(shift, { now, clock: shifted })
}
const hour = 3_600_000

it.scopedLive("X9 an expired token is refused with a message that names its expiry, and its live streams end", () => {
  const shift = shiftedClock()
  return Effect.gen(function* () {
    const fixture = yield* start({ lease: "1 day" })
    const made = yield* Tokens.create(fixture.dataDir, {
      name: "guest",
      scope: "read",
      expiresAt: new Date(shift.now() + hour).toISOString()
    })
    const guest = { url: fixture.url, token: made.token }
    const stream = yield* follower(guest)
    yield* stream.until("caught-up")
    const kept = yield* follower(fixture)
    yield* kept.until("caught-up")
    const client = yield* rpc(fixture, guest.token)
    const followed = yield* client.follow({}).pipe(
      Stream.tap((frame) => (frame._tag === "caught-up" ? Effect.sync(() => void (shift.ahead = hour)) : Effect.void)),
      Stream.runLast
    )
    expect(Option.getOrUndefined(followed)).toMatchObject({ _tag: "bye", reason: "The token expired." })
    yield* stream.until("event: bye")
    expect(stream.text()).toContain("The token expired.")
    yield* stream.ended
    const refused = yield* send(`${fixture.url}/api/state`, { headers: bearer(guest.token) })
    expect([refused.status, refused.body]).toEqual([401, expect.stringContaining("has expired")])
    yield* fixture.append()
    expect(kept.text()).not.toContain("event: bye")
    expect(yield* Tokens.list(fixture.dataDir)).toContainEqual({ ...made.record, createdBy: "local" })
  }).pipe(Effect.withClock(shift.clock))
})

/** A request whose head the server has read, and which waits for its body. Returns the function that sends the body and reads the status. */
const begun = (url: string, token: string, body: string) =>
  Effect.async<Effect.Effect<number>>((resume) => {
    const sent = request(url, {
      method: "POST",
      agent: false,
      headers: { ...bearer(token), expect: "100-continue", "content-length": Buffer.byteLength(body) }
    })
    sent.once("continue", () =>
      resume(
        Effect.succeed(
          Effect.async<number>((done) => {
            sent.once("response", (answer) => done(Effect.succeed(answer.resume().statusCode ?? 0)))
            sent.end(body)
          })
        )
      )
    )
    sent.flushHeaders()
  })

it.scopedLive("X9 a token that expires while its client sends a body, or with an open socket, does nothing more", () => {
  const shift = shiftedClock()
  return Effect.gen(function* () {
    const fixture = yield* start()
    const create = { type: "thread.create", commandId: CommandId.make("late"), provider: "demo" } as const
    let dispatched = 0
    fixture.fake.dispatch = () =>
      Effect.sync(() => ({ status: "accepted", commandId: create.commandId, offset: ++dispatched, cursor: "" }))
    const expiresAt = new Date(shift.now() + hour).toISOString()
    const { token } = yield* Tokens.create(fixture.dataDir, { name: "guest", expiresAt })
    const client = yield* rpc(fixture, token)
    expect(yield* client.dispatch(create)).toMatchObject({ offset: 1 })
    const bodies: ReadonlyArray<readonly [string, object]> = [
      ["/api/commands", create],
      ["/api/threads", { provider: "demo" }],
      ["/api/threads/import", { format: "millrace" }],
      ["/api/pair", {}],
      ["/v1/chat/completions", { model: "demo", messages: [{ role: "user", content: "hello" }] }]
    ]
    const waiting = yield* Effect.forEach(bodies, ([path, body]) => begun(`${fixture.url}${path}`, token, JSON.stringify(body)))
    shift.ahead = hour
    const late = yield* Effect.either(client.dispatch({ ...create, commandId: CommandId.make("later") }))
    expect(late).toMatchObject({ _tag: "Left", left: { message: expect.stringContaining("The token expired.") } })
    expect(yield* Effect.all(waiting)).toEqual(bodies.map(() => 401))
    expect(dispatched).toBe(1)
  }).pipe(Effect.withClock(shift.clock))
})

it.scopedLive("X9 a token file without scopes keeps its rights: a client operates, an administrator administers", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const old = yield* Effect.forEach([undefined, "client", "admin"], (role) =>
      Effect.map(Tokens.create(fixture.dataDir, { name: "old" }), ({ token, record }) => ({ role, token, record }))
    )
    const file = join(fixture.dataDir, "tokens.jsonl")
    const lines = old.map(({ role, token }, n) =>
      JSON.stringify({
        op: "create",
        id: `tok_old${n}`,
        name: `old${n}`,
        kind: "token",
        ...(role !== undefined && { role }),
        last4: token.slice(-4),
        sha256: createHash("sha256").update(`mlr_old${n}`).digest("hex"),
        at: "2026-01-01T00:00:00.000Z"
      })
    )
    appendFileSync(file, `${lines.join("\n")}\n`)
    const listed = (yield* Tokens.list(fixture.dataDir)).filter(({ id }) => id.startsWith("tok_old"))
    expect(listed.map(({ createdBy, role, scope }) => [role, scope, createdBy])).toEqual([
      ["client", "operate", undefined],
      ["client", "operate", undefined],
      ["admin", "admin", undefined]
    ])
    const command = { commandId: CommandId.make("c"), type: "thread.create", provider: "demo" }
    const { status } = yield* send(`${fixture.url}/api/commands`, { headers: bearer("mlr_old0"), body: JSON.stringify(command) })
    expect(status).toBe(200)
  })
)

it.scopedLive("X9 a session that an expiring token pairs does not outlive it, and names its creator", () =>
  Effect.gen(function* () {
    const { dataDir, url } = yield* start()
    const expiresAt = new Date((yield* Clock.currentTimeMillis) + 3_600_000).toISOString()
    const { token } = yield* Tokens.create(dataDir, { name: "guest", expiresAt })
    const made = JSON.parse((yield* send(`${url}/api/pair`, { method: "POST", headers: bearer(token) })).body) as { code: string }
    const paired = JSON.parse((yield* send(`${url}/pair`, { body: JSON.stringify({ code: made.code }) })).body) as { id: string }
    expect((yield* Tokens.list(dataDir)).find(({ id }) => id === paired.id)).toMatchObject({
      scope: "operate",
      createdBy: "guest",
      expiresAt
    })
  })
)
