/** This program's file, and other programs that run to their end. */
import { execFile } from "node:child_process"
import { realpathSync } from "node:fs"
import { Effect } from "effect"
import { codeOf } from "../../NodeError.ts"

/** The real path of this program's main file, which the link in a `bin` directory leads to. */
export const main = (): string => realpathSync(process.argv[1] ?? "")

export interface Ended {
  /** `undefined`: there is no such program, or a signal ended it. */
  readonly code: number | undefined
  readonly out: string
  readonly err: string
}

/** Never fails. An interruption ends the program. */
export const run = (command: string, ...args: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.async<Ended>((resume) => {
    const child = execFile(command, args, { encoding: "utf8" }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : undefined
      resume(Effect.succeed({ code, out, err: codeOf(error) === "ENOENT" ? `${command} is not installed` : err }))
    })
    return Effect.sync(() => void child.kill())
  })
