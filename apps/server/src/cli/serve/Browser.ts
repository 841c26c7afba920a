/** Opens a page in the person's default browser. */
import { spawn } from "node:child_process"
import { Effect } from "effect"

const command = (url: string): readonly [string, ReadonlyArray<string>] =>
  process.platform === "darwin"
    ? ["open", [url]]
    : process.platform === "win32"
      ? ["cmd", ["/c", "start", "", url]]
      : ["xdg-open", [url]]

/** Returns false if the program that opens pages cannot be started. */
export const open = (url: string): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const [name, args] = command(url)
    const child = spawn(name, args, { stdio: "ignore", detached: true })
    child.once("error", () => resume(Effect.succeed(false)))
    child.once("spawn", () => {
      child.unref()
      resume(Effect.succeed(true))
    })
  })
