// `pnpm test:real [vitest arguments]`: the lane with the real agents against scripted model endpoints on loopback.
import { spawn } from "node:child_process"
import { resolve } from "node:path"
import { ensureClaude } from "./claude-cache.mjs"
import { ensureCodex } from "./codex-cache.mjs"

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
let claude = ""
try {
  claude = process.env.MILLRACE_CLAUDE_BIN || (await ensureClaude())
  console.error(`Claude: ${claude}`)
} catch (error) {
  console.error(`${error.message}. Its tests are skipped.`)
}

const vitest = resolve(root, "node_modules", "vitest", "vitest.mjs")
const child = spawn(process.execPath, [vitest, "run", "--config", "vitest.real.config.ts", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, MILLRACE_CODEX_BIN: binary, MILLRACE_CLAUDE_BIN: claude }
})
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal))
child.once("exit", (code) => process.exit(code ?? 1))
