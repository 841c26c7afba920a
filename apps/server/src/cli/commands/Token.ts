/** `millrace token create|list|revoke`, with and without a running server, and `millrace pair`, which needs one. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Clock, Effect, Option } from "effect"
import { TokenScope } from "@millrace/contracts/Access"
import * as Pairing from "../../auth/Pairing.ts"
import * as Tokens from "../../auth/Tokens.ts"
import * as Discovery from "../client/Discovery.ts"
import { type CliFailure, failed, fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Style from "../terminal/Style.ts"

const common = { json: Flags.json, data: Flags.data }

/** Checks a token's name: it is shown in lists, and is the actor of the token's commands in the log. */
const checkedName = (name: string) =>
  Tokens.isName(name)
    ? Effect.succeed(name)
    : Effect.fail(usage("NAME: expected 1 to 100 characters on one line, without control characters"))

const scopes = TokenScope.literals

/** `--admin` is short for `--scope admin`. */
const scopeOf = (admin: boolean, scope: Option.Option<TokenScope>): Effect.Effect<TokenScope, CliFailure> =>
  admin && Option.exists(scope, (named) => named !== "admin")
    ? Effect.fail(usage("--admin and --scope contradict each other: give one of them"))
    : Effect.succeed(admin ? "admin" : Option.getOrElse(scope, () => "operate"))

/** Fails if the flag is given, because the server would not enforce its restriction. */
const unrestricted = (flag: string, value: Option.Option<string>) =>
  Option.isNone(value)
    ? Effect.void
    : Effect.fail(
        usage(
          `--${flag}: this version cannot limit a token to a ${flag}. Without the flag the token is for all of them; --scope and --expires limit it`
        )
      )

const create = Command.make(
  "create",
  {
    ...common,
    given: Flags.argument("NAME").pipe(
      Args.withDescription("Who uses the token; the actor of its commands in the log. Default: cli."),
      Args.optional
    ),
    name: Flags.text("name", "NAME", "NAME as a flag. It overrides the argument."),
    scope: Options.optional(Flags.choiceOf("scope", scopes)).pipe(
      Options.withDescription(
        "What the token permits. read: queries and streams. answer: read, and answering requests. operate (default): answer, and all other commands. admin: operate, and managing all tokens, packing and pruning the log, and shutting the server down. runner: only what a runner needs."
      )
    ),
    admin: Options.boolean("admin").pipe(Options.withDescription("The same as --scope admin.")),
    expires: Flags.duration("expires", "How long the token is valid, such as 30s, 10m, 2h or 7d. Default: until it is revoked."),
    project: Flags.text("project", "ID", "Not supported yet."),
    thread: Flags.text("thread", "ID", "Not supported yet.")
  },
  ({ admin, data, expires, given, json, name: flag, project, scope, thread }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      yield* unrestricted("project", project)
      yield* unrestricted("thread", thread)
      const now = yield* Clock.currentTimeMillis
      const expiresAt = Option.map(expires, (millis) => new Date(now + millis).toISOString())
      const name = Option.getOrElse(
        Option.orElse(flag, () => given),
        () => "cli"
      )
      const { record, token } = yield* Effect.mapError(
        Tokens.create(data, {
          name: yield* checkedName(name),
          scope: yield* scopeOf(admin, scope),
          expiresAt: Option.getOrUndefined(expiresAt)
        }),
        fromError
      )
      if (json) return yield* Output.json({ ...record, token })
      yield* output.out(`${token}\n`)
      yield* output.note(
        output.style.dim(
          `${record.id} for ${record.name}, scope ${record.scope}, ${until(record)}. The token is shown only once. Use: Authorization: Bearer TOKEN`
        )
      )
    })
).pipe(Command.withDescription("Create an access token and print it, once."))

const minute = (time: string) => time.slice(0, 16).replace("T", " ")
const until = ({ expiresAt }: Tokens.TokenRecord) =>
  expiresAt === undefined ? "valid until revoked" : `expires ${minute(expiresAt)}`

const list = Command.make("list", common, ({ data, json }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const now = yield* Clock.currentTimeMillis
    const tokens = yield* Effect.mapError(Tokens.list(data), fromError)
    if (json) return yield* Output.json(tokens)
    const rows = tokens.map((token) => [
      token.id,
      token.kind,
      token.scope,
      `…${token.last4}`,
      minute(token.createdAt),
      `by ${Style.line(token.createdBy ?? "unknown", 100)}`,
      Option.match(Option.fromNullable(Tokens.endOf(token, now)), {
        onNone: () => output.outStyle.green(token.expiresAt === undefined ? "live" : `until ${minute(token.expiresAt)}`),
        onSome: output.outStyle.dim
      }),
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
        Pairing.create(data, { name: yield* checkedName(name), scope: admin ? "admin" : "operate" }),
        fromError
      )
      const link = Pairing.link(server.value.publicUrl, code)
      if (json) return yield* Output.json({ link, expiresAt: new Date(expiresAt).toISOString() })
      yield* output.out(`${link}\n`)
      yield* output.note(output.style.dim("Open it in a browser within 10 minutes. It works once."))
    })
).pipe(Command.withDescription("Print a one-time link that signs a browser in."))
