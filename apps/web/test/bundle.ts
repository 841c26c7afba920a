/** The program and its page as users run them; fresh already when nothing changed. */
import { execFileSync } from "node:child_process"
import { resolve } from "node:path"

export default () => {
  execFileSync(process.execPath, [resolve(import.meta.dirname, "../../../scripts/build.mjs")], { stdio: "inherit" })
}
