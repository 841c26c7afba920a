// The pinned Claude Code of the real lane (folder: MILLRACE_CLAUDE_CACHE). Run directly it prints the path of the program.
import { fileURLToPath } from "node:url"
import { ensure, launcher } from "./npm-cache.mjs"

/** The newest that runs on Node 20. */
const claude = {
  name: "claude",
  packaged: "@anthropic-ai/claude-code",
  version: "2.1.197",
  variable: "MILLRACE_CLAUDE_CACHE",
  size: "235 MB",
  findBinary: launcher("claude")
}

export const ensureClaude = (say) => ensure(claude, say)

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await ensureClaude())
