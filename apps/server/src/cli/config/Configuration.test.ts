/** `millrace.config.json` at a shell: precedence, errors of a wrong file, and a server that is the endpoint of another. */
import { execFileSync } from "node:child_process"
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ProviderStatus } from "@millrace/contracts/State"
import * as Program from "@millrace/testing/Program"
import { slower } from "@millrace/testing/Slower"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { load } from "./ConfigurationFile.ts"

const configure = (directory: string, configuration: unknown) => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(
    join(directory, "millrace.config.json"),
    typeof configuration === "string" ? configuration : JSON.stringify(configuration)
  )
}
/** A data directory and a project, each with its own file. */
const places = Effect.map(temporaryDirectory, (root) => ({ dataDir: join(root, "data"), project: join(root, "project") }))

interface Ready {
  readonly url: string
  readonly token: string
}
const serve = (dataDir: string, args: ReadonlyArray<string>, options: Program.Options = {}) =>
  Effect.gen(function* () {
    const server = yield* Program.start(["serve", "--data", dataDir, "--ready-fd", "3", "--parent-fd", "4", ...args], {
      ...options,
      descriptors: true
    })
    yield* server.until('"pid"')
    return { server, ready: JSON.parse(server.so().extra) as Ready }
  })
const down = ({ server }: { readonly server: Program.Running }) => Effect.zipRight(server.closeParent, server.ended)

const providersOf = (dataDir: string) =>
  Effect.map(
    Program.run(["providers", "--json", "--data", dataDir]),
    ({ stdout }) => JSON.parse(stdout) as ReadonlyArray<ProviderStatus>
  )
const builtIn = { claude: false, codex: false, opencode: false, gemini: false, goose: false }

describe("configuration", () => {
  it.live("X5 an invalid file exits with 2 and names each wrong field; its schema can be printed; no value is repeated", () =>
    Effect.gen(function* () {
      const { dataDir, project } = yield* places
      configure(dataDir, { providers: { local: { kind: "openai", baseUrl: "nowhere", apiKey: "sk-canary" } }, serve: 1 })
      for (const command of [["config", "check"], ["serve", "--port", "0"], ["providers"]]) {
        const ended = yield* Program.run([...command, "--data", dataDir])
        expect(ended.code).toBe(2)
        expect(ended.stderr).toContain(join(dataDir, "millrace.config.json"))
        expect(ended.stderr).toContain("providers.local.baseUrl: expected an http or https URL")
        expect(ended.stderr).toContain("providers.local.apiKey: a key does not belong in this file")
        expect(ended.stderr).toContain("serve: there is no such field")
        expect(ended.stdout + ended.stderr).not.toContain("canary")
      }
      const hostile = [
        "{\n no json-canary",
        '{"recovery":"canary"}',
        '{"a":' + "[".repeat(20_000) + "]".repeat(20_000) + "}",
        '{"\\u001b[2J\\n":1}'
      ]
      for (const text of hostile) {
        configure(dataDir, text)
        const ended = yield* Program.run(["config", "check", "--data", dataDir])
        expect(ended, text.slice(0, 30)).toMatchObject({ code: 2 })
        expect(ended.stderr).not.toContain("canary")
        expect(ended.stderr).not.toContain("\u001B")
      }
      const schema = yield* Program.run(["config", "schema"])
      expect(JSON.parse(schema.stdout)).toMatchObject({ $schema: expect.stringContaining("json-schema.org") })
      configure(dataDir, { providers: { codex: false } })
      configure(project, { providers: { work: { kind: "codex", env: { KEY: "sk-canary" } } } })
      const checked = yield* Program.run(["config", "check", "--json", "--data", dataDir], { cwd: project })
      expect(JSON.parse(checked.stdout)).toEqual({
        files: [dataDir, project].map((directory) => join(directory, "millrace.config.json")),
        providers: [{ name: "codex", kind: "not offered" }],
        untrusted: ["providers.work"]
      })
      expect(checked.stdout).not.toContain("canary")
    }).pipe(Effect.scoped)
  )

  it.live("X1 a project's file that is a pipe, a device, or another user's is not read, and the command ends", () =>
    Effect.gen(function* () {
      const { dataDir, project } = yield* places
      configure(project, { providers: { work: { kind: "demo" } } })
      const file = join(project, "millrace.config.json")
      const check = Program.run(["config", "check", "--data", dataDir], { cwd: project })
      expect(yield* check).toMatchObject({ code: 0 })
      if (process.getuid?.() === 0) {
        chownSync(file, 1234, 1234)
        expect(yield* check).toMatchObject({ code: 2, stderr: expect.stringContaining("belongs to another user") })
      }
      for (const make of [
        ["mkfifo", file],
        ["ln", "-s", "/dev/zero", file]
      ] as const) {
        rmSync(file)
        execFileSync(make[0], make.slice(1))
        expect(yield* check).toMatchObject({ code: 2, stderr: expect.stringContaining("it is not a regular file") })
      }
    }).pipe(Effect.scoped)
  )

  it.live("X4 the error for a file that is not JSON quotes nothing of it", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      writeFileSync(join(dataDir, "millrace.config.json"), '{\n"key": canary}')
      const { message } = yield* Effect.flip(load(dataDir))
      expect(message).toContain("it is not JSON")
      expect(message).not.toContain("canary")
    }).pipe(Effect.scoped)
  )

  it.live("precedence: flags, environment, the project's file, the file of the data directory", () =>
    Effect.gen(function* () {
      const { dataDir, project } = yield* places
      // The server cannot listen on any of these hosts and ports: each must be overridden.
      configure(dataDir, {
        server: { host: "192.0.2.1", port: 1 },
        providers: { ...builtIn, one: { kind: "demo" }, two: { kind: "codex", binary: "/nowhere/codex" } }
      })
      configure(project, { server: { host: "192.0.2.2", port: 2 }, providers: { two: { kind: "demo" } } })
      const both = yield* serve(dataDir, ["--port", "0"], {
        cwd: project,
        env: { MILLRACE_HOST: "127.0.0.1", MILLRACE_PORT: "3" }
      })
      const names = (all: ReadonlyArray<ProviderStatus>) => all.map(({ kind, provider }) => [provider, kind])
      expect(names(yield* providersOf(dataDir))).toEqual([
        ["demo", undefined],
        ["one", "demo"],
        ["two", "demo"]
      ])
      const { stdout } = yield* Program.run(["run", "[[say by two]]", "--provider", "two", "--data", dataDir])
      expect(stdout).toBe("by two\n")
      yield* down(both)
      const own = yield* serve(dataDir, ["--port", "0", "--host", "127.0.0.1", "--no-project-config"], { cwd: project })
      expect(names(yield* providersOf(dataDir)).at(-1)).toEqual(["two", "codex"])
      const shown = yield* Program.run(["providers", "--data", dataDir])
      expect(shown.stdout).toMatch(/-- {2}two +codex +not installed +signed in: unknown +steer/)
      expect(shown.stdout).toContain("→ /nowhere/codex is not an executable file")
      yield* down(own)
    }).pipe(Effect.scoped)
  )

  it.live(
    "X7 serving a foreign repository runs nothing of it: its commands and addresses are ignored and reported until they are trusted",
    () =>
      Effect.gen(function* () {
        const { dataDir, project } = yield* places
        const ran = join(project, "ran")
        const agent = { kind: "acp", command: "/bin/sh", args: ["-c", `: > ${ran}; exit 1`] }
        configure(project, {
          providers: {
            evil: agent,
            far: { kind: "openai", baseUrl: "http://192.0.2.9/v1", apiKeyEnv: "HOME" },
            two: { kind: "demo" }
          },
          server: { allowHosts: ["evil.example"] },
          reaper: { idle: 7 }
        })
        const names = ["providers.evil", "providers.far", "server.allowHosts"]
        const check = Effect.map(
          Program.run(["config", "check", "--json", "--data", dataDir], { cwd: project }),
          ({ stdout }) => JSON.parse(stdout) as { readonly untrusted?: ReadonlyArray<string> }
        )
        expect((yield* check).untrusted).toEqual(names)
        const offered = (...args: ReadonlyArray<string>) =>
          Effect.gen(function* () {
            const running = yield* serve(dataDir, ["--port", "0", ...args], { cwd: project })
            // Every provider, after its probe.
            const found = new Set((yield* providersOf(dataDir)).map(({ provider }) => provider))
            const { stderr } = yield* down(running)
            return { found: ["evil", "far", "two"].filter((name) => found.has(name)), stderr }
          })
        const left = yield* offered()
        expect(left.found, "the rest of the file counts").toEqual(["two"])
        expect(existsSync(ran)).toBe(false)
        for (const name of names) expect(left.stderr).toContain(`  ${name}: `)
        expect(left.stderr).toContain("millrace config trust")
        expect((yield* offered("--project-config")).found, "this time").toEqual(["evil", "far", "two"])
        expect((yield* offered()).found, "and no longer").toEqual(["two"])
        expect(yield* Program.run(["config", "trust", "--data", dataDir], { cwd: project })).toMatchObject({ code: 0 })
        expect((yield* check).untrusted).toBeUndefined()
        const trusted = yield* offered()
        expect(trusted.found).toEqual(["evil", "far", "two"])
        expect(trusted.stderr).not.toContain("Ignored in")
        configure(project, { providers: { evil: { ...agent, args: ["-c", "exit 2"] } } })
        expect((yield* check).untrusted, "other content is another question").toEqual(["providers.evil"])
      }).pipe(Effect.scoped),
    600_000 * slower
  )

  it.live("D9 a server is the model endpoint of another one, over both APIs and a restart, with a key that is never stored", () =>
    Effect.gen(function* () {
      const { dataDir, project } = yield* places
      const upstream = yield* serve(project, ["--port", "0"])
      const { token, url } = upstream.ready
      const instance = { kind: "openai", baseUrl: url, model: "demo", apiKeyEnv: "UPSTREAM_KEY" }
      configure(dataDir, {
        providers: { ...builtIn, chat: instance, responses: { ...instance, baseUrl: `${url}/v1/`, api: "responses" } }
      })
      const options = { env: { UPSTREAM_KEY: token } }
      const first = yield* serve(dataDir, ["--port", "0"], options)
      const statuses = yield* providersOf(dataDir)
      expect(statuses.find(({ provider }) => provider === "chat")).toMatchObject({ installed: true, signedIn: "yes" })
      const threads: Array<string> = []
      for (const name of ["chat", "responses"]) {
        const { stdout } = yield* Program.run([
          "run",
          "[[think hm]] [[say hello]]",
          "--provider",
          name,
          "--json",
          "--data",
          dataDir
        ])
        expect(stdout).toContain('"turn.completed"')
        expect(stdout).toContain('"text":"hello"')
        threads.push(/"threadId":"(thr_[^"]+)"/.exec(stdout)?.[1] ?? "")
      }
      yield* down(first)
      const second = yield* serve(dataDir, ["--port", "0"], options)
      for (const thread of threads) {
        const { stdout } = yield* Program.run(["run", "[[say again]]", "--thread", thread, "--json", "--data", dataDir])
        expect(stdout).toContain('"continuity":"replayed"')
        // The other server receives the conversation as one prompt, and its agent answers with it, so the answer contains the first turn.
        expect(stdout).toMatch(/"text":"hello[^]*again"/)
      }
      const models = yield* Effect.promise(() =>
        fetch(`${second.ready.url}/v1/models`, { headers: { authorization: `Bearer ${second.ready.token}` } }).then(
          (response) => response.json() as Promise<{ readonly data: ReadonlyArray<{ readonly id: string }> }>
        )
      )
      expect(models.data.map(({ id }) => id)).toContain("chat/demo")
      yield* down(second)
      // X4: the key is neither in the log nor in any other file of the server.
      for (const name of readdirSync(dataDir, { recursive: true, withFileTypes: true }))
        if (name.isFile()) expect(readFileSync(join(name.parentPath, name.name)).includes(token)).toBe(false)
      for (const { server } of [first, second]) expect(server.so().stdout + server.so().stderr).not.toContain(token)
      yield* down(upstream)
    }).pipe(Effect.scoped)
  )
})
