/** The ACP adapter with other agents that speak the protocol, each against a scripted model endpoint, offline. Run by `pnpm test:real --newest`. */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { makeCodexHome } from "@millrace/testing/CodexHome"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import { finish, record } from "@millrace/adapter-kit/Recording"
import { completed, deltas } from "@millrace/adapter-kit/Story"
import { Effect, Exit, Scope } from "effect"
import * as Acp from "../../src/acp/Acp.ts"
import * as Agents from "../../src/acp/Agents.ts"
import type { Environment } from "../../src/process/Environment.ts"
import * as Ledger from "../../src/process/Ledger.ts"

const threadId = ThreadId.make("thr_real")
const turn = (n: number) => TurnId.make(`trn_${n}`)

/** The endpoint, the home and the environment of one agent, and its prompts as directives of that endpoint. */
interface World {
  readonly env: Environment
  readonly cwd: string
  readonly args?: ReadonlyArray<string>
}
interface Agent {
  readonly name: string
  readonly binary: string
  readonly world: Effect.Effect<World, never, Scope.Scope>
  readonly say: (text: string) => string
  /** Streams a few words and then hangs. */
  readonly hang: string
  /** A command for which the agent requests approval first. */
  readonly shell: (command: string) => string
  readonly declineEndsTurn?: true
}

const folder = (name: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const home = mkdtempSync(join(tmpdir(), `millrace-${name}-`))
      const cwd = join(home, "project")
      mkdirSync(cwd)
      return { home, cwd }
    }),
    ({ home }) => Effect.sync(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }))
  )

const gemini: Agent = {
  name: "gemini",
  binary: process.env["MILLRACE_GEMINI_BIN"] ?? "",
  world: Effect.gen(function* () {
    const { port } = yield* ModelEndpoint.make
    const { cwd, home } = yield* folder("gemini")
    mkdirSync(join(home, ".gemini"))
    const settings = {
      security: { auth: { selectedType: "gemini-api-key" } },
      privacy: { usageStatisticsEnabled: false },
      general: { disableAutoUpdate: true, disableUpdateNag: true }
    }
    writeFileSync(join(home, ".gemini", "settings.json"), JSON.stringify(settings))
    const endpoint = { GOOGLE_GEMINI_BASE_URL: `http://127.0.0.1:${port}`, GEMINI_API_KEY: "not-a-real-key" }
    // With the model `auto`, Gemini first asks another model which model to use.
    return { cwd, env: { HOME: home, GEMINI_MODEL: "gemini-2.5-pro", ...endpoint } }
  }),
  say: (text) => `[[say ${text}]]`,
  hang: "[[say one two three]] [[hang]]",
  shell: (command) => `[[call run_shell_command ${JSON.stringify({ command, description: "Runs a command" })}]]`
}

const codexAcp: Agent = {
  name: "codex-acp",
  binary: process.env["MILLRACE_CODEX_ACP_BIN"] ?? "",
  world: Effect.gen(function* () {
    const endpoint = yield* ModelEndpoint.make
    const { codexHome, home, workspace } = yield* makeCodexHome(endpoint, { agents: false })
    return { cwd: workspace, env: { HOME: home, CODEX_HOME: codexHome, OPENAI_API_KEY: "not-a-real-key" } }
  }),
  say: (text) => `[[say ${text}]]`,
  hang: "[[say one two three]] [[hang]]",
  shell: (command) => `[[escalate ${command}]]`,
  declineEndsTurn: true
}

/** The scripted Messages API, in a separate process. */
const messages = Effect.acquireRelease(
  Effect.async<{ readonly port: number; readonly kill: () => void }>((resume) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "../claude/endpoint.mjs")], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    createInterface({ input: child.stdout }).once("line", (line) => {
      const { port } = JSON.parse(line) as { readonly port: number }
      resume(Effect.succeed({ port, kill: () => void child.kill() }))
    })
  }),
  ({ kill }) => Effect.sync(kill)
)

const claudeAgentAcp: Agent = {
  name: "claude-agent-acp",
  binary: process.env["MILLRACE_CLAUDE_AGENT_ACP_BIN"] ?? "",
  world: Effect.gen(function* () {
    const { port } = yield* messages
    const { cwd, home } = yield* folder("claude-agent-acp")
    const env = {
      HOME: home,
      CLAUDE_CONFIG_DIR: join(home, ".claude"),
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
      ANTHROPIC_API_KEY: "not-a-real-key",
      ANTHROPIC_MODEL: "claude-sonnet-4-5",
      IS_SANDBOX: "1"
    }
    return { cwd, env }
  }),
  say: (text) => `[[say text=${JSON.stringify(text)}]]`,
  hang: "[[hang after=3]]",
  shell: (command) => `[[shell cmd=${JSON.stringify(command)}]]`
}

const started = (agent: Agent) =>
  Effect.gen(function* () {
    const { args, cwd, env } = yield* agent.world
    const known = Agents.known.find(({ name }) => name === agent.name)
    const adapter = yield* Acp.make({
      ...known,
      name: agent.name,
      command: agent.binary,
      ...(args === undefined ? {} : { args }),
      env: { ...known?.env, ...env }
    })
    const open = (epoch: number, resumeKey?: string) =>
      Effect.gen(function* () {
        const session = yield* adapter.open({ threadId, epoch, cwd, ...(resumeKey === undefined ? {} : { resumeKey }) })
        return { session, recording: yield* record(session) }
      })
    return { adapter, cwd, open }
  })

const live = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)), 120_000)

for (const agent of [gemini, codexAcp, claudeAgentAcp])
  describe.skipIf(agent.binary === "")(`the real ${agent.name}`, () => {
    live(
      "T2 a probe, and a turn with its text",
      Effect.gen(function* () {
        const { adapter, open } = yield* started(agent)
        assert.isTrue((yield* adapter.probe).installed)
        const { recording, session } = yield* open(1)
        yield* session.startTurn({ turnId: turn(1), text: agent.say("Hello from the scripted model.") })
        yield* recording.until("TurnCompleted")
        assert.strictEqual(deltas(recording.events, "agent-message"), "Hello from the scripted model.")
        assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted"])
      })
    )

    live(
      "T13 accept runs a command, decline does not",
      Effect.gen(function* () {
        const { cwd, open } = yield* started(agent)
        const { recording, session } = yield* open(1)
        yield* session.startTurn({ turnId: turn(1), text: agent.shell("touch yes.txt") })
        const first = yield* recording.until("RequestOpened")
        yield* session.answer(first.requestId, { decision: "accept" })
        yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
        assert.isTrue(existsSync(join(cwd, "yes.txt")))
        assert.isAbove(completed(recording.events, "command").length, 0)
        yield* session.startTurn({ turnId: turn(2), text: agent.shell("touch no.txt") })
        const second = yield* recording.until("RequestOpened", (event) => event.turnId === turn(2))
        yield* session.answer(second.requestId, { decision: "decline" })
        // codex-acp has no refusal that lets the turn continue.
        yield* agent.declineEndsTurn === true
          ? recording.until("TurnInterrupted", (event) => event.turnId === turn(2))
          : recording.until("TurnCompleted", (event) => event.turnId === turn(2))
        assert.isFalse(existsSync(join(cwd, "no.txt")))
        yield* finish(session, recording, [first.requestId, second.requestId])
      })
    )

    live(
      "T7 an interrupt ends its turn, and the next one runs",
      Effect.gen(function* () {
        const { open } = yield* started(agent)
        const { recording, session } = yield* open(1)
        yield* session.startTurn({ turnId: turn(1), text: agent.hang })
        yield* recording.until("ItemDelta")
        yield* session.interrupt(turn(1))
        yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(1))
        yield* session.startTurn({ turnId: turn(2), text: agent.say("the next turn") })
        yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
        assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted", "TurnCompleted"])
      })
    )

    live(
      "P5 stopped and opened again: the conversation is resumed, and a turn runs",
      Effect.gen(function* () {
        const { open } = yield* started(agent)
        const own = yield* Scope.make()
        const first = yield* Scope.extend(open(1), own)
        yield* first.session.startTurn({ turnId: turn(1), text: agent.say("a finished turn") })
        yield* first.recording.until("TurnCompleted")
        yield* finish(first.session, first.recording)
        yield* Scope.close(own, Exit.void)
        const second = yield* open(2, first.session.resumeKey)
        assert.strictEqual(second.session.continuity, "resumed")
        yield* second.session.startTurn({ turnId: turn(2), text: agent.say("after the stop") })
        yield* second.recording.until("TurnCompleted")
        assert.strictEqual(deltas(second.recording.events, "agent-message"), "after the stop")
        yield* finish(second.session, second.recording)
      })
    )
  })
