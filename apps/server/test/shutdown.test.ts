/** `POST /api/shutdown`: who may call it, and that it does the same as a signal. */
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Pairing from "../src/auth/Pairing.ts"
import * as Tokens from "../src/auth/Tokens.ts"
import * as LocalToken from "../src/cli/client/LocalToken.ts"
import { live, send } from "./support/Fixture.ts"
import * as Hosted from "./support/Hosted.ts"

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const records = (dataDir: string) =>
  readFileSync(join(dataDir, "access.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

it.scopedLive(
  "X1 X6 only an administrator's token ends the server; clients, paired devices and old token files are unaffected",
  () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      // A file of a version without roles.
      const { token: old } = yield* Tokens.create(dataDir, { name: "old" })
      const { token: local } = yield* Tokens.create(dataDir, { name: "cli" })
      const file = join(dataDir, "tokens.jsonl")
      writeFileSync(file, readFileSync(file, "utf8").replaceAll('"role":"client",', ""))
      writeFileSync(join(dataDir, "cli-token"), `${local}\n`)

      const { host, token, url } = yield* Hosted.start({ dataDir })
      const shutdown = (headers: Record<string, string>, body = "{}") =>
        Effect.map(send(`${url}/api/shutdown`, { method: "POST", headers, body }), ({ body, status }) => ({
          status,
          ...(JSON.parse(body) as { readonly beganAt?: number; readonly deadlineAt?: number })
        }))
      const paired = yield* send(yield* Effect.map(Pairing.create(dataDir), ({ code }) => Pairing.link(url, code)))
      const cookie = String(paired.headers["set-cookie"]).split(";")[0] ?? ""
      const device = JSON.parse(
        (yield* send(`${url}/pair`, { body: JSON.stringify({ code: (yield* Pairing.create(dataDir)).code }) })).body
      ) as { readonly token: string }
      const others = { old: bearer(old), client: bearer(token), device: bearer(device.token), browser: { cookie, origin: url } }
      for (const [who, headers] of Object.entries(others)) {
        expect(yield* shutdown(headers), who).toMatchObject({
          status: 403,
          _tag: "Forbidden",
          message: expect.stringContaining("--admin")
        })
        expect((yield* send(`${url}/api/state`, { headers })).status, who).toBe(200)
      }
      expect(yield* shutdown({})).toMatchObject({ status: 401 })
      expect(yield* host.draining).toBe(false)

      // The command line's own token in such a file is promoted at the next start and keeps its value.
      expect((yield* LocalToken.ensure(dataDir)).token).toBe(local)
      for (const [body, message] of [
        ['{"deadlineMs":-1}', "body: deadlineMs: Expected a number between 0 and 600000, actual -1"],
        ['{"deadlineMs":1.5}', "body: deadlineMs: Expected an integer, actual 1.5"],
        ['{"mode":"later"}', expect.stringMatching(/^body: mode: /)]
      ])
        expect(yield* shutdown(bearer(local), body), body).toMatchObject({ status: 400, _tag: "BadRequest", message })
      const { token: admin } = yield* Tokens.create(dataDir, { name: "anna", scope: "admin" })
      const first = yield* shutdown(bearer(admin), '{"deadlineMs":5000,"mode":"now"}')
      expect(first).toMatchObject({ status: 202, mode: "now", by: "anna" })
      expect((first.deadlineAt ?? 0) - (first.beganAt ?? 0)).toBe(5000)
      expect(yield* shutdown(bearer(local), ""), "S7: another one gets the first one's").toEqual(first)
      expect((yield* send(`${url}/ready`)).status).toBe(503)
      expect(records(dataDir)).toMatchObject([
        { action: "shutdown", actor: "anna", mode: "now", deadlineMs: 5000, tokenId: expect.stringMatching(/^tok_/) },
        { action: "shutdown", actor: "cli", mode: "drain", deadlineMs: 10_000 }
      ])
      expect(statSync(join(dataDir, "access.jsonl")).mode & 0o777).toBe(0o600)
    })
)

it.live("S7 S9 S10 X6 POST /api/shutdown, twice: one token, the same shutdown as by a signal, and the log names the actor", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const server = yield* Program.start(["serve", "--port", "0", "--data", dataDir])
    yield* server.until("ready at")
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(server.so().stdout)?.[0] ?? ""
    const headers = bearer(readFileSync(join(dataDir, "cli-token"), "utf8").trim())
    const reader = yield* live(`${url}/api/events`, { accept: "text/event-stream", ...headers })
    yield* send(`${url}/api/threads`, {
      headers,
      body: JSON.stringify({ provider: "demo", cwd: dataDir, turn: { text: "[[say begun]] [[sleep 600000]]" } })
    })
    yield* reader.until("begun")
    const post = send(`${url}/api/shutdown`, { method: "POST", headers, body: '{"mode":"now","deadlineMs":8000}' })
    const [first, second] = yield* Effect.all([post, post], { concurrency: "unbounded" })
    expect([first.status, second.status]).toEqual([202, 202])
    expect(second.body).toBe(first.body)
    yield* reader.ended
    expect(reader.text()).toMatch(/"type":"turn.interrupted"[^\n]*"reason":"the server is shutting down, as cli asked"/)
    expect(reader.text()).toContain("event: bye")
    const ended = yield* server.ended
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.stderr.match(/Stopping: requested by cli/g)).toHaveLength(1)
    expect(ended.stderr.match(/Settled in/g)).toHaveLength(1)
  }).pipe(Effect.scoped)
)
