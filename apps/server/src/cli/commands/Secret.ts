/** `millrace secret set|list|remove`: values for agents, stored outside the log. Works with and without a running server. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { Effect, Schema } from "effect"
import { text as readAll } from "node:stream/consumers"
import { SecretName } from "@millrace/contracts/Settings"
import * as Secrets from "@millrace/log/Secrets"
import { failed, fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"

const common = { json: Flags.json, data: Flags.data }
const name = Flags.argument("NAME").pipe(Args.withDescription("1 to 100 letters, digits, dots, dashes and underscores."))

const isName: (text: string) => boolean = Schema.is(SecretName)
const checked = (text: string) =>
  isName(text)
    ? Effect.succeed(text)
    : Effect.fail(usage("NAME: expected 1 to 100 letters, digits, dots, dashes and underscores"))

/** Standard input without its last line break. A value is never an argument, because other users of the machine can see the arguments of a process. */
const value = Effect.flatMap(
  Effect.promise(() => readAll(process.stdin)),
  (text) => {
    const read = text.replace(/\r?\n$/, "")
    if (read === "") return Effect.fail(usage("the value is empty; give it on standard input: millrace secret set NAME < FILE"))
    return read.length > Secrets.maxValue
      ? Effect.fail(usage(`the value is longer than ${Secrets.maxValue} characters`))
      : Effect.succeed(read)
  }
)

const set = Command.make("set", { ...common, name }, ({ data, json, name }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const secret = yield* checked(name)
    if (process.stdin.isTTY) yield* output.note("Type the value, then Enter and Ctrl-D.")
    yield* Effect.mapError(Secrets.make(data).set(secret, yield* value), fromError)
    if (json) return yield* Output.json({ name: secret })
    yield* output.note(`Stored ${secret}. Sessions that run keep an earlier value until they end.`)
  })
).pipe(Command.withDescription("Store a secret. The value is read from standard input."))

const list = Command.make("list", common, ({ data, json }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const secrets = yield* Effect.mapError(Secrets.make(data).list, fromError)
    if (json) return yield* Output.json(secrets)
    const rows = secrets.map(({ given, name, setAt }) => [
      name,
      setAt.slice(0, 16).replace("T", " "),
      given ? "given in a command" : ""
    ])
    yield* output.out(Output.table(rows, output.width))
    if (secrets.length === 0) yield* output.note("No secrets yet. Store one: millrace secret set NAME < FILE")
  })
).pipe(Command.withDescription("List the names of the secrets. No command prints a value."))

const remove = Command.make("remove", { ...common, name }, ({ data, json, name }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const secret = yield* checked(name)
    if (!(yield* Effect.mapError(Secrets.make(data).remove(secret), fromError)))
      return yield* failed(`There is no secret ${secret}. See: millrace secret list`)
    if (json) return yield* Output.json({ name: secret })
    yield* output.note(`Removed ${secret}. A thread that uses it cannot start its agent until it is set again.`)
  })
).pipe(Command.withDescription("Remove a secret."))

export const command = Command.make("secret").pipe(
  Command.withDescription("Secrets for agents, outside the log."),
  Command.withSubcommands([set, list, remove])
)
