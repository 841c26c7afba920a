/** `millrace token create|list|revoke` and `millrace pair`: access, with and without a running server. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect, Option } from "effect"
import * as Pairing from "../../auth/Pairing.ts"
import * as Tokens from "../../auth/Tokens.ts"
import * as Discovery from "../client/Discovery.ts"
import { failed, fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Style from "../terminal/Style.ts"

const common = { json: Flags.json, data: Flags.data }

/** Checks a token's name: it is shown in lists, and is the actor of the token's commands in the log. */
const checkedName = (name: string) =>
  Tokens.isName(name)
    ? Effect.succeed(name)
    : Effect.fail(usage("NAME: expected 1 to 100 characters on one line, without control characters"))

const create = Command.make(
  "create",
  {
    ...common,
    given: Flags.argument("NAME").pipe(
      Args.withDescription("Who uses the token; the actor of its commands in the log. Default: cli."),
      Args.optional
    ),
    name: Flags.text("name", "NAME", "NAME as a flag; it wins over the argument."),
    admin: Options.boolean("admin").pipe(
      Options.withDescription("Also allow revoking other tokens and shutting the server down (POST /api/shutdown).")
    )
  },
  ({ admin, data, given, json, name: flag }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const name = Option.getOrElse(
        Option.orElse(flag, () => given),
        () => "cli"
      )
      const { record, token } = yield* Effect.mapError(
        Tokens.create(data, { name: yield* checkedName(name), role: admin ? "admin" : "client" }),
        fromError
      )
      if (json) return yield* Output.json({ ...record, token })
      yield* output.out(`${token}\n`)
      yield* output.note(
        output.style.dim(`${record.id} for ${record.name}. The token is shown only once. Use: Authorization: Bearer TOKEN`)
      )
    })
).pipe(Command.withDescription("Create an access token and print it, once."))

const list = Command.make("list", common, ({ data, json }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const tokens = yield* Effect.mapError(Tokens.list(data), fromError)
    if (json) return yield* Output.json(tokens)
    const rows = tokens.map((token) => [
      token.id,
      token.kind,
      token.role,
      `…${token.last4}`,
      token.createdAt.slice(0, 16).replace("T", " "),
      token.revokedAt === undefined ? output.outStyle.green("live") : output.outStyle.dim("revoked"),
      Style.line(token.name, 100)
    ])
    yield* output.out(Output.table(rows, output.width))
    if (tokens.length === 0) yield* output.note("No tokens yet. Create one: millrace token create")
  })
).pipe(Command.withDescription("List the access tokens, without their secrets."))

const revoke = Command.make(
  "revoke",
  {
    ...common,
    which: Flags.argument("TOKEN").pipe(Args.withDescription("The token's id, its name, or its last 4 characters."))
  },
  ({ data, json, which }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const revoked = yield* Effect.mapError(Tokens.revoke(data, which), fromError)
      if (json) return yield* Output.json(revoked)
      for (const token of revoked)
        yield* output.note(`Revoked ${token.id} (${token.name}). Its live streams end within a second.`)
    })
).pipe(Command.withDescription("Revoke an access token."))

export const token = Command.make("token").pipe(
  Command.withDescription("Access tokens."),
  Command.withSubcommands([create, list, revoke])
)

export const pair = Command.make(
  "pair",
  {
    ...common,
    name: Options.text("name").pipe(
      Options.withPseudoName("NAME"),
      Options.withDescription("The browser's name in lists and in the log. Default: browser."),
      Options.withDefault("browser")
    ),
    admin: Options.boolean("admin").pipe(
      Options.withDescription("Also allow revoking other tokens and shutting the server down.")
    )
  },
  ({ admin, data, json, name }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const server = yield* Discovery.find(data)
      if (Option.isNone(server))
        return yield* failed(
          `No server is running for ${data}, so there is nothing to pair with. Start one with: millrace serve --data ${data}`
        )
      const { code, expiresAt } = yield* Effect.mapError(
        Pairing.create(data, { name: yield* checkedName(name), role: admin ? "admin" : "client" }),
        fromError
      )
      const link = Pairing.link(server.value.publicUrl, code)
      if (json) return yield* Output.json({ link, expiresAt: new Date(expiresAt).toISOString() })
      yield* output.out(`${link}\n`)
      yield* output.note(output.style.dim("Open it in a browser within 10 minutes. It works once."))
    })
).pipe(Command.withDescription("Print a one-time link that signs a browser in."))
