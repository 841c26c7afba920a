// `pnpm test:real [vitest arguments]`: the lane with the real agents against scripted model endpoints on loopback.
import { spawn, spawnSync } from "node:child_process"
import { resolve } from "node:path"
import { ensureClaude } from "./claude-cache.mjs"
import { ensureCodex } from "./codex-cache.mjs"
import { ensureOpencode } from "./opencode-cache.mjs"

const root = resolve(import.meta.dirname, "..")
let binary
try {
  // A binary that is given is used as it is.
  binary = process.env.MILLRACE_CODEX_BIN || (await ensureCodex())
} catch (error) {
  console.error(error.message)
  process.exit(1)
}
console.error(`Codex: ${binary}`)
/** Another agent of the lane; without it its tests are skipped. */
const agent = async (name, given, install) => {
  try {
    const found = given || (await install())
    console.error(`${name}: ${found}`)
    return found
  } catch (error) {
    console.error(`${error.message}. Its tests are skipped.`)
    return ""
  }
}
const claude = await agent("Claude", process.env.MILLRACE_CLAUDE_BIN, ensureClaude)
const opencode = await agent("OpenCode", process.env.MILLRACE_OPENCODE_BIN, ensureOpencode)

// 200 to 400 MB each, and more from a cold disk than a look at an agent may take: they are read once before.
for (const program of [binary, claude, opencode]) if (program !== "") spawnSync(program, ["--version"], { stdio: "ignore" })

const vitest = resolve(root, "node_modules", "vitest", "vitest.mjs")
const child = spawn(process.execPath, [vitest, "run", "--config", "vitest.real.config.ts", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, MILLRACE_CODEX_BIN: binary, MILLRACE_CLAUDE_BIN: claude, MILLRACE_OPENCODE_BIN: opencode }
})
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal))
child.once("exit", (code) => process.exit(code ?? 1))
