/**
 * The main process of a desktop application, without the windows: owns a server in a child process, restarts it when it dies, stops it on exit.
 * `node --import tsx apps/desktop/src/main.ts DATA_DIR`; a line on standard input quits. docs/desktop.md has the same with Electron.
 */
import { resolve } from "node:path"
import { once } from "node:events"
import * as ServerChild from "./ServerChild.ts"

const program = process.env["MILLRACE_PROGRAM"] ?? resolve(import.meta.dirname, "../../server/dist/main.mjs")
const dataDir = resolve(process.argv[2] ?? "data")

const quit = once(process.stdin.resume(), "data").then(() => "quit" as const)
for (;;) {
  const server = await ServerChild.open({ program, dataDir })
  // Open a window here. Its page uses `server.url`; when the URL changes, the page resumes from its cursor.
  console.log(JSON.stringify({ url: server.url, token: server.token, pid: server.pid }))
  const reason = await Promise.race([quit, server.ended])
  if (reason === "quit") {
    process.exitCode = (await server.close()) === 0 ? 0 : 1
    break
  }
  console.error(`The server ended (${reason}). Restarting it.`)
}
process.stdin.destroy()
