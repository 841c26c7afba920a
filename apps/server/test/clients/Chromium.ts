/** Debian's browser, or another one that `MILLRACE_CHROMIUM` names. */
import { existsSync } from "node:fs"

export const executable = process.env["MILLRACE_CHROMIUM"] ?? "/usr/bin/chromium"
export const isThere = existsSync(executable)
