// The pinned OpenCode of the real lane (folder: MILLRACE_OPENCODE_CACHE). Run directly it prints the path of the program.
import { fileURLToPath } from "node:url"
import { ensure, launcher } from "./npm-cache.mjs"

const opencode = {
  name: "opencode",
  packaged: "opencode-ai",
  version: "1.18.33",
  variable: "MILLRACE_OPENCODE_CACHE",
  size: "354 MB",
  findBinary: launcher("opencode")
}

export const ensureOpencode = (say) => ensure(opencode, say)

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await ensureOpencode())
