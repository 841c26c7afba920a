/** A real Codex for tests: the binary that the real lane installed, and a home directory that keeps it offline and separate from the developer's settings. */
import { Data, Effect, type Scope } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import type { ModelEndpoint } from "./ModelEndpoint.ts"

export class CodexMissing extends Data.TaggedError("CodexMissing")<{ readonly message: string }> {}

/** The native Codex binary that `pnpm test:real` installed. */
export const codexBin: Effect.Effect<string, CodexMissing> = Effect.suspend(() => {
  const path = process.env["MILLRACE_CODEX_BIN"]
  return path === undefined || path === ""
    ? Effect.fail(
        new CodexMissing({ message: "MILLRACE_CODEX_BIN is not set. Run `pnpm test:real`: it installs Codex and sets it." })
      )
    : Effect.succeed(path)
})

export interface CodexSettings {
  readonly approvalPolicy?: "on-request" | "never"
  readonly sandbox?: "read-only" | "workspace-write" | "danger-full-access"
  /** How often Codex retries a broken stream. */
  readonly streamRetries?: number
  /** `false` omits the section `[agents]`, which the Codex inside codex-acp 0.16 parses differently. */
  readonly agents?: boolean
}

/** `config.toml` for offline use, with every outgoing connection off. Codex 0.169 knows the model `gpt-5.5`, so it offers all its tools. */
export const codexConfig = (port: number, settings: CodexSettings = {}): string => `model = "gpt-5.5"
model_provider = "local"
approval_policy = "${settings.approvalPolicy ?? "on-request"}"
sandbox_mode = "${settings.sandbox ?? "read-only"}"
check_for_update_on_startup = false
web_search = "disabled"
[analytics]
enabled = false
[feedback]
enabled = false
[otel]
exporter = "none"
trace_exporter = "none"
metrics_exporter = "none"
log_user_prompt = false
[features]
plugins = false
apps = false
remote_plugin = false
skill_search = false
shell_snapshot = false
${settings.agents === false ? "" : "[agents]\nenabled = false\n"}[skills.bundled]
enabled = false
[model_providers.local]
name = "Scripted local endpoint"
base_url = "http://127.0.0.1:${port}/v1"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = ${settings.streamRetries ?? 0}
`

export interface CodexHome {
  /** HOME of the process. */
  readonly home: string
  /** CODEX_HOME of the process. */
  readonly codexHome: string
  /** An empty working directory. */
  readonly workspace: string
}

/** A new home and workspace, removed with the scope. They are below `~/.cache`, because Codex makes no helper programs under a temporary directory. */
export const makeCodexHome = (endpoint: ModelEndpoint, settings?: CodexSettings): Effect.Effect<CodexHome, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const parent = join(homedir(), ".cache", "millrace", "test-homes")
      await mkdir(parent, { recursive: true })
      const home = await mkdtemp(join(parent, "codex-"))
      const codexHome = join(home, ".codex")
      const workspace = join(home, "workspace")
      await Promise.all([mkdir(codexHome), mkdir(workspace)])
      await writeFile(join(codexHome, "config.toml"), codexConfig(endpoint.port, settings))
      return { home, codexHome, workspace }
    }),
    ({ home }) => Effect.promise(() => rm(home, { recursive: true, force: true, maxRetries: 5 }))
  )

const isCodexOf = (codexHome: string) => (pid: string) => {
  if (!/^\d+$/.test(pid)) return false
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0")
    return (
      environment.includes(`CODEX_HOME=${codexHome}`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0app-server")
    )
  } catch {
    // The process exited after the directory was listed.
    return false
  }
}

/** The `codex app-server` that runs with this home; tests kill it. Linux only. */
export const codexPid = (home: Pick<CodexHome, "codexHome">): Effect.Effect<number, CodexMissing> =>
  Effect.suspend(() => {
    const pid = readdirSync("/proc").find(isCodexOf(home.codexHome))
    return pid === undefined
      ? Effect.fail(new CodexMissing({ message: `no codex app-server runs with CODEX_HOME=${home.codexHome}` }))
      : Effect.succeed(Number(pid))
  })
