/** `millrace update`: installs the newest release, and restarts the service with it. */
import * as Command from "@effect/cli/Command"
import { version } from "@millrace/contracts/Capabilities"
import { Effect } from "effect"
import { failed } from "../Failure.ts"
import * as Output from "../Output.ts"
import * as Program from "../service/Program.ts"
import * as Service from "./Service.ts"

const npm = (...args: ReadonlyArray<string>) =>
  Effect.flatMap(Program.run("npm", ...args), ({ code, err, out }) =>
    code === 0 ? Effect.succeed(out.trim()) : Effect.fail(failed(`npm ${args.join(" ")} failed: ${(err || out).trim()}`))
  )

/** The prefix of a global installation by npm. */
const prefixOf = (program: string): string | undefined => /^(.+)\/lib\/node_modules\/millrace\//.exec(program)?.[1]

export const command = Command.make("update", {}, () =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const program = Program.main()
    if (program.includes("/_npx/")) return yield* failed("npx gets the newest release by itself: npx millrace@latest")
    const prefix = prefixOf(program)
    if (prefix === undefined)
      return yield* failed(
        `npm did not install ${program}. Update it as you installed it: a checkout with git pull, a package with its package manager.`
      )
    yield* output.progress("looking for a newer release")
    const newest = yield* npm("view", "millrace", "version")
    if (newest === version) return yield* output.out(`millrace ${version} is the newest release.\n`)
    yield* output.progress(`installing ${newest}`)
    yield* npm("install", "--global", "--prefix", prefix, `millrace@${newest}`)
    yield* output.progress("restarting the service: running turns are drained")
    const restarted = yield* Service.restart
    yield* output.progress(undefined)
    yield* output.out(
      `Updated from ${version} to ${newest}. ${restarted ? "The service runs the new release." : "A running server continues with the old one until you restart it."}\n`
    )
  })
).pipe(Command.withDescription("Install the newest release with npm, and restart the service. Running turns are drained first."))
