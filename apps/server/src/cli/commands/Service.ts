/** `millrace service`: the operating system starts the server and keeps it running. */
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { homedir, userInfo } from "node:os"
import { dirname, join } from "node:path"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect } from "effect"
import { messageOf } from "../../NodeError.ts"
import { failed } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Program from "../service/Program.ts"
import * as Unit from "../service/Unit.ts"

const isMac = process.platform === "darwin"
const file = isMac
  ? join(homedir(), "Library/LaunchAgents", `${Unit.launchdLabel}.plist`)
  : join(process.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "systemd/user", Unit.unitName)

const isInstalled = (): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() ?? false

/** Runs a program. Fails with the program's output and the next step. */
const runOrFail = (then: string, command: string, ...args: ReadonlyArray<string>) =>
  Effect.flatMap(Program.run(command, ...args), ({ code, err, out }) =>
    code === 0 ? Effect.void : Effect.fail(failed(`${command} ${args.join(" ")}: ${(err || out).trim()}. ${then}`))
  )
const systemctl = (...args: ReadonlyArray<string>) =>
  runOrFail(
    `The unit is in ${file}. Without systemd for your user, use a container or another supervisor: docs/deploy.md`,
    "systemctl",
    "--user",
    ...args
  )

const describe = (data: string) =>
  Effect.gen(function* () {
    const program = Program.main()
    if (program.includes("/_npx/"))
      return yield* failed("npx may delete this copy of the program at any time. Install it first: npm install -g millrace")
    return { node: process.execPath, program, data, path: process.env["PATH"] ?? "" } satisfies Unit.Service
  })

const textOf = (service: Unit.Service) => (isMac ? Unit.launchdAgent(service) : Unit.systemdUnit(service))

const install = Command.make(
  "install",
  {
    data: Flags.data,
    print: Options.boolean("print").pipe(Options.withDescription("Print the unit on standard output and change nothing."))
  },
  ({ data, print }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const text = textOf(yield* describe(data))
      if (print) return yield* output.out(text)
      yield* Effect.try({
        try: () => {
          mkdirSync(dirname(file), { recursive: true })
          mkdirSync(data, { recursive: true, mode: 0o700 })
          writeFileSync(file, text)
        },
        catch: (cause) => failed(`Cannot write ${file}: ${messageOf(cause)}`)
      })
      if (isMac) yield* runOrFail(`The agent is in ${file}.`, "launchctl", "load", "-w", file)
      else {
        yield* systemctl("daemon-reload")
        yield* systemctl("enable", Unit.unitName)
        // Not `--now`, because that would not restart a server that runs with an older unit.
        yield* systemctl("restart", Unit.unitName)
        const { username } = userInfo()
        const linger = yield* Program.run("loginctl", "enable-linger", username)
        if (linger.code !== 0)
          yield* output.note(`It stops when you log out. To keep it running, run as root: loginctl enable-linger ${username}`)
      }
      yield* output.out(
        `Installed ${file}. The server runs, and starts with ${isMac ? "your login" : "the machine"}.\n` +
          `Its data and millrace.config.json: ${data}. It finds agents by the PATH of this shell.\n` +
          `Next: millrace service status, millrace pair${isMac ? "" : "; its log: journalctl --user -u millrace"}\n`
      )
    })
).pipe(Command.withDescription("Start the server now and with the machine, and restart it after a failure."))

const status = Command.make("status", { json: Flags.json }, ({ json }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const installed = isInstalled()
    const { code, out } = isMac
      ? yield* Program.run("launchctl", "list", Unit.launchdLabel)
      : yield* Program.run("systemctl", "--user", "is-active", Unit.unitName)
    const state = !installed ? "not installed" : isMac ? (code === 0 ? "loaded" : "not loaded") : out.trim() || "unknown"
    const running = installed && code === 0
    if (json) yield* Output.json({ installed, running, state, file })
    else yield* output.out(`${state}  ${file}\n`)
    if (!running)
      return yield* failed(
        installed
          ? `The service does not run. Its log says why${isMac ? "" : ": journalctl --user -u millrace"}`
          : "There is no service. Install it: millrace service install"
      )
  })
).pipe(Command.withDescription("Show whether the service is installed and runs; exit code 1 if it does not run."))

const uninstall = Command.make("uninstall", {}, () =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    if (!isInstalled()) return yield* output.note("There is no service to remove.")
    if (isMac) yield* runOrFail(`Remove ${file} by hand.`, "launchctl", "unload", "-w", file)
    else yield* systemctl("disable", "--now", Unit.unitName)
    yield* Effect.try({
      try: () => rmSync(file),
      catch: (cause) => failed(`Cannot remove ${file}: ${messageOf(cause)}`)
    })
    if (!isMac) yield* systemctl("daemon-reload")
    yield* output.out("The service is removed. The data directory is unchanged.\n")
  })
).pipe(Command.withDescription("Stop the server in order and remove the service. The data stays."))

export const command = Command.make("service").pipe(
  Command.withDescription("Run the server as a service of your user: systemd, or launchd on macOS (not tested there)."),
  Command.withSubcommands([install, status, uninstall])
)

/** Restarts the service if it runs: the server drains and starts again. Returns whether the service ran. Fails if the server does not start again. */
export const restart = Effect.gen(function* () {
  if (isMac || !isInstalled()) return false
  if ((yield* Program.run("systemctl", "--user", "is-active", Unit.unitName)).code !== 0) return false
  yield* systemctl("restart", Unit.unitName)
  return true
})
