/** `millrace project list|set`: projects, the setup command of their worktrees, and the variables of their agents. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Client from "@millrace/client/Client"
import { defined } from "@millrace/contracts/Defined"
import { isSecretName, type ProjectEnv } from "@millrace/contracts/Settings"
import type { ProjectView } from "@millrace/contracts/State"
import { Effect } from "effect"
import { resolve } from "node:path"
import * as Connect from "../client/Connect.ts"
import { failed, fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Style from "../terminal/Style.ts"

const common = { json: Flags.json, data: Flags.data, url: Flags.url }
type Common = Pick<Flags.OfThread, "json" | "data" | "url">
const whereOf = ({ data, url }: Common): Connect.Where => ({ dataDir: data, url: Flags.orUndefined(url) })

const list = Command.make("list", common, (options) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const { millrace } = yield* Connect.server(whereOf(options))
    const { projects } = yield* Effect.mapError(millrace.state, fromError)
    if (options.json) return yield* Output.json(projects)
    const rows = projects.map(({ cwd, env = {}, projectId, setup }) => [
      projectId,
      Style.line(cwd, 200),
      setup === undefined ? "" : `setup: ${Style.line(setup, 100)}`,
      Object.keys(env).join(" ")
    ])
    yield* output.out(Output.table(rows, output.width))
    if (projects.length === 0)
      yield* output.note("No projects yet. The first thread in a directory makes one: millrace run hello")
  })
).pipe(Command.withDescription("List projects: id, directory, setup command, names of the variables."))

const repeated = (name: string, value: string, description: string) =>
  Options.text(name).pipe(Options.withPseudoName(value), Options.withDescription(description), Options.repeated)

/** `NAME=VALUE`. */
const pair = (flag: string, given: string) => {
  const at = given.indexOf("=")
  return at > 0
    ? Effect.succeed([given.slice(0, at), given.slice(at + 1)] as const)
    : Effect.fail(usage(`--${flag}: expected NAME=VALUE, got ${JSON.stringify(given.slice(0, 100))}`))
}

interface Variables {
  readonly env: ReadonlyArray<string>
  readonly secret: ReadonlyArray<string>
  readonly noEnv: ReadonlyArray<string>
}

/** All variables of the project after the change. `undefined`: they stay. */
const variables = ({ env: before = {} }: ProjectView, { env, noEnv, secret }: Variables) =>
  Effect.gen(function* () {
    if (env.length + noEnv.length + secret.length === 0) return undefined
    const after: Record<string, ProjectEnv[string]> = { ...before }
    for (const name of noEnv) {
      if (!(name in after)) return yield* failed(`The project has no variable ${name}. See: millrace project list`)
      delete after[name]
    }
    for (const given of env) {
      const [name, value] = yield* pair("env", given)
      if (isSecretName(name))
        return yield* usage(
          `--env: other users of the machine can see the arguments of a program. Store the value: millrace secret set ${name} < FILE, and give its name: --secret ${name}=${name}`
        )
      after[name] = value
    }
    for (const given of secret) {
      const [name, value] = yield* pair("secret", given)
      after[name] = { secret: value }
    }
    return after
  })

const set = Command.make(
  "set",
  {
    ...common,
    project: Flags.argument("PROJECT").pipe(
      Args.withDescription("The project's id, or its directory. See: millrace project list")
    ),
    title: Flags.titleFlag("The new title."),
    setup: Flags.text("setup", "COMMAND", "Runs in each new worktree before its first turn, with /bin/sh -c."),
    noSetup: Options.boolean("no-setup").pipe(Options.withDescription("Remove the setup command.")),
    env: repeated("env", "NAME=VALUE", "A variable of the project's agents. The others stay."),
    secret: repeated("secret", "NAME=SECRET", "A variable with the value of a stored secret. See: millrace secret list"),
    noEnv: repeated("no-env", "NAME", "Remove a variable.")
  },
  ({ noSetup, project: wanted, setup, title, ...options }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const command = Flags.orUndefined(setup)
      if (noSetup && command !== undefined) return yield* usage("--setup and --no-setup exclude each other")
      const { millrace } = yield* Connect.server(whereOf(options))
      const { projects } = yield* Effect.mapError(millrace.state, fromError)
      const project = projects.find(({ cwd, projectId }) => projectId === wanted || cwd === resolve(wanted))
      if (project === undefined) return yield* failed(`There is no project ${wanted}. See: millrace project list`)
      const changes = defined({
        title: Flags.orUndefined(title),
        setup: noSetup ? null : command,
        env: yield* variables(project, options)
      })
      if (Object.keys(changes).length === 0)
        return yield* usage("Nothing to change: give --setup, --no-setup, --env, --secret, --no-env or --title")
      const accepted = yield* Client.command("project.update", { projectId: project.projectId, ...changes }).pipe(
        Effect.flatMap(millrace.dispatch),
        Effect.mapError(fromError)
      )
      if (options.json) return yield* Output.json(accepted)
      yield* output.note(
        `Changed ${project.projectId}.${changes.env === undefined ? "" : " Agents that run keep their variables until their next session."}`
      )
    })
).pipe(Command.withDescription("Change a project: title, setup command of new worktrees, variables of agents."))

export const command = Command.make("project", common, (options) => list.handler(options)).pipe(
  Command.withDescription("List projects; change their setup command and variables."),
  Command.withSubcommands([list, set])
)
