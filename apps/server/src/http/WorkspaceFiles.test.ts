/** Files of a thread's directory over HTTP, against a whole server. */
import { expect, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import { maxFileBytes } from "@millrace/contracts/Workspace"
import { command } from "@millrace/testing/Orchestration"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { send } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"
import * as Tokens from "../auth/Tokens.ts"

/** A server with a thread in a new git repository. */
const start = Effect.gen(function* () {
  const hosted = yield* Hosted.start()
  const cwd = yield* temporaryDirectory
  execFileSync("git", ["init", "-q", "-b", "main"], { cwd })
  const { threadId } = yield* hosted.host.dispatch(command("thread.create", { provider: "demo", cwd }))
  const id = threadId as ThreadId
  const headers = { authorization: `Bearer ${hosted.token}`, "accept-encoding": "identity" }
  const get = (path: string, more: Record<string, string> = {}) =>
    send(`${hosted.url}/api/threads/${id}${path}`, { headers: { ...headers, ...more } })
  return { ...hosted, cwd, get, id }
})
const encoded = (path: string) => path.split("/").map(encodeURIComponent).join("/")

it.scopedLive("W5 C6 paths are found over HTTP and in process, and the state of the repository is shown", () =>
  Effect.gen(function* () {
    const { cwd, get, host, id } = yield* start
    mkdirSync(join(cwd, "src"))
    writeFileSync(join(cwd, "src/Main.ts"), "main")
    writeFileSync(join(cwd, "src/domain.ts"), "domain")
    writeFileSync(join(cwd, "skipped.log"), "")
    writeFileSync(join(cwd, ".gitignore"), "*.log\n")
    const main = { path: "src/Main.ts", kind: "file", bytes: 4 }
    const domain = { path: "src/domain.ts", kind: "file", bytes: 6 }
    expect(JSON.parse((yield* get("/files?query=main")).body)).toEqual({ files: [main, domain] })
    expect(JSON.parse((yield* get("/files?query=main&limit=1")).body)).toEqual({ files: [main] })
    expect((yield* host.searchFiles(id, {})).files.map(({ path }) => path)).toEqual([
      ".gitignore",
      "src/Main.ts",
      "src/domain.ts"
    ])
    expect(JSON.parse((yield* get("/git")).body)).toEqual({
      repository: true,
      branch: "main",
      changed: 0,
      untracked: 2,
      conflicts: 0,
      dirty: true
    })
    for (const query of ["limit=0", "limit=201", "limit=x", "other=1", `query=${"x".repeat(201)}`])
      expect([query, (yield* get(`/files?${query}`)).status]).toEqual([query, 400])
    for (const limit of [0, 201, 1.5])
      expect(yield* Effect.flip(host.searchFiles(id, { limit }))).toMatchObject({ _tag: "BadRequest", path: "limit" })
    rmSync(cwd, { recursive: true })
    const missing = yield* get("/files/src/Main.ts")
    expect([missing.status, JSON.parse(missing.body)]).toMatchObject([404, { _tag: "NotFound", what: "file" }])
    expect(yield* Effect.flip(host.gitSummary("thr_none" as ThreadId))).toMatchObject({ _tag: "NotFound", what: "thread" })
  })
)

it.scopedLive("W5 X4 a file is answered with its size, type and ETag, and never as something that a browser runs", () =>
  Effect.gen(function* () {
    const { cwd, get } = yield* start
    const png = Buffer.from("89504e470d0a1a0a0000", "hex")
    const odd = "new\nline \"quoted\" 'q' ;#?%2F 😀 é"
    const long = `${"d".repeat(250)}/${"e".repeat(250)}/${"f".repeat(250)}`
    mkdirSync(join(cwd, "d".repeat(250), "e".repeat(250)), { recursive: true })
    const text = "text/plain; charset=utf-8"
    const files: ReadonlyArray<readonly [string, string | Buffer, string]> = [
      ["a.ts", "const a = 1\n", text],
      ["page.html", "<script>alert(1)</script>", text],
      ["image.svg", "<svg onload='alert(1)'/>", text],
      ["image.png", png, "image/png"],
      ["fake.png", "<script>alert(1)</script>", text],
      ["page.pdf", Buffer.from("%PDF-1.4\xff", "latin1"), "application/octet-stream"],
      ["empty", "", text],
      [odd.replace("%2F", "%20"), "odd", text],
      [long, "long", text]
    ]
    for (const [name, content, type] of files) {
      writeFileSync(join(cwd, name), content)
      const { body, headers, status } = yield* get(`/files/${encoded(name)}`)
      const etag = `"${createHash("sha256").update(content).digest("hex")}"`
      expect([name, status, headers["content-type"]]).toEqual([name, 200, type])
      expect(headers).toMatchObject({
        etag,
        ...(content !== "" && { "content-length": String(Buffer.byteLength(content)) }),
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        ...(type === "application/octet-stream" && { "content-disposition": "attachment" })
      })
      if (typeof content === "string") expect(body).toBe(content)
      expect((yield* get(`/files/${encoded(name)}`, { "if-none-match": etag })).status).toBe(304)
    }
  })
)

it.scopedLive(
  "W5 X9 what is no file inside of the directory is an error of the contract, and a reader's token reads no file",
  () =>
    Effect.gen(function* () {
      const { cwd, dataDir, get, id, url } = yield* start
      mkdirSync(join(cwd, "src"))
      writeFileSync(join(cwd, "src/a.ts"), "a")
      writeFileSync(join(cwd, "large"), Buffer.alloc(maxFileBytes + 1))
      symlinkSync("/etc/passwd", join(cwd, "out"))
      symlinkSync("/", join(cwd, "root"))
      execFileSync("mkfifo", [join(cwd, "pipe")])
      const cases: ReadonlyArray<readonly [string, number, string]> = [
        ["none", 404, "NotFound"],
        ["src", 400, "BadRequest"],
        ["pipe", 400, "BadRequest"],
        ["large", 413, "PayloadTooLarge"],
        ["out", 403, "Forbidden"],
        ["root/etc/passwd", 403, "Forbidden"],
        [".git/config", 403, "Forbidden"],
        [".GIT/config", 403, "Forbidden"],
        ["%2egit/%63onfig", 403, "Forbidden"],
        [".git%2Fconfig", 400, "BadRequest"],
        ["src/%2e%2e/.git/config", 403, "Forbidden"],
        ["./src/../.git/none", 403, "Forbidden"],
        ["src%2Fa.ts", 400, "BadRequest"],
        ["..%2f..%2fetc%2fpasswd", 400, "BadRequest"],
        ["%2Fetc%2Fpasswd", 400, "BadRequest"],
        ["src/a.ts%00", 400, "BadRequest"],
        ["src/%FF", 404, "NotFound"],
        ["src/%zz", 404, "NotFound"],
        [`${"a/".repeat(2100)}b`, 400, "BadRequest"]
      ]
      for (const [path, status, tag] of cases) {
        const answer = yield* get(`/files/${path}`)
        expect([path, answer.status, JSON.parse(answer.body)]).toEqual([path, status, expect.objectContaining({ _tag: tag })])
      }
      const reader = (yield* Tokens.create(dataDir, { name: "reader", scope: "read" })).token
      const as = (path: string) => send(`${url}/api/threads/${id}${path}`, { headers: { authorization: `Bearer ${reader}` } })
      expect([(yield* as("/files")).status, (yield* as("/git")).status, (yield* as("/files/src/a.ts")).status]).toEqual([
        200, 200, 403
      ])
      expect((yield* send(`${url}/api/threads/${id}/files/src/a.ts`, {})).status).toBe(401)
    })
)
