// The pinned OpenCode of the real lane (folder: MILLRACE_OPENCODE_CACHE). Run directly it prints the path of the program.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { ensure } from "./npm-cache.mjs"

const findBinary = (folder) => {
  const binary = join(folder, "node_modules", ".bin", process.platform === "win32" ? "opencode.cmd" : "opencode")
  return existsSync(binary) ? binary : undefined
}

const opencode = {
  name: "opencode",
  packaged: "opencode-ai",
  version: "1.18.33",
  variable: "MILLRACE_OPENCODE_CACHE",
  size: "354 MB",
  findBinary
}

export const ensureOpencode = (say) => ensure(opencode, say)

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await ensureOpencode())
