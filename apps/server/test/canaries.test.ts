/**
 * X4 as a whole: one real server with every kind of agent and secrets planted in every input. Then the test searches all its output for them:
 * the data directory with its WAL and ledger, the project, standard output and error, spans and metrics at a collector, every answer over HTTP.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join, relative, resolve } from "node:path"
import { expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import { isTerminal } from "@millrace/contracts/Event"
import type { Question } from "@millrace/contracts/Item"
import type { RequestId, ThreadId } from "@millrace/contracts/Ids"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import * as Program from "@millrace/testing/Program"
import { serve } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Stream } from "effect"
import { send } from "./support/Fixture.ts"

/** One secret per input. Hexadecimal, so that no encoding (JSON, percent) changes it; a header's base64 form is also searched for. */
const canaries = {
  serverVariable: "c4na7e01",
  keyVariable: "c4na7e02",
  keyFile: "c4na7e03",
  wrongKey: "c4na7e04",
  inherited: "c4na7e05",
  providerEnv: "c4na7e06",
  answer: "c4na7e07",
  collector: "c4na7e08",
  bearer: "c4na7e09",
  query: "c4na7e0a",
  cookie: "c4na7e0b",
  password: "c4na7e0c",
  pairing: "c4na7e0d"
} as const
const base64 = (text: string) => Buffer.from(text).toString("base64")

const packages = resolve(import.meta.dirname, "../../../packages")
const player = join(packages, "adapter-kit/src/player.mjs")
const fixture = (agent: string, name: string) => join(packages, "providers/test", agent, "fixtures", `${name}.jsonl`)

/** Received OTLP data, as text. */
const collector = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly got: Array<string>; readonly close: () => void }>((resume) => {
    const got: Array<string> = []
    const server = createServer((request, response) => {
      request.setEncoding("utf8").on("data", (chunk: string) => got.push(chunk))
      request.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"))
    })
    const close = () => {
      server.closeAllConnections()
      server.close()
    }
    server.listen(0, "127.0.0.1", () =>
      resume(Effect.succeed({ got, close, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
    )
  }),
  ({ close }) => Effect.sync(close)
)

const filesOf = (directory: string): ReadonlyArray<readonly [string, string]> =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [relative(directory, path), readFileSync(path, "latin1")] as const)

it.scopedLive(
  "X4 secrets planted in keys, variables, headers, answers and settings appear in no file and no output of the server",
  () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const project = yield* temporaryDirectory
      const secrets = yield* temporaryDirectory
      const otlp = yield* collector
      const file = (name: string, text: string) => {
        writeFileSync(join(secrets, name), text, { mode: 0o600 })
        return join(secrets, name)
      }
      const keyed = yield* ModelEndpoint.makeWith({ models: ["tiny"], key: canaries.keyFile })
      const other = yield* ModelEndpoint.makeWith({ models: ["tiny"], key: canaries.keyVariable })
      const at = ({ port }: ModelEndpoint.ModelEndpoint) => `http://127.0.0.1:${port}/v1`
      const asking = readFileSync(fixture("codex", "request-user-input"), "utf8").replaceAll(
        '"isSecret":false',
        '"isSecret":true'
      )
      const codexHome = file("asking.jsonl", asking)
      const env = { TEAM_SECRET: canaries.providerEnv }
      // The file in which a person stored a secret belongs to the project and is not searched.
      const config = {
        providers: {
          claude: { kind: "claude", binary: player, configDir: fixture("claude", "two-turns"), env },
          codex: { kind: "codex", binary: player, codexHome, inherit: ["CODEX_TEAM_KEY"], env },
          played: { kind: "acp", command: player, env: { ...env, TRANSCRIPT: fixture("acp", "acp-basic-turn") } },
          broken: { kind: "acp", command: "/bin/sh", args: ["-c", 'echo "my key is $TEAM_SECRET" >&2; exit 3'], env },
          filed: { kind: "openai", baseUrl: at(keyed), apiKeyFile: file("key", canaries.keyFile) },
          named: { kind: "openai", baseUrl: at(other), apiKeyEnv: "MODEL_KEY", api: "responses" },
          wrong: { kind: "openai", baseUrl: at(keyed), apiKeyFile: file("wrong", canaries.wrongKey) }
        }
      }
      const workingDirectory = yield* temporaryDirectory
      writeFileSync(join(workingDirectory, "millrace.config.json"), JSON.stringify(config))
      const server = yield* serve({
        dataDir,
        cwd: workingDirectory,
        args: ["--project-config"],
        env: {
          MILLRACE_LOG_LEVEL: "trace",
          MY_SECRET: canaries.serverVariable,
          MODEL_KEY: canaries.keyVariable,
          CODEX_TEAM_KEY: canaries.inherited,
          OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
          OTEL_EXPORTER_OTLP_HEADERS: `authorization=${canaries.collector}`
        }
      })
      const { token, url } = server
      const said: Array<readonly [string, string]> = []
      const client = Client.make(HttpTransport.make({ url, token }))

      /** Runs one turn to its end; every request is answered with the secret. */
      const turn = (provider: string, text: string) =>
        Effect.gen(function* () {
          const accepted = yield* client.dispatch(
            yield* Client.command("thread.create", { provider, cwd: project, turn: { text } })
          )
          const threadId = accepted.threadId as ThreadId
          const end = yield* client.follow({ stream: `thread/${threadId}` }).pipe(
            Stream.flatMap((frame) => (frame._tag === "event" ? Stream.make(frame.event) : Stream.empty)),
            Stream.tap((event) =>
              Effect.gen(function* () {
                if (event.type !== "request.opened") return
                const {
                  kind,
                  questions = [],
                  requestId
                } = event.data as {
                  readonly kind: string
                  readonly requestId: RequestId
                  readonly questions?: ReadonlyArray<Question>
                }
                const given =
                  kind === "approval"
                    ? { decision: "accept" as const }
                    : { answers: Object.fromEntries(questions.map(({ id }) => [id, [canaries.answer]])) }
                yield* client.dispatch(yield* Client.command("request.answer", { requestId, ...given }))
              })
            ),
            Stream.filter((event) => isTerminal(event.type)),
            Stream.runHead
          )
          return end._tag === "Some" ? end.value.type : "none"
        })
      // Agents with an environment print it; the endpoints echo the key.
      expect(yield* turn("demo", "[[run env]] [[say done]]")).toBe("turn.completed")
      expect(yield* turn("codex", "ask me")).toBe("turn.completed")
      expect(yield* turn("claude", "hello")).toBe("turn.completed")
      expect(yield* turn("played", "hello")).toBe("turn.completed")
      expect(yield* turn("filed", "[[leak]]")).toBe("turn.failed")
      expect(yield* turn("named", "[[say hello]]")).toBe("turn.completed")
      expect(yield* turn("named", "[[leak]]")).toBe("turn.failed")
      expect(yield* turn("wrong", "hello")).toBe("turn.failed")
      expect(yield* turn("broken", "hello")).toBe("turn.failed")

      const authorization = `Bearer ${token}`
      const refused: ReadonlyArray<readonly [string, Record<string, string>]> = [
        ["/api/state", { authorization: `Bearer ${canaries.bearer}` }],
        ["/api/state", { authorization: `Basic ${base64(`me:${canaries.password}`)}` }],
        [`/api/state?token=${canaries.query}`, {}],
        ["/api/state", { cookie: `millrace=${canaries.cookie}; other=${canaries.cookie}` }],
        [`/pair?code=${canaries.pairing}`, {}],
        ["/v1/models", { authorization: `Bearer ${canaries.bearer}` }]
      ]
      for (const [path, headers] of refused) {
        const { body, headers: answered, status } = yield* send(`${url}${path}`, { headers })
        said.push([`the refusal of ${path}`, `${body} ${JSON.stringify(answered)}`])
        if (!path.startsWith("/pair")) expect(status, path).toBeGreaterThanOrEqual(401)
      }
      const { stdout: made } = yield* Program.run(["token", "create", "friend", "--json", "--data", dataDir])
      const friend = /mlr_[A-Za-z0-9_-]+|"token": ?"([^"]+)"/.exec(made)?.[1] ?? ""
      expect(friend.length, made).toBeGreaterThan(16)
      for (const path of ["events", "state", "threads", "requests", "providers", "tokens"])
        said.push([`/api/${path}`, (yield* send(`${url}/api/${path}`, { headers: { authorization } })).body])
      said.push(["/metrics", (yield* send(`${url}/metrics`, { headers: { authorization } })).body])
      const { stdout: doctor } = yield* Program.run(["doctor", "--json", "--data", dataDir], { cwd: workingDirectory })
      said.push(["doctor", doctor])

      const look = (when: string) =>
        [...filesOf(dataDir), ...filesOf(project)].map(([name, text]) => [`${when} ${name}`, text] as const)
      said.push(...look("while it ran"))
      expect(said.some(([where]) => where.endsWith("-wal"))).toBe(true)
      yield* server.kill("SIGTERM")
      const { code, stderr, stdout } = yield* server.ended
      expect(code).toBe(0)
      said.push(
        ...look("after it"),
        ["standard output", stdout],
        ["standard error", stderr],
        ["the collector", otlp.got.join("")]
      )

      // Checks the search itself: the searched places are not empty and contain known text.
      const all = (where: string) => said.find(([name]) => name === where)?.[1] ?? ""
      expect(all("the collector")).toContain("Engine.dispatch")
      expect(all("/api/events")).toContain("(secret)")
      expect(all("/api/events")).toContain("MILLRACE_CHILD=")
      expect(all("/api/events")).toContain("my key is (secret)")
      const searched = Object.entries({ ...canaries, friend, base64: base64(`me:${canaries.password}`) })
      const found = searched.flatMap(([name, secret]) =>
        said.flatMap(([where, text]) => (text.includes(secret) ? [`${name} in ${where}`] : []))
      )
      expect(found).toEqual([])
      // The server's own token is in the one file from which this user's commands read it.
      expect(said.filter(([, text]) => text.includes(token)).map(([where]) => where)).toEqual([
        "while it ran cli-token",
        "after it cli-token"
      ])
    })
)
