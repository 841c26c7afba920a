/** `millrace config`: prints the schema of the configuration, checks its files, and trusts a project's file. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect } from "effect"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"

// Loaded on demand: the schema imports every provider.
const modules = Effect.promise(() =>
  Promise.all([import("@millrace/host/Configuration"), import("../config/ConfigurationFile.ts")]).then(([schema, file]) => ({
    schema,
    file
  }))
)

const schema = Command.make("schema", {}, () =>
  Effect.gen(function* () {
    const { schema } = yield* modules
    const output = yield* Output.Output
    yield* output.out(`${JSON.stringify(schema.jsonSchema(), undefined, 2)}\n`)
  })
).pipe(Command.withDescription("Print the JSON Schema of millrace.config.json, for an editor."))

const check = Command.make(
  "check",
  {
    json: Flags.json,
    data: Flags.data,
    noProjectConfig: Options.boolean("no-project-config").pipe(
      Options.withDescription("Ignore the project's file. Read only the file of the data directory.")
    )
  },
  ({ data, json, noProjectConfig }) =>
    Effect.gen(function* () {
      const { file } = yield* modules
      const output = yield* Output.Output
      const { configuration, files, untrusted } = yield* file.load(data, noProjectConfig ? undefined : process.cwd())
      const providers = Object.entries(configuration.providers ?? {}).map(([name, one]) => ({
        name,
        kind: one === false ? "not offered" : one.kind
      }))
      // Values are not shown: an environment variable of an agent may hold a secret.
      if (json)
        return yield* Output.json({
          files,
          providers,
          ...(untrusted.length > 0 && { untrusted: untrusted.map(({ path }) => path) })
        })
      if (files.length === 0)
        return yield* output.note(`There is no ${file.fileName} in ${data} or in this directory. The defaults apply.`)
      yield* output.out(files.map((name) => `read  ${name}\n`).join(""))
      yield* output.out(
        Output.table(
          providers.map(({ kind, name }) => ["  ", name, kind]),
          output.width
        )
      )
      if (untrusted.length > 0)
        yield* output.note(
          `Ignored until you trust the file (millrace config trust): ${untrusted.map(({ path }) => path).join(", ")}`
        )
    })
).pipe(Command.withDescription("Read millrace.config.json as serve would in this directory, and report each wrong field."))

const trust = Command.make("trust", { data: Flags.data }, ({ data }) =>
  Effect.gen(function* () {
    const { file } = yield* modules
    const { give } = yield* Effect.promise(() => import("../config/Trust.ts"))
    const { rows } = yield* Effect.promise(() => import("../config/TrustQuestion.ts"))
    const output = yield* Output.Output
    const found = yield* file.ofProject(process.cwd())
    if (found.named.length === 0)
      return yield* output.note(`${found.file} names no commands and no addresses: it needs no trust.`)
    yield* give(data, found.content)
    yield* output.note(`Trusted with this content, in this directory: ${found.file}\n${rows(found.named)}`)
  })
).pipe(
  Command.withDescription(
    "Trust the current content of this directory's millrace.config.json: serve then uses the commands and addresses it names."
  )
)

export const command = Command.make("config").pipe(
  Command.withDescription("The configuration: millrace.config.json of the data directory and of the project."),
  Command.withSubcommands([schema, check, trust])
)
