/** `millrace search` and `GET /api/search` of a whole server: equal answers, refusals, and nothing of a deleted thread. */
import { expect, it } from "@effect/vitest"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { SearchPage } from "@millrace/contracts/Search"
import { command, make } from "@millrace/client/Client"
import * as Program from "@millrace/testing/Program"
import { Effect } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { send } from "../../../test/support/Fixture.ts"
import * as Hosted from "../../../test/support/Hosted.ts"
import * as Discovery from "../client/Discovery.ts"

const serving = Effect.gen(function* () {
  const hosted = yield* Hosted.start()
  const tokenFile = join(hosted.dataDir, "cli-token")
  writeFileSync(tokenFile, hosted.token)
  yield* Effect.orDie(Discovery.write(hosted.dataDir, { url: hosted.url, pid: process.pid, tokenFile, startedAt: "now" }))
  const get = (path: string) => send(`${hosted.url}${path}`, { headers: { authorization: `Bearer ${hosted.token}` } })
  const millrace = (...args: ReadonlyArray<string>) => Program.run(args, { env: { MILLRACE_DATA: hosted.dataDir } })
  const http = make(HttpTransport.make(hosted))
  const ask = (text: string, title: string) =>
    Effect.gen(function* () {
      const body = { provider: "demo", cwd: hosted.dataDir, title, turn: { text } }
      const { threadId, turnId } = yield* Effect.flatMap(command("thread.create", body), http.dispatch)
      yield* get(`/api/turns/${turnId}?wait=60`)
      return String(threadId)
    })
  return { ...hosted, ask, get, http, millrace }
})

/** Whether a file of the search index has the bytes of this word. */
const isInIndex = (dataDir: string, word: string) =>
  readdirSync(dataDir)
    .filter((name) => name.startsWith("search.db"))
    .some((name) => readFileSync(join(dataDir, name)).includes(word))

it.scopedLive("Q1 search is equal over HTTP, RPC, the command line and in process, and a deleted thread is not found", () =>
  Effect.gen(function* () {
    const { ask, dataDir, get, host, http, millrace, token, url } = yield* serving
    const thread = yield* ask("[[say the quick zebrafish]] [[think of a zebrafish]]", "Zebrafish")
    yield* ask("[[say something else]]", "Other")
    const request = { q: "zebrafish", limit: 3 }
    const inProcess = yield* host.search(request)
    expect(inProcess.hits).toHaveLength(3)
    expect(inProcess.hits[0]?.snippet).toContain("\u2068zebrafish\u2069")
    const rpc = yield* RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(token) })
    expect(yield* http.search(request)).toEqual(inProcess)
    expect(yield* rpc.search(request)).toEqual(inProcess)
    const printed = yield* millrace("search", "zebrafish", "--limit", "3", "--json")
    expect(printed.code).toBe(0)
    expect(JSON.parse(printed.stdout)).toEqual(inProcess)
    const listed = yield* millrace("search", "quick", "zebra", "--kind", "agent-message", "--thread", thread)
    expect(listed).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^thr_\S+ {2}\S+ \S+ {2}agent-message {2}Zebrafish\n {4}the quick zebrafish\n$/)
    })
    expect(yield* millrace("search", "nowhere")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: expect.stringContaining("Nothing was found.")
    })
    expect(yield* millrace("search", "x", "--project", "none")).toMatchObject({ code: 2 })
    expect(yield* millrace("search")).toMatchObject({ code: 2 })
    expect(JSON.parse((yield* get("/api/capabilities")).body)).toMatchObject({ features: expect.arrayContaining(["search"]) })

    expect(isInIndex(dataDir, "zebrafish")).toBe(true)
    yield* Effect.flatMap(command("thread.delete", { threadId: inProcess.hits[0]!.threadId }), http.dispatch)
    expect((JSON.parse((yield* get("/api/search?q=zebrafish")).body) as SearchPage).hits).toEqual([])
    expect((yield* http.search({ q: "something" })).hits).not.toEqual([])
    expect(isInIndex(dataDir, "ebrafish")).toBe(false)
  })
)

it.scopedLive("C6 search refuses what the contract does not have", () =>
  Effect.gen(function* () {
    const { get, token, url } = yield* serving
    for (const [query, path] of [
      ["", "q"],
      [`q=${"x".repeat(201)}`, "q"],
      ["q=x&limit=0", "limit"],
      ["q=x&before=-1", "before"],
      ["q=x&thread=none", "thread"],
      ["q=x&project=none", "project"],
      ["q=x&sort=rank", "sort"]
    ] as const) {
      const answer = yield* get(`/api/search?${query}`)
      expect([answer.status, (JSON.parse(answer.body) as { readonly path?: string }).path], query).toEqual([400, path])
    }
    expect((yield* send(`${url}/api/search?q=x`, {})).status).toBe(401)
    for (const q of ['"', "AND", "a*b(", "NEAR/2", "-", "'; DROP TABLE passages", "%00"])
      expect((yield* get(`/api/search?q=${encodeURIComponent(q)}`)).status, q).toBe(200)
    expect(token).not.toBe("")
  })
)
