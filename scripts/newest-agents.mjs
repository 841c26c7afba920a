// The newest releases of the agents, for `pnpm test:real --newest`. Each is installed once with npm, as the pinned ones are (npm-cache.mjs).
import { join } from "node:path"
import { existsSync } from "node:fs"
import { nativeCodex } from "./codex-cache.mjs"
import { ensure, launcher } from "./npm-cache.mjs"

/** The program of claude-code is not a script, and is named `.exe` on every platform. */
const nativeClaude = (folder) => {
  const binary = join(folder, "node_modules", "@anthropic-ai", "claude-code", "bin", "claude.exe")
  return existsSync(binary) ? binary : launcher("claude")(folder)
}

/** `bin`: the variable that gives the tests the path of the program. */
const agents = [
  {
    name: "codex",
    packaged: "@openai/codex",
    version: "0.171.0",
    size: "424 MB",
    findBinary: nativeCodex,
    bin: "MILLRACE_CODEX_BIN"
  },
  {
    name: "claude",
    packaged: "@anthropic-ai/claude-code",
    version: "2.1.332",
    size: "384 MB",
    findBinary: nativeClaude,
    bin: "MILLRACE_CLAUDE_BIN"
  },
  { name: "opencode", packaged: "opencode-ai", version: "1.18.33", size: "354 MB", bin: "MILLRACE_OPENCODE_BIN" },
  { name: "gemini", packaged: "@google/gemini-cli", version: "0.61.0", size: "100 MB", bin: "MILLRACE_GEMINI_BIN" },
  { name: "codex-acp", packaged: "@zed-industries/codex-acp", version: "0.16.0", size: "223 MB", bin: "MILLRACE_CODEX_ACP_BIN" },
  {
    name: "claude-agent-acp",
    packaged: "@agentclientprotocol/claude-agent-acp",
    version: "0.101.0",
    size: "402 MB",
    bin: "MILLRACE_CLAUDE_AGENT_ACP_BIN"
  }
]

/** The variables of the agents that are installed or can be; an agent that cannot be installed is a warning. */
export const ensureNewest = async (warn) => {
  const env = {}
  for (const { bin, ...agent } of agents) {
    const variable = `MILLRACE_NEWEST_${agent.name.toUpperCase().replaceAll("-", "_")}_CACHE`
    try {
      env[bin] = await ensure({ findBinary: launcher(agent.name), ...agent, variable })
      console.error(`${agent.name} ${agent.version}: ${env[bin]}`)
    } catch (error) {
      env[bin] = ""
      warn(agent.name, "installation", error.message)
    }
  }
  return env
}

const owners = [
  [/claude-agent-acp/, "claude-agent-acp"],
  [/codex-acp/, "codex-acp"],
  [/gemini/, "gemini"],
  [/opencode/i, "opencode"],
  [/claude/i, "claude"]
]
/** The agent that a test is about; for the server's tests it is Codex. */
export const ownerOf = (test) => owners.find(([pattern]) => pattern.test(test))?.[1] ?? "codex"
