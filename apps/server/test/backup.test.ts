/** Backup and restore with real processes: a server under load, its tokens, its transcripts and its clients' cursors; and a log at its bound. */
import { describe, expect, it } from "@effect/vitest"
import { run } from "@millrace/testing/Program"
import { serve, type ServerProcess } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"

const get = ({ token, url }: { readonly url: string; readonly token: string }, path: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
    return { status: response.status, text: await response.text(), headers: response.headers }
  })

const post = (server: ServerProcess, path: string, body: object) =>
  Effect.map(get(server, path, { method: "POST", body: JSON.stringify(body) }), ({ status, text }) => ({
    status,
    body: JSON.parse(text) as Record<string, unknown>
  }))

const start = (server: ServerProcess, cwd: string, text: string) =>
  post(server, "/api/threads", { provider: "demo", cwd, turn: { text } })

const ended = (server: ServerProcess, turnId: unknown) => get(server, `/api/turns/${String(turnId)}?wait=60`)

const stop = (server: ServerProcess) => Effect.zipRight(server.kill("SIGTERM"), server.ended)

const linesUpTo = (head: number) => (text: string) =>
  text.split("\n").filter((line) => line !== "" && (JSON.parse(line) as { readonly offset: number }).offset <= head)

const itemsOf = (text: string) => (JSON.parse(text) as { readonly items: unknown }).items

const ndjson = { headers: { accept: "application/x-ndjson" } }

describe("millrace log", () => {
  it.live(
    "L18 D3 a backup of a server under load, restored: equal events and transcripts, its tokens work, an old cursor is foreign",
    () =>
      Effect.gen(function* () {
        const cwd = yield* temporaryDirectory
        const dataDir = `${yield* temporaryDirectory}/data`
        const directory = `${yield* temporaryDirectory}/backup`
        const server = yield* serve({ dataDir })
        const first = yield* start(server, cwd, "[[deltas 200 0]] [[say the first answer]]")
        yield* ended(server, first.body["turnId"])
        // Agents write during the backups.
        const busy = yield* Effect.forEach([1, 2, 3], () => start(server, cwd, "[[deltas 3000 1]]"))
        for (let n = 0; n < 3; n++) {
          const made = yield* run(["log", "backup", directory, "--data", dataDir, "--json"])
          expect([made.code, made.stderr]).toEqual([0, ""])
        }
        const made = yield* run(["log", "backup", directory, "--data", dataDir, "--json"])
        const { head } = JSON.parse(made.stdout) as { readonly head: number }
        const { headers, text } = yield* get(server, "/api/events", ndjson)
        expect(Number(headers.get("x-millrace-last-idx"))).toBeGreaterThanOrEqual(head)
        const before = linesUpTo(head)(text)
        const items = yield* get(server, `/api/threads/${String(first.body["threadId"])}/items`)
        const { logEpoch } = JSON.parse((yield* get(server, "/api/state")).text) as { readonly logEpoch: string }
        expect(busy.map(({ status }) => status)).toEqual([200, 200, 200])
        yield* server.kill("SIGKILL")
        yield* server.ended

        const restored = `${yield* temporaryDirectory}/restored`
        const wrong = yield* run(["log", "restore", directory, "--data", dataDir])
        expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("--replace")])
        const done = yield* run(["log", "restore", directory, "--data", restored])
        expect([done.code, done.stderr]).toEqual([0, ""])
        const second = yield* serve({ dataDir: restored })
        // The token of the first server, which its clients have.
        const client = { url: second.url, token: server.token }
        const after = yield* get(client, "/api/events", ndjson)
        expect(after.status).toBe(200)
        expect(linesUpTo(head)(after.text)).toEqual(before)
        const again = yield* get(client, `/api/threads/${String(first.body["threadId"])}/items`)
        expect(itemsOf(again.text)).toEqual(itemsOf(items.text))
        const old = yield* get(client, `/api/events?after=${logEpoch}-${head}`)
        expect([old.status, old.text]).toEqual([409, expect.stringContaining("CursorForeign")])
        const rewound = yield* get(client, "/api/events?stream=server")
        expect(JSON.parse(rewound.text)).toMatchObject([
          { type: "log.rewound", data: { from: head, to: head, reason: expect.stringContaining("backup") } }
        ])
        yield* stop(second)
        expect(yield* run(["verify", "--data", restored])).toMatchObject({ code: 0 })
      }).pipe(Effect.scoped)
  )

  it.live("GET /api/log, the gauges and log stats agree; a token to read may read them", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory
      const dataDir = `${yield* temporaryDirectory}/data`
      const server = yield* serve({ dataDir, args: ["--log-max-bytes", "50MB"] })
      const { body } = yield* start(server, cwd, "[[deltas 200 0]]")
      yield* ended(server, body["turnId"])
      const reader = yield* run(["token", "create", "reader", "--scope", "read", "--data", dataDir])
      const token = reader.stdout.trim()
      const usage = JSON.parse((yield* get({ url: server.url, token }, "/api/log")).text) as Record<string, unknown>
      expect(usage).toMatchObject({
        maxFileBytes: 50_000_000,
        retainedFrom: 0,
        threads: [{ threadId: body["threadId"], bytes: expect.any(Number) }],
        otherBytes: { access: expect.any(Number) }
      })
      const metrics = (yield* get(server, "/metrics")).text
      expect(metrics).toContain("millrace_log_max_bytes 50000000")
      expect(metrics).toContain(`millrace_log_free_bytes ${String(usage["freeBytes"])}`)
      expect(metrics).toContain("millrace_log_cold_bytes 0")
      expect(metrics).toContain("millrace_log_blob_bytes 0")
      const stats = yield* run(["log", "stats", "--json", "--data", dataDir])
      const said = JSON.parse(stats.stdout) as Record<string, unknown>
      expect(said).toMatchObject({ threads: usage["threads"], head: expect.any(Number) })
      const people = yield* run(["log", "stats", "--data", dataDir])
      expect(people.stdout).toContain(String(body["threadId"]))
      yield* stop(server)
    }).pipe(Effect.scoped)
  )
})
