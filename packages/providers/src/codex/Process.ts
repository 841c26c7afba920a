/** Which program Codex is, and how it is started: `codex app-server` on its pipes, one process for each session (decision 0030). */
import type { Option } from "effect"
import type { Environment } from "../process/Environment.ts"
import * as Spawn from "../process/Spawn.ts"

export interface CodexOptions {
  /** Path of the native binary. Default: MILLRACE_CODEX_BIN, else `codex` on PATH. */
  readonly binary?: string
  /** HOME of the process; default: the server's, and its CODEX_HOME. */
  readonly home?: string
  /** Where Codex keeps its settings, sign-in and conversations; default: the server's CODEX_HOME, else Codex' own. */
  readonly codexHome?: string
  /** Overrides the approval policy of the user's own Codex settings. */
  readonly approvalPolicy?: "untrusted" | "on-request" | "never"
  /** Overrides the sandbox of the user's own Codex settings. */
  readonly sandbox?: "read-only" | "workspace-write" | "danger-full-access"
  /** Names of further variables that Codex inherits, such as the `env_key` of a model provider in its settings (X4: nothing else gets through). */
  readonly inherit?: ReadonlyArray<string>
  /** Variables that it gets, beside those that it inherits. */
  readonly env?: Environment
  /** Whether the agent may ask questions in every mode and not only while planning; default true. Codex 0.169 calls this "under development". */
  readonly questions?: boolean
  /** Whether it loads its plugins, for which it asks github.com at each start; default false. */
  readonly plugins?: boolean
}

/** Codex' own variables, beside the allow-list that every agent gets. */
const own = ["CODEX_HOME", "CODEX_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "CODEX_CA_CERTIFICATE"]

/** What the process gets beside the allow-list of every agent. */
export const environment = (options: CodexOptions, server: Environment): Environment => ({
  ...Object.fromEntries([...own, ...(options.inherit ?? [])].map((name) => [name, server[name]])),
  ...(options.home === undefined ? {} : { HOME: options.home, CODEX_HOME: undefined }),
  ...(options.codexHome === undefined ? {} : { CODEX_HOME: options.codexHome }),
  ...options.env,
  RUST_LOG: "error"
})

/** The binary that would be started; `None`: Codex is not installed, or what was named cannot be run. */
export const find = (options: CodexOptions, server: Environment): Option.Option<string> =>
  Spawn.find(options.binary ?? (server["MILLRACE_CODEX_BIN"] || "codex"), server)

/** Settings that Codex does not know are ignored by it (measured), so an older or newer one starts as well. */
const setting = (key: string, value: boolean): ReadonlyArray<string> => ["-c", `${key}=${value}`]

/** Telemetry, uploads and update checks: off, wherever Codex has a switch. Its exporter for traces is none unless its own settings name one. */
const quiet = ["analytics.enabled", "check_for_update_on_startup", "feedback.enabled"]
/** Asks github.com at each start (measured). */
const plugins = ["features.plugins", "features.remote_plugin"]
const off = (keys: ReadonlyArray<string>) => keys.flatMap((key) => setting(key, false))

export const args = (options: CodexOptions): ReadonlyArray<string> => [
  "app-server",
  ...off(options.plugins === true ? quiet : [...quiet, ...plugins]),
  ...(options.questions === false
    ? []
    : [...setting("features.default_mode_request_user_input", true), ...setting("suppress_unstable_features_warning", true)])
]

/** For a look only: nothing that calls out at start. */
export const probeArgs: ReadonlyArray<string> = ["app-server", ...off([...quiet, ...plugins, "features.apps"])]

/** Why nothing can be started, and what to do about it. */
export const missing = (options: CodexOptions, server: Environment): string => {
  const named = options.binary ?? server["MILLRACE_CODEX_BIN"]
  return named === undefined || named === ""
    ? notInstalled
    : `${named} is no program that can be run. Name Codex' binary by its absolute path in MILLRACE_CODEX_BIN, or leave that out to use the codex on PATH.`
}

export const notInstalled =
  "Codex was not found. Install it (`npm install -g @openai/codex`), or name its binary in MILLRACE_CODEX_BIN."
