/** Finds the Codex program and builds its arguments and environment: `codex app-server` on its pipes, one process per session (decision 0030). */
import { defined } from "@millrace/contracts/Defined"
import type { Option } from "effect"
import type { Environment } from "../process/Environment.ts"
import * as Spawn from "../process/Spawn.ts"

export interface CodexOptions {
  /** Path of the native binary. Default: MILLRACE_CODEX_BIN if it is set, otherwise `codex` on PATH. */
  readonly binary?: string
  /** HOME of the process. Without it, the server's HOME and CODEX_HOME apply. */
  readonly home?: string
  /** The directory of Codex' settings, sign-in and conversations. Default: the server's CODEX_HOME if it is set, otherwise Codex' own default. */
  readonly codexHome?: string
  /** Overrides the approval policy of the user's own Codex settings. */
  readonly approvalPolicy?: "untrusted" | "on-request" | "never"
  /** Overrides the sandbox of the user's own Codex settings. */
  readonly sandbox?: "read-only" | "workspace-write" | "danger-full-access"
  /** Names of further server variables that Codex inherits, such as the `env_key` of a model provider in its settings. Codex inherits no others (X4). */
  readonly inherit?: ReadonlyArray<string>
  /** Variables to set, in addition to the inherited ones. */
  readonly env?: Environment
  /** Whether the agent may ask questions in every mode and not only while planning. Default true. Codex 0.169 calls this "under development". */
  readonly questions?: boolean
  /** Whether Codex loads its plugins. It then sends a request to github.com at each start. Default false. */
  readonly plugins?: boolean
}

/** Codex's variables, in addition to the allow-list of every agent. */
const codexVariables = ["CODEX_HOME", "CODEX_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "CODEX_CA_CERTIFICATE"]

/** Variables of the process in addition to the allow-list of every agent. */
export const environment = (options: CodexOptions, server: Environment): Environment => ({
  ...Object.fromEntries([...codexVariables, ...(options.inherit ?? [])].map((name) => [name, server[name]])),
  ...(options.home === undefined ? {} : { HOME: options.home, CODEX_HOME: undefined }),
  ...defined({ CODEX_HOME: options.codexHome }),
  ...options.env,
  RUST_LOG: "error"
})

/** The binary to start. `None` if Codex is not installed, or if the named file is not executable. */
export const find = (options: CodexOptions, server: Environment): Option.Option<string> =>
  Spawn.find(options.binary ?? (server["MILLRACE_CODEX_BIN"] || "codex"), server)

/** Codex ignores unknown settings (measured), so older and newer versions start as well. */
const setting = (key: string, value: boolean): ReadonlyArray<string> => ["-c", `${key}=${value}`]

/** Settings for telemetry, uploads and update checks, all turned off. Codex exports no traces unless its own settings name an exporter. */
const quiet = ["analytics.enabled", "check_for_update_on_startup", "feedback.enabled"]
/** Settings for plugins, off by default: for plugins Codex contacts github.com at each start (measured). */
const plugins = ["features.plugins", "features.remote_plugin"]
const off = (keys: ReadonlyArray<string>) => keys.flatMap((key) => setting(key, false))

export const args = (options: CodexOptions): ReadonlyArray<string> => [
  "app-server",
  ...off(options.plugins === true ? quiet : [...quiet, ...plugins]),
  ...(options.questions === false
    ? []
    : [...setting("features.default_mode_request_user_input", true), ...setting("suppress_unstable_features_warning", true)])
]

/** Arguments for a probe: all features that use the network at start are off. */
export const probeArgs: ReadonlyArray<string> = ["app-server", ...off([...quiet, ...plugins, "features.apps"])]

/** A message that explains why Codex cannot be started, and what to do. */
export const missing = (options: CodexOptions, server: Environment): string => {
  const named = options.binary ?? server["MILLRACE_CODEX_BIN"]
  return named === undefined || named === ""
    ? notInstalled
    : `${named} is not an executable file. Name Codex's binary by its absolute path in MILLRACE_CODEX_BIN, or unset it to use the codex on PATH.`
}

export const notInstalled =
  "Codex was not found. Install it (`npm install -g @openai/codex`), or name its binary in MILLRACE_CODEX_BIN."
