/** An ACP agent as data: its program, arguments and environment, and the variables that turn its telemetry and downloads off. */
import { Option } from "effect"
import type { Environment } from "../process/Environment.ts"
import * as Spawn from "../process/Spawn.ts"

/** Any program that speaks the Agent Client Protocol on its pipes. */
export interface AcpAgent {
  /** The provider's name. */
  readonly name: string
  /** A name on the PATH, or an absolute path. */
  readonly command: string
  readonly args?: ReadonlyArray<string>
  /** In addition to the allow-list of every agent (X4). */
  readonly env?: Environment
  /** Names of variables that it inherits from the server, such as its key. */
  readonly inherit?: ReadonlyArray<string>
  /** Instruction for a person when the program is missing. */
  readonly install?: string
  /** The command line with which a person signs in. */
  readonly signIn?: string
}

/** The built-in agents. Each sets the switches that its program has; a version ignores variables that it does not know. */
export const known: ReadonlyArray<AcpAgent> = [
  {
    name: "opencode",
    command: "opencode",
    args: ["acp"],
    env: {
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_SHARE: "1"
    },
    inherit: ["OPENCODE_CONFIG", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"],
    install: "Install it with `npm install -g opencode-ai`.",
    signIn: "opencode auth login"
  },
  {
    name: "gemini",
    command: "gemini",
    args: ["--experimental-acp"],
    // Without the second variable gemini starts itself again with a larger heap, which takes twice the time and memory.
    env: { GEMINI_TELEMETRY_ENABLED: "false", GEMINI_CLI_NO_RELAUNCH: "true" },
    inherit: ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "GOOGLE_GENAI_USE_VERTEXAI"],
    install: "Install it with `npm install -g @google/gemini-cli`.",
    signIn: "gemini"
  },
  {
    name: "goose",
    command: "goose",
    args: ["acp"],
    env: { GOOSE_TELEMETRY_ENABLED: "false" },
    inherit: ["GOOSE_PROVIDER", "GOOSE_MODEL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"],
    install: "Install goose and put it on the PATH.",
    signIn: "goose configure"
  },
  {
    name: "codex-acp",
    command: "codex-acp",
    inherit: ["CODEX_HOME", "CODEX_API_KEY", "OPENAI_API_KEY"],
    install: "Install codex-acp and put it on the PATH.",
    signIn: "codex login"
  },
  {
    name: "claude-agent-acp",
    command: "claude-agent-acp",
    env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1", DISABLE_TELEMETRY: "1" },
    inherit: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN"],
    install: "Install claude-agent-acp and put it on the PATH.",
    signIn: "claude /login"
  }
]

/** Variables of the process in addition to the allow-list of every agent. */
export const environment = (agent: AcpAgent, server: Environment): Environment => ({
  ...Object.fromEntries((agent.inherit ?? []).map((name) => [name, server[name]])),
  ...agent.env
})

/** The program to start; `None`: it is not installed, or the named file is not executable. */
export const find = (agent: AcpAgent, server: Environment): Option.Option<string> =>
  Spawn.find(agent.command, { PATH: agent.env?.["PATH"] ?? server["PATH"] })

export const notInstalled = (agent: AcpAgent): string =>
  `${agent.command} was not found. ${agent.install ?? "Install it, or name its program by an absolute path."}`

/** The configured agents, and the built-in ones that are on the PATH and whose name is not configured. */
export const offered = (named: ReadonlyArray<AcpAgent>, server: Environment): ReadonlyArray<AcpAgent> => [
  ...named,
  ...known.filter((agent) => named.every(({ name }) => name !== agent.name) && Option.isSome(find(agent, server)))
]
