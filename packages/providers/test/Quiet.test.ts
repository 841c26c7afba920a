/** X4: the arguments and variables that turn off each agent's telemetry, updates and other unrequested traffic. */
import { assert, it } from "@effect/vitest"
import * as Agents from "../src/acp/Agents.ts"
import * as Claude from "../src/claude/Process.ts"
import * as Codex from "../src/codex/Process.ts"
import * as Environment from "../src/process/Environment.ts"

const canary = "c4na7e5e"
/** A server's environment with secrets, other than the agents' own keys. */
const server = { PATH: "/bin", HOME: "/home/me", GITHUB_TOKEN: canary, AWS_SECRET_ACCESS_KEY: canary, MILLRACE_TOKEN: canary }
const acp = (name: string) => {
  const agent = Agents.known.find((known) => known.name === name)
  return agent === undefined ? {} : Agents.environment(agent, server)
}
const off = (...keys: ReadonlyArray<string>) => keys.map((key) => `${key}=false`)

/** For each agent: the switches in its arguments and environment. Other traffic has no known switch, or is a feature for the user. */
const table: Readonly<
  Record<string, { readonly args: ReadonlyArray<string>; readonly env: Environment.Environment; readonly switches: object }>
> = {
  codex: {
    args: Codex.args({ questions: false }),
    env: Codex.environment({}, server),
    switches: {
      args: off(
        "analytics.enabled",
        "check_for_update_on_startup",
        "feedback.enabled",
        "features.plugins",
        "features.remote_plugin"
      ),
      env: { RUST_LOG: "error" }
    }
  },
  "codex, a look": {
    args: Codex.probeArgs,
    env: Codex.environment({}, server),
    switches: {
      args: off(
        "analytics.enabled",
        "check_for_update_on_startup",
        "feedback.enabled",
        "features.plugins",
        "features.remote_plugin",
        "features.apps"
      ),
      env: { RUST_LOG: "error" }
    }
  },
  claude: {
    args: [],
    env: Claude.environment({ env: { DISABLE_TELEMETRY: "0" } }, server),
    switches: { args: [], env: Claude.quiet }
  },
  opencode: {
    args: [],
    env: acp("opencode"),
    switches: {
      args: [],
      env: {
        OPENCODE_DISABLE_AUTOUPDATE: "1",
        OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
        OPENCODE_DISABLE_MODELS_FETCH: "1",
        OPENCODE_DISABLE_SHARE: "1"
      }
    }
  },
  gemini: {
    args: [],
    env: acp("gemini"),
    switches: { args: [], env: { GEMINI_TELEMETRY_ENABLED: "false", GEMINI_CLI_NO_RELAUNCH: "true" } }
  },
  goose: { args: [], env: acp("goose"), switches: { args: [], env: { GOOSE_TELEMETRY_ENABLED: "false" } } },
  "codex-acp": { args: [], env: acp("codex-acp"), switches: { args: [], env: {} } },
  "claude-agent-acp": {
    args: [],
    env: acp("claude-agent-acp"),
    switches: {
      args: [],
      env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1", DISABLE_TELEMETRY: "1" }
    }
  },
  demo: { args: [], env: {}, switches: { args: [], env: {} } }
}

it.each(Object.keys(table))("X4 %s: the switches that disable side traffic are set, and it inherits no secret", (name) => {
  const { args = [], env = {}, switches } = table[name] ?? {}
  const inherited = Environment.select(server, env)
  const base = Environment.select(server, {})
  const own = Object.fromEntries(Object.entries(inherited).filter(([variable]) => base[variable] === undefined))
  assert.deepStrictEqual({ args: args.filter((arg) => arg.endsWith("=false")), env: own }, switches)
  assert.notInclude(JSON.stringify(inherited), canary)
})

it("X4 secrets are removed from the last standard error of an agent", () => {
  const hide = Environment.redactor({ TEAM_TOKEN: "abcdefgh", LOG: "information", API_KEY: "short" })
  assert.strictEqual(hide("abcdefgh, short information abcdefgh"), "(secret), short information (secret)")
})
