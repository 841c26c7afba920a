// The pinned Codex of the real lane (folder: MILLRACE_CODEX_CACHE). Run directly it prints the path of the native binary.
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { ensure } from "./npm-cache.mjs"

const entries = (dir) => (existsSync(dir) ? readdirSync(dir) : [])

/** The native binary inside the platform package, not the JavaScript launcher: one process less, and signals go to the right pid. */
export const nativeCodex = (folder) => {
  const scope = join(folder, "node_modules", "@openai")
  const name = process.platform === "win32" ? "codex.exe" : "codex"
  for (const platform of entries(scope).filter((entry) => entry.startsWith("codex-")))
    for (const target of entries(join(scope, platform, "vendor"))) {
      const binary = join(scope, platform, "vendor", target, "bin", name)
      if (existsSync(binary)) return binary
    }
  return undefined
}

const codex = {
  name: "codex",
  packaged: "@openai/codex",
  version: "0.169.0",
  variable: "MILLRACE_CODEX_CACHE",
  size: "404 MB",
  findBinary: nativeCodex
}

export const ensureCodex = (say) => ensure(codex, say)

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await ensureCodex())
