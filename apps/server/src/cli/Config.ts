/** `millrace config`: what the configuration is, whether it is right, and its schema. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect } from "effect"
import * as Flags from "./Flags.ts"
import * as Output from "./Output.ts"

// Loaded only here: the schema brings the providers along.
const modules = Effect.promise(() =>
  Promise.all([import("@millrace/host/Configuration"), import("./ConfigurationFile.ts")]).then(([schema, file]) => ({
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
    noProjectConfig: Options.boolean("no-project-config").pipe(Options.withDescription("Only that of the data directory."))
  },
  ({ data, json, noProjectConfig }) =>
    Effect.gen(function* () {
      const { file } = yield* modules
      const output = yield* Output.Output
      const { configuration, files } = yield* file.load(data, noProjectConfig ? undefined : process.cwd())
      const providers = Object.entries(configuration.providers ?? {}).map(([name, one]) => ({
        name,
        kind: one === false ? "not offered" : one.kind
      }))
      // Its values are not shown: a variable may hold a secret.
      if (json) return yield* Output.json({ files, providers })
      if (files.length === 0) return yield* output.note(`There is no ${file.fileName}, in ${data} or here: all is as by default.`)
      yield* output.out(files.map((name) => `read  ${name}\n`).join(""))
      yield* output.out(
        Output.table(
          providers.map(({ kind, name }) => ["  ", name, kind]),
          output.width
        )
      )
    })
).pipe(Command.withDescription("Read millrace.config.json as serve does here, and say what is wrong, field by field."))

export const command = Command.make("config").pipe(
  Command.withDescription("The configuration: millrace.config.json of the data directory and of the project."),
  Command.withSubcommands([schema, check])
)
