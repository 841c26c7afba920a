/** Builds the program and its page as users run them; does nothing if they are up to date. */
import { execFileSync } from "node:child_process"
import { resolve } from "node:path"

export default () => {
  execFileSync(process.execPath, [resolve(import.meta.dirname, "../../../scripts/build.mjs")], { stdio: "inherit" })
}
