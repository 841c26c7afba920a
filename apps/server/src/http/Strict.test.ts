/** C6 over HTTP: each field, parameter and header that the contract does not name is refused with its path; `X-Millrace-Lenient: 1` ignores it. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { ApiGroup } from "@millrace/contracts/Api"
import { version } from "@millrace/contracts/Capabilities"
import { type CommandType, CommandBody } from "@millrace/contracts/Command"
import { start } from "../../test/support/Fixture.ts"
import * as Tokens from "../auth/Tokens.ts"

const post = (body: unknown) => ({ method: "POST", body: JSON.stringify(body) })
const lenient = { "x-millrace-lenient": "1" }
const turn = { commandId: "c", type: "turn.start", threadId: "thr_1", text: "x" }
const create = { commandId: "c", type: "thread.create", provider: "demo" }
const answer = { commandId: "c", type: "request.answer", requestId: "req_1" }

it.scopedLive("C6 an unknown field is rejected with its path, on each route with a body", () =>
  Effect.gen(function* () {
    const { call, dataDir, fake } = yield* start()
    // A token that may not use a route is refused before the body is read.
    const { token } = yield* Tokens.create(dataDir, { name: "admin", scope: "admin" })
    let dispatched = 0
    const accept = fake.dispatch
    fake.dispatch = (...args) => {
      dispatched++
      return accept(...args)
    }
    const cases: ReadonlyArray<readonly [string, unknown, string]> = [
      ["/api/commands", { ...turn, stratgy: "reject" }, "stratgy"],
      ["/api/commands", { ...turn, files: [] }, "files"],
      ["/api/commands", { ...turn, at: "2030-01-01T00:00:00Z" }, "at"],
      ["/api/commands", { ...create, turn: { text: "x", at: "later" } }, "turn.at"],
      ["/api/commands", { ...create, turn: { text: "x", files: [] } }, "turn.files"],
      ["/api/commands", { commandId: "c", type: "thread.configure", threadId: "thr_1", provider: "demo" }, "provider"],
      [
        "/api/commands",
        { commandId: "c", type: "goal.set", threadId: "thr_1", objective: "o", budget: { turn: 1 } },
        "budget.turn"
      ],
      [
        "/api/commands",
        { commandId: "c", type: "thread.review", threadId: "thr_1", target: { type: "baseBranch", branch: "b", sha: "s" } },
        "target.sha"
      ],
      ["/api/commands", { ...answer, answer: "accept" }, "answer"],
      ["/api/commands", { ...create, metadata: JSON.parse('{"__proto__":"x"}') as unknown }, "__proto__"],
      ["/api/threads", { provider: "demo", turns: { text: "x" } }, "turns"],
      ["/api/threads", { provider: "demo", commandId: "c" }, "commandId"],
      ["/api/threads/thr_1/turns", { text: "x", threadId: "thr_2" }, "threadId"],
      ["/api/threads/thr_1/interrupt", { reason: "x" }, "reason"],
      ["/api/requests/req_1/answer", { decision: "accept", note: "x" }, "note"],
      ["/api/shutdown", { deadline: 5 }, "deadline"],
      ["/api/pair", { role: "admin" }, "role"],
      ["/api/pair", { name: 5 }, "name"],
      ["/pair", { code: "c", role: "admin" }, "role"],
      ["/api/tokens/tok_1/revoke", { force: true }, "force"],
      ["/api/providers/codex/threads/x/import", { cwd: "/" }, "cwd"]
    ]
    for (const [path, body, field] of cases) {
      const response = yield* call(path, { ...post(body), headers: { authorization: `Bearer ${token}` } })
      expect([path, field, response.status, JSON.parse(response.body)]).toMatchObject([
        path,
        field,
        400,
        { _tag: "BadRequest", path: field }
      ])
    }
    expect(dispatched).toBe(0)
    const typo = yield* call("/api/commands", post({ ...turn, stratgy: "reject" }))
    expect(JSON.parse(typo.body)).toMatchObject({
      message:
        "body: stratgy: there is no such field; this server knows commandId, type, threadId, text, attachments, strategy, expectedTurnId"
    })
  })
)

it.scopedLive("C6 every command rejects an unknown field by name", () =>
  Effect.gen(function* () {
    const { call } = yield* start()
    for (const type of Object.keys(CommandBody) as ReadonlyArray<CommandType>) {
      const said = yield* call("/api/commands", post({ commandId: "c", type, unheard: 1 }))
      expect([type, said.status, JSON.parse(said.body)]).toMatchObject([type, 400, { path: "unheard" }])
    }
  })
)

it.scopedLive("C6 an unknown parameter, an unknown value and a repeated parameter are rejected", () =>
  Effect.gen(function* () {
    const { call } = yield* start()
    const cases: ReadonlyArray<readonly [string, string]> = [
      ["/api/state?at=7", "at"],
      ["/api/requests?status=open", "status"],
      ["/api/threads?state=idle", "state"],
      ["/api/threads?status=needsyou", "status"],
      ["/api/threads?project=work", "project"],
      ["/api/threads?label=", "label"],
      ["/api/threads?limit=abc", "limit"],
      ["/api/threads?limit=1&limit=2", "limit"],
      ["/api/threads?limit=", "limit"],
      ["/api/threads?limit=0x10", "limit"],
      ["/api/threads?limit=1e2", "limit"],
      ["/api/threads?before=-1", "before"],
      ["/api/threads?status=idle&status=failed", "status"],
      ["/api/threads/thr_a/items?offset=1", "offset"],
      ["/api/threads/thr_a/turns?limt=1", "limt"],
      ["/api/threads/thr_a/export?fromat=json", "fromat"],
      ["/api/events?limits=5", "limits"],
      ["/api/events?since=0&since=1", "since"],
      ["/api/events?after=a&after=b", "after"],
      ["/api/events?stream=thread", "stream"],
      ["/api/events?types=turn.finished", "types"],
      ["/api/events?types=turn.*,", "types"],
      ["/api/events?types=", "types"],
      ["/api/capabilities?x", "x"],
      ["/api/providers/codex/threads?dir=/", "dir"]
    ]
    for (const [path, field] of cases) {
      const said = yield* call(path)
      expect([path, said.status, JSON.parse(said.body)]).toMatchObject([path, 400, { _tag: "BadRequest", path: field }])
    }
    const many = Array.from({ length: 33 }, (_, n) => `stream=thread/thr_${n}`).join("&")
    expect((yield* call(`/api/events?${many}`)).status).toBe(400)
    for (const [path, body] of [
      ["/api/threads/import?dir=/", '{"millrace":1}'],
      ["/api/commands?commandId=x", JSON.stringify(create)]
    ] as const)
      expect((yield* call(path, { body })).status).toBe(400)
  })
)

it.scopedLive("C6 a lenient request ignores unknown names, and only them", () =>
  Effect.gen(function* () {
    const { call } = yield* start()
    const sent = (path: string, body: unknown) => call(path, { ...post(body), headers: lenient })
    expect((yield* sent("/api/commands", { ...create, at: "now", turn: { text: "x", x: 1 } })).status).toBe(200)
    expect((yield* sent("/api/threads?x=1", { provider: "demo", x: 1 })).status).toBe(200)
    expect((yield* sent("/api/commands", { ...create, provider: 5, x: 1 })).status).toBe(400)
    expect((yield* call("/api/state?at=7", { headers: { ...lenient, "x-millrace-later": "1" } })).status).toBe(200)
    expect((yield* call("/api/threads?limit=abc", { headers: lenient })).status).toBe(400)
    for (const headers of [{ "x-millrace-lenient": "yes" }, { "x-millrace-lenint": "1" }, { "x-millrace-thread": "thr_1" }]) {
      const said = yield* call("/api/state", { headers })
      expect([said.status, JSON.parse(said.body)]).toMatchObject([400, { path: Object.keys(headers)[0] }])
    }
  })
)

it.scopedLive("C6 capabilities names the version and the features of this server", () =>
  Effect.gen(function* () {
    const { call } = yield* start()
    const reported = JSON.parse((yield* call("/api/capabilities")).body) as { version: string; features: ReadonlyArray<string> }
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
    expect([reported.version, version]).toEqual([manifest.version, manifest.version])
    expect(reported.features).toEqual(expect.arrayContaining(["filters", "labels"]))
    // Only built capabilities are listed: each of these has its own route.
    const routes = Object.values(ApiGroup.endpoints).map(({ path }) => path)
    for (const [feature, path] of [
      ["blobs", "/api/blobs"],
      ["workspace", "/api/threads/:id/diff"],
      ["search", "/api/search"],
      ["log", "/api/log"],
      ["runners", "/api/runners"],
      ["webhooks", "/api/webhooks"],
      ["schedules", "/api/schedules"]
    ] as const)
      expect([feature, reported.features.includes(feature)]).toEqual([feature, (routes as ReadonlyArray<string>).includes(path)])
  })
)
