/** Which program Claude Code is, and how it is started: `claude -p` with stream-json on its pipes, one process for each session. */
import { cut } from "@millrace/contracts/Text"
import { accessSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { Effect, type Option } from "effect"
import { hiding, type Environment } from "../process/Environment.ts"
import * as Spawn from "../process/Spawn.ts"

export interface ClaudeOptions {
  /** Path of the program. Default: MILLRACE_CLAUDE_BIN, else `claude` on PATH. */
  readonly binary?: string
  /** HOME of the process; default: the server's, and its CLAUDE_CONFIG_DIR. */
  readonly home?: string
  /** Where Claude keeps its settings, sign-in and conversations; default: the server's CLAUDE_CONFIG_DIR, else Claude's own. */
  readonly configDir?: string
  /** Which settings files Claude reads; default: all of them, as in the terminal. `[]`: none. */
  readonly settingSources?: ReadonlyArray<"user" | "project" | "local">
  /** Overrides the permission mode of the user's own settings. */
  readonly permissionMode?: "default" | "acceptEdits" | "plan" | "dontAsk"
  /** Variables that it gets, beside those that it inherits. */
  readonly env?: Environment
  /** Names of further variables that Claude inherits (X4: nothing else gets through). */
  readonly inherit?: ReadonlyArray<string>
}

/** Variables that sign in by themselves. */
const keys = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"]
/** Claude's own variables, beside the allow-list that every agent gets. */
const own = [...keys, "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "CLAUDE_CONFIG_DIR"]

/** Telemetry, error reports, update checks and surveys: off, wherever Claude has a switch. */
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

/** What the process gets beside the allow-list of every agent. */
export const environment = (options: ClaudeOptions, server: Environment): Environment => ({
  ...Object.fromEntries([...own, ...(options.inherit ?? [])].map((name) => [name, server[name]])),
  ...(options.home === undefined ? {} : { HOME: options.home, CLAUDE_CONFIG_DIR: undefined }),
  ...(options.configDir === undefined ? {} : { CLAUDE_CONFIG_DIR: options.configDir }),
  ...options.env,
  ...quiet
})

/** The program that would be started; `None`: it is not installed, or what was named cannot be run. */
export const find = (options: ClaudeOptions, server: Environment): Option.Option<string> =>
  Spawn.find(options.binary ?? (server["MILLRACE_CLAUDE_BIN"] || "claude"), server)

export type Conversation = { readonly resume: string } | { readonly begin: string }

/** `--replay-user-messages`: a message of ours comes back when Claude takes it (Whose.ts). */
const protocol =
  "-p --output-format stream-json --input-format stream-json --verbose --include-partial-messages --permission-prompt-tool stdio --replay-user-messages".split(
    " "
  )

/** `--session-id` gives a new conversation its id before its first turn. */
export const args = (options: ClaudeOptions, conversation: Conversation, model: string | undefined): ReadonlyArray<string> => [
  ...protocol,
  ...(options.settingSources === undefined ? [] : ["--setting-sources", options.settingSources.join(",")]),
  ...(options.permissionMode === undefined ? [] : ["--permission-mode", options.permissionMode]),
  ...(model === undefined ? [] : ["--model", model]),
  ...("resume" in conversation ? ["--resume", conversation.resume] : ["--session-id", conversation.begin])
]

/** `yes`: a key in the environment, or the file that `/login` writes. Elsewhere (a keychain) it cannot be told without asking Claude. */
export const signedIn = (options: ClaudeOptions, server: Environment): "yes" | "unknown" => {
  const its = environment(options, server)
  if (keys.some((name) => (its[name] ?? "") !== "")) return "yes"
  const home = options.home ?? server["HOME"] ?? homedir()
  try {
    accessSync(join(its["CLAUDE_CONFIG_DIR"] ?? join(home, ".claude"), ".credentials.json"))
    return "yes"
  } catch {
    // Not there, or not ours to see.
    return "unknown"
  }
}

const firstLineBytes = 4096

/** `claude --version`: the version, or in the error channel what it said instead. */
export const version = Effect.fn("Claude.version")(function* (binary: string, options: ClaudeOptions) {
  const env = environment(options, process.env)
  const hide = hiding(env)
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
  return found ?? (yield* Effect.fail(hide(`Claude gave no version: ${cut(`${said}\n${child.stderr()}`.trim(), 1000)}`)))
}, Effect.scoped)

export const notInstalled =
  "Claude Code was not found. Install it (`npm install -g @anthropic-ai/claude-code`), or name its program in MILLRACE_CLAUDE_BIN."
