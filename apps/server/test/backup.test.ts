/** Backup and restore with real processes: a server under load, its tokens, its transcripts and its clients' cursors; and a log at its bound. */
import { describe, expect, it } from "@effect/vitest"
import * as Sqlite from "@millrace/log/internal/Sqlite"
import { run } from "@millrace/testing/Program"
import { serve, type ServerProcess } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

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
      const logStats = JSON.parse(stats.stdout) as Record<string, unknown>
      expect(logStats).toMatchObject({ threads: usage["threads"], head: expect.any(Number) })
      const people = yield* run(["log", "stats", "--data", dataDir])
      expect(people.stdout).toContain(String(body["threadId"]))
      yield* stop(server)
    }).pipe(Effect.scoped)
  )

  it.live("L13 L17 log pack and log prune work through a running server; a dry run changes nothing", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory
      const dataDir = `${yield* temporaryDirectory}/data`
      const server = yield* serve({ dataDir })
      const { body } = yield* start(server, cwd, "[[say the first answer]]")
      yield* ended(server, body["turnId"])
      const threadId = String(body["threadId"])
      yield* post(server, "/api/commands", { commandId: "stop", type: "session.stop", threadId })
      const title = (n: number) => `${"a long title ".repeat(10)}${n}`
      yield* Effect.forEach(
        Array.from({ length: 3_000 }, (_, n) => n),
        (n) => post(server, "/api/commands", { commandId: `c${n}`, type: "thread.rename", threadId, title: title(n) }),
        { concurrency: 16, discard: true }
      )
      const before = yield* get(server, "/api/events", ndjson)
      const head = Number(before.headers.get("x-millrace-last-idx"))
      const { logEpoch } = JSON.parse((yield* get(server, "/api/state")).text) as { readonly logEpoch: string }
      expect(head).toBeGreaterThan(3_000)
      const items = yield* get(server, `/api/threads/${threadId}/items`)
      const events = () => get(server, "/api/events", ndjson)

      // A token without the scope, a field that does not exist, and no limit.
      const reader = yield* run(["token", "create", "reader", "--scope", "read", "--data", dataDir])
      const readOnly = { ...server, token: reader.stdout.trim() }
      for (const path of ["/api/log/pack", "/api/log/prune"])
        expect(yield* post(readOnly, path, {})).toMatchObject({ status: 403, body: { _tag: "Forbidden", scope: "admin" } })
      expect(yield* post(server, "/api/log/pack", { x: 1 })).toMatchObject({ status: 400, body: { path: "x" } })
      expect(yield* post(server, "/api/log/prune", {})).toMatchObject({ status: 400 })

      // Nothing is packed yet.
      const first = yield* post(server, "/api/log/prune", { maxBytes: 1, dryRun: true })
      expect(first).toMatchObject({ status: 200, body: { removed: head, retainedFrom: head, packed: 0, more: false } })
      const made = yield* run(["log", "pack", "--data", dataDir, "--json"])
      expect([made.code, made.stderr]).toEqual([0, ""])
      const packed = JSON.parse(made.stdout) as { readonly after: { readonly coldBytes: number; readonly fileBytes: number } }
      expect(packed).toMatchObject({ packed: head, removed: 0, retainedFrom: 0, more: false })
      expect(packed.after.coldBytes).toBeGreaterThan(0)
      expect((yield* events()).text).toBe(before.text)

      const preview = yield* post(server, "/api/log/prune", { maxBytes: 1_048_576, dryRun: true })
      const dry = yield* run(["log", "prune", "--max-bytes", "1MiB", "--dry-run", "--json", "--url", server.url], {
        env: { MILLRACE_TOKEN: server.token }
      })
      expect([dry.code, JSON.parse(dry.stdout)]).toEqual([0, preview.body])
      const people = yield* run(["log", "prune", "--older-than", "1d", "--dry-run", "--data", dataDir])
      expect(people.stdout).toContain("0 events would be removed, up to offset 0")
      expect((yield* events()).text).toBe(before.text)

      const removed = yield* post(server, "/api/log/prune", { maxBytes: 1, force: true })
      expect(removed).toMatchObject({ status: 200, body: { removed: head, retainedFrom: head, more: false } })
      const expired = yield* get(server, `/api/events?after=${logEpoch}-5`)
      expect([expired.status, expired.text]).toEqual([410, expect.stringContaining("CursorExpired")])
      expect(itemsOf((yield* get(server, `/api/threads/${threadId}/items`)).text)).toEqual(itemsOf(items.text))
      const audit = readFileSync(`${dataDir}/access.jsonl`, "utf8").trim().split("\n")
      expect(audit.map((line) => JSON.parse(line) as object)).toMatchObject([
        { action: "log.pack", actor: expect.any(String) },
        { action: "log.prune", actor: expect.any(String), maxBytes: 1, force: true }
      ])
      yield* stop(server)
      // The same commands without the server.
      const offline = yield* run(["log", "prune", "--max-bytes", "1MiB", "--dry-run", "--data", dataDir, "--json"])
      expect(JSON.parse(offline.stdout)).toMatchObject({ removed: 0, packed: 0, retainedFrom: head })
      expect(yield* run(["verify", "--data", dataDir])).toMatchObject({ code: 0 })
    }).pipe(Effect.scoped)
  )

  it.live("L18 L6 a damaged log: backup and verify name the events and exit with 1; the backup is restored with a warning", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory
      const dataDir = `${yield* temporaryDirectory}/data`
      const directory = `${yield* temporaryDirectory}/backup`
      const server = yield* serve({ dataDir })
      const { body } = yield* start(server, cwd, "[[deltas 200 0]]")
      yield* ended(server, body["turnId"])
      yield* post(server, "/api/log/pack", {})
      yield* ended(server, (yield* start(server, cwd, "[[say more]]")).body["turnId"])
      yield* stop(server)
      const db = Sqlite.openWriter(`${dataDir}/log.db`, "NORMAL")
      const last = Number(db.prepare("SELECT last FROM segments WHERE first = 1").pluck().get())
      db.exec("UPDATE segments SET bytes = x'00' WHERE first = 1")
      Sqlite.close(db)
      const verified = yield* run(["verify", "--data", dataDir])
      expect([verified.code, verified.stdout.trimEnd().split("\n")]).toEqual([
        1,
        [expect.stringContaining(`events 1 to ${last} (${last}) cannot be read: the segment`)]
      ])
      const made = yield* run(["log", "backup", directory, "--data", dataDir, "--json"])
      expect([made.code, made.stderr]).toEqual([1, expect.stringContaining(`Lost: the events 1 to ${last}.`)])
      expect(JSON.parse(made.stdout)).toMatchObject({ damaged: { kept: [], lost: [{ kind: "events", first: 1, last }] } })
      const restored = `${yield* temporaryDirectory}/restored`
      const done = yield* run(["log", "restore", directory, "--data", restored])
      expect([done.code, done.stdout]).toEqual([0, expect.stringContaining(`events 1 to ${last} (${last}) cannot be read`)])
      const second = yield* serve({ dataDir: restored })
      const items = yield* get({ url: second.url, token: server.token }, `/api/threads/${String(body["threadId"])}/items`)
      expect(items.status).toBe(200)
      yield* stop(second)
    }).pipe(Effect.scoped)
  )

  it.live("L18 L14 a backup after thread.delete has no word of the thread", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory
      const dataDir = `${yield* temporaryDirectory}/data`
      const directory = `${yield* temporaryDirectory}/backup`
      const server = yield* serve({ dataDir })
      const word = "zebrafinch"
      const { body } = yield* start(server, cwd, `[[say the ${word} sings]]`)
      yield* ended(server, body["turnId"])
      const threadId = String(body["threadId"])
      yield* post(server, "/api/log/pack", {})
      const words = () =>
        Effect.gen(function* () {
          yield* run(["log", "backup", directory, "--data", dataDir])
          const restored = `${yield* temporaryDirectory}/restored`
          expect(yield* run(["log", "restore", directory, "--data", restored])).toMatchObject({ code: 0 })
          const second = yield* serve({ dataDir: restored })
          const events = (yield* get({ url: second.url, token: server.token }, "/api/events", ndjson)).text
          yield* stop(second)
          const files = [directory, restored].flatMap((root) =>
            (readdirSync(root, { recursive: true }) as ReadonlyArray<string>)
              .map((name) => join(root, name))
              .filter((file) => statSync(file).isFile() && readFileSync(file, "latin1").includes(word))
          )
          return { inEvents: events.includes(word), files }
        })
      expect((yield* words()).inEvents).toBe(true)
      const deleted = yield* post(server, "/api/commands", { commandId: "delete", type: "thread.delete", threadId })
      expect(deleted.status).toBe(200)
      expect(yield* words()).toEqual({ inEvents: false, files: [] })
      yield* stop(server)
    }).pipe(Effect.scoped)
  )
})
