/** Finds the Claude Code program and builds its arguments and environment: `claude -p` with stream-json on its pipes, one process per session. */
import { defined } from "@millrace/contracts/Defined"
import { cut } from "@millrace/contracts/Text"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import { accessSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import type { Settable } from "@millrace/contracts/Settable"
import type { PermissionMode, Settings } from "@millrace/contracts/Settings"
import { Effect, type Option } from "effect"
import { redactor, type Environment } from "../process/Environment.ts"
import * as Spawn from "../process/Spawn.ts"

export interface ClaudeOptions {
  /** Path of the program. Default: MILLRACE_CLAUDE_BIN, else `claude` on PATH. */
  readonly binary?: string
  /** HOME of the process; without it, the server's HOME and CLAUDE_CONFIG_DIR apply. */
  readonly home?: string
  /** Where Claude keeps its settings, sign-in and conversations; default: the server's CLAUDE_CONFIG_DIR, else Claude's own. */
  readonly configDir?: string
  /** Which settings files Claude reads; default: all of them, as in the terminal. `[]`: none. */
  readonly settingSources?: ReadonlyArray<"user" | "project" | "local">
  /** Overrides the permission mode of the user's own settings. */
  readonly permissionMode?: "default" | "acceptEdits" | "plan" | "dontAsk"
  /** Variables to set, in addition to the inherited ones. */
  readonly env?: Environment
  /** Names of further server variables that Claude inherits. No others are inherited (X4). */
  readonly inherit?: ReadonlyArray<string>
}

/** Variables that hold credentials: one of them is enough to be signed in. */
const keys = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"]
/** Claude's variables, in addition to the allow-list of every agent. */
const own = [...keys, "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "CLAUDE_CONFIG_DIR"]

/** Turns off telemetry, error reports, update checks and surveys, where Claude has a switch. */
export const quiet: Environment = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY: "1",
  CLAUDE_CODE_ENABLE_TELEMETRY: "0",
  DISABLE_AUTOUPDATER: "1",
  DISABLE_BUG_COMMAND: "1",
  DISABLE_ERROR_REPORTING: "1",
  DISABLE_FEEDBACK_COMMAND: "1",
  DISABLE_NON_ESSENTIAL_MODEL_CALLS: "1",
  DISABLE_TELEMETRY: "1",
  DISABLE_UPDATES: "1"
}

/** Variables of the process in addition to the allow-list of every agent. */
export const environment = (options: ClaudeOptions, server: Environment): Environment => ({
  ...Object.fromEntries([...own, ...(options.inherit ?? [])].map((name) => [name, server[name]])),
  ...(options.home === undefined ? {} : { HOME: options.home, CLAUDE_CONFIG_DIR: undefined }),
  ...defined({ CLAUDE_CONFIG_DIR: options.configDir }),
  ...options.env,
  ...quiet
})

/** The program to start; `None`: it is not installed, or the named file is not executable. */
export const find = (options: ClaudeOptions, server: Environment): Option.Option<string> =>
  Spawn.find(options.binary ?? (server["MILLRACE_CLAUDE_BIN"] || "claude"), server)

/** `fork`: the id of the copy with which Claude continues. `at`: the `uuid` of the last message that it has. */
export type Conversation = { readonly resume: string; readonly fork?: string; readonly at?: string } | { readonly begin: string }

const flag = (name: string, value: string | undefined): ReadonlyArray<string> => (value === undefined ? [] : [name, value])

const conversationArgs = (conversation: Conversation): ReadonlyArray<string> => {
  if ("begin" in conversation) return ["--session-id", conversation.begin]
  const { at, fork, resume } = conversation
  const copy = fork === undefined ? [] : ["--fork-session", "--session-id", fork]
  return ["--resume", resume, ...copy, ...flag("--resume-session-at", at)]
}

/** `--replay-user-messages`: Claude echoes a user message when it takes it (TurnOwnership.ts). */
const protocol =
  "-p --output-format stream-json --input-format stream-json --verbose --include-partial-messages --permission-prompt-tool stdio --replay-user-messages".split(
    " "
  )

/** Claude's word for each mode. It has none that only reads: `dontAsk` still does what the user's settings allow. */
const modes: Readonly<Partial<Record<PermissionMode, string>>> = {
  plan: "plan",
  ask: "default",
  "accept-edits": "acceptEdits",
  "full-access": "bypassPermissions"
}

/** Claude's word for the mode; `undefined`: it has no such mode. */
export const modeOf = (mode: PermissionMode): string | undefined => modes[mode]

export const settable: Settable = {
  settings: new Set(["model", "effort", "permissionMode", "directories", "mcpServers", "instructions"]),
  permissionModes: new Set<PermissionMode>(["plan", "ask", "accept-edits", "full-access"])
}

/** What an instance with these options is set to. */
export const defaults = ({ permissionMode }: ClaudeOptions): Settings => {
  const mode = [...settable.permissionModes].find((one) => modes[one] === permissionMode)
  return mode === undefined ? {} : { permissionMode: mode }
}

/** `--session-id` sets the id of a new conversation before its first turn. `mcpConfig`: the file of its MCP servers. */
export const args = (
  options: ClaudeOptions,
  conversation: Conversation,
  { attachments, model, settings = {} }: Pick<OpenInput, "attachments" | "model" | "settings">,
  mcpConfig?: string
): ReadonlyArray<string> => [
  ...protocol,
  ...(options.settingSources === undefined ? [] : ["--setting-sources", options.settingSources.join(",")]),
  ...flag("--permission-mode", settings.permissionMode === undefined ? options.permissionMode : modes[settings.permissionMode]),
  ...flag("--model", model),
  ...flag("--effort", settings.effort),
  // With `=`, because a value may begin with "-".
  ...(settings.instructions === undefined ? [] : [`--append-system-prompt=${settings.instructions}`]),
  ...flag("--mcp-config", mcpConfig),
  // These two take all values up to the next flag.
  ...[...(settings.directories ?? []), ...(attachments === undefined ? [] : [attachments])].flatMap((path) => [
    "--add-dir",
    path
  ]),
  ...conversationArgs(conversation)
]

/** `yes`: a key is in the environment, or the file that `/login` writes exists. Credentials in a keychain are not detectable without asking Claude: `unknown`. */
export const signedIn = (options: ClaudeOptions, server: Environment): "yes" | "unknown" => {
  const its = environment(options, server)
  if (keys.some((name) => (its[name] ?? "") !== "")) return "yes"
  const home = options.home ?? server["HOME"] ?? homedir()
  try {
    accessSync(join(its["CLAUDE_CONFIG_DIR"] ?? join(home, ".claude"), ".credentials.json"))
    return "yes"
  } catch {
    // Missing, or not readable by this user.
    return "unknown"
  }
}

const firstLineBytes = 4096

/** Runs `claude --version`. Returns the version; fails with the output when it contains none. */
export const version = Effect.fn("Claude.version")(function* (binary: string, options: ClaudeOptions) {
  const env = environment(options, process.env)
  const hide = redactor(env)
  const child = yield* Spawn.spawn({
    command: binary,
    args: ["--version"],
    cwd: options.home ?? homedir(),
    env,
    threadId: "probe",
    epoch: 0
  }).pipe(Effect.mapError(({ message }) => message))
  yield* child.closeStdin
  let said = ""
  for (let chunk = yield* child.read; chunk !== null; chunk = yield* child.read)
    if (said.length < firstLineBytes) said += chunk.toString("utf8")
  const found = /\d+\.\d+\.\d+\S*/.exec(said)?.[0]
  return found ?? (yield* Effect.fail(hide(`Claude printed no version: ${cut(`${said}\n${child.stderr()}`.trim(), 1000)}`)))
}, Effect.scoped)

export const notInstalled =
  "Claude Code was not found. Install it (`npm install -g @anthropic-ai/claude-code`), or name its program in MILLRACE_CLAUDE_BIN."
