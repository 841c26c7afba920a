/** Flags that several commands share, each with the environment variable that mirrors it. */
import * as Args from "@effect/cli/Args"
import type * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import { Config, Effect, Option, Schema } from "effect"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { Title } from "@millrace/contracts/Command"
import { ModelName } from "@millrace/contracts/Settings"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { cut } from "@millrace/contracts/Text"
import * as PublicAddress from "@millrace/host/PublicAddress"
import { type CliFailure, usage } from "./Failure.ts"

/** Expands a leading `~`. A shell does not do so in a quoted flag or in an environment file. */
const absolute = (path: string): string => resolve(path.replace(/^~(?=$|\/)/, homedir()))

const wrong = (flag: string, wanted: string, got: string) =>
  Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${flag}: expected ${wanted}, got ${JSON.stringify(got)}`)))

/** A positional argument. An argument that begins with `-` is rejected as a mistyped flag, unless it follows `--`. So a mistyped flag never becomes a prompt or a name. */
export const argument = (name: string) =>
  Args.mapEffect(Args.text({ name }), (text) => {
    const end = process.argv.indexOf("--")
    return /^-./.test(text) && (end < 0 || !process.argv.slice(end).includes(text))
      ? Effect.fail(HelpDoc.p(`Received unknown argument: '${text}'. Put -- before an argument that begins with -`))
      : Effect.succeed(text)
  })

/** The data directory, absolute. */
export const data = Options.text("data").pipe(
  Options.withPseudoName("DIR"),
  Options.withDescription("Data directory (MILLRACE_DATA; default ~/.millrace)."),
  Options.withFallbackConfig(Config.nonEmptyString("MILLRACE_DATA")),
  Options.withDefault(join(homedir(), ".millrace")),
  // An empty text, such as an unset variable in a script, would mean the current directory.
  Options.mapEffect((text) => (text === "" ? wrong("data", "a directory", text) : Effect.succeed(absolute(text))))
)

export const json = Options.boolean("json").pipe(
  Options.withDescription("Print JSON on standard output, everything else on standard error.")
)

/** An access token from the environment. Never a flag: other users of the machine can see the flags of a process. */
export const token = Config.option(Config.nonEmptyString("MILLRACE_TOKEN"))

export const orUndefined = Option.getOrUndefined

/** URL of a server that does not own the data directory. */
export const url = Options.text("url").pipe(
  Options.withPseudoName("URL"),
  Options.withDescription(
    "URL of another server, such as http://10.0.0.5:7717 (MILLRACE_URL). Its token comes from MILLRACE_TOKEN."
  ),
  Options.withFallbackConfig(Config.nonEmptyString("MILLRACE_URL")),
  Options.mapEffect((text) =>
    /^https?:\/\//.test(text) && URL.canParse(text) ? Effect.succeed(text) : wrong("url", "an http or https URL", text)
  ),
  Options.optional
)

/** An optional text flag. `value`: its placeholder in the help. */
export const text = (name: string, value: string, description: string) =>
  Options.text(name).pipe(Options.withPseudoName(value), Options.withDescription(description), Options.optional)

const isModelName: (name: string) => boolean = Schema.is(ModelName)

/** An optional model name. A name that the agent's process would parse as a flag is refused here. */
export const model = (description: string) =>
  Options.text("model").pipe(
    Options.withPseudoName("NAME"),
    Options.withDescription(description),
    Options.mapEffect((name) =>
      isModelName(name)
        ? Effect.succeed(name)
        : wrong("model", "a model's name without control characters that does not begin with -", cut(name, 100))
    ),
    Options.optional
  )

const decodeTitle = Schema.decode(Title)
/** Reads a thread's title, and rejects one that the server would reject. `name`: the argument or flag. */
const titleOf = (name: string) => (text: string) =>
  Effect.mapError(decodeTitle(text), (error) =>
    HelpDoc.p(`${name}: ${cut(error.message.split("\n").at(-1)?.replace(/^\W+/, "") ?? "", 200)}`)
  )

/** A thread's new title. */
export const title = argument("TITLE").pipe(Args.withDescription("The new title."), Args.mapEffect(titleOf("TITLE")))
/** `--title`, optional. */
export const titleFlag = (description: string) =>
  Options.text("title").pipe(
    Options.withPseudoName("TITLE"),
    Options.withDescription(description),
    Options.mapEffect((text) => Effect.mapError(titleOf("--title")(text), (doc) => ValidationError.invalidValue(doc))),
    Options.optional
  )

const isThread = Schema.is(ThreadId)
const noThread = (got: string) => `expected a thread id, like thr_01HXYZ, got ${JSON.stringify(got)}. See: millrace threads`

/** The id of a thread that `--thread` names. */
export const threadId = (given: string): Effect.Effect<ThreadId, CliFailure> =>
  isThread(given) ? Effect.succeed(given) : Effect.fail(usage(`--thread: ${noThread(given)}`))

/** The thread to which a command applies. */
export const thread = argument("THREAD").pipe(
  Args.withDescription("The thread's id. See: millrace threads"),
  Args.mapEffect((given) => (isThread(given) ? Effect.succeed(given) : Effect.fail(HelpDoc.p(`THREAD: ${noThread(given)}`))))
)

/** `--turn TURN`. */
export const turnFlag = (description: string) =>
  Options.text("turn").pipe(
    Options.withPseudoName("TURN"),
    Options.withDescription(description),
    Options.mapEffect((given) =>
      isTurn(given)
        ? Effect.succeed(given)
        : Effect.fail(
            ValidationError.invalidValue(HelpDoc.p(`--turn: expected a turn id, like trn_01HXYZ, got ${JSON.stringify(given)}`))
          )
    ),
    Options.optional
  )

const isTurn = Schema.is(TurnId)
/** The turn to which a command applies. */
export const turnOf = (description: string) =>
  argument("TURN").pipe(
    Args.withDescription(`${description} See: millrace turns THREAD`),
    Args.mapEffect((given) =>
      isTurn(given)
        ? Effect.succeed(given)
        : Effect.fail(HelpDoc.p(`TURN: expected a turn id, like trn_01HXYZ, got ${JSON.stringify(given)}`))
    )
  )
export const turn = turnOf("The turn's id.")

/** Argument and flags of each command about one thread. */
export const ofThread = { thread, json, data, url }
export type OfThread = Command.Command.ParseConfig<typeof ofThread>

/** A flag for a whole number within a range. The flag takes precedence over its environment variable. */
export const integer = (name: string, range: { readonly min: number; readonly max: number; readonly variable?: string }) => {
  const flag = Options.text(name).pipe(Options.withPseudoName("N"))
  return (range.variable === undefined ? flag : Options.withFallbackConfig(flag, Config.nonEmptyString(range.variable))).pipe(
    Options.mapEffect((text) => {
      const value = Number(text)
      return /^[0-9]+$/.test(text) && value >= range.min && value <= range.max
        ? Effect.succeed(value)
        : wrong(name, `a whole number from ${range.min} to ${range.max}`, text)
    })
  )
}

const oneOf =
  <const A extends string>(name: string, choices: ReadonlyArray<A>) =>
  (text: string) => {
    const chosen = choices.find((word) => word === text)
    return chosen === undefined ? wrong(name, choices.join(", "), text) : Effect.succeed(chosen)
  }

/** A flag with a fixed set of values. */
export const choiceOf = <const A extends string>(name: string, choices: ReadonlyArray<A>) =>
  Options.text(name).pipe(Options.withPseudoName(choices.join("|")), Options.mapEffect(oneOf(name, choices)))

/** A flag with a fixed set of values and a default. */
export const choice = <const A extends string>(name: string, choices: ReadonlyArray<A>, byDefault: A) =>
  Options.text(name).pipe(
    Options.withPseudoName(choices.join("|")),
    Options.withDefault<string>(byDefault),
    Options.mapEffect(oneOf(name, choices))
  )

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** An optional flag for a time of at least a second and at most ten years, in milliseconds. */
export const duration = (name: string, description: string) =>
  Options.text(name).pipe(
    Options.withPseudoName("30s|10m|2h|7d"),
    Options.withDescription(description),
    Options.mapEffect((text) => {
      const [, amount, unit] = /^([1-9][0-9]{0,8})([smhd])$/.exec(text) ?? []
      const millis = Number(amount) * (units[unit as keyof typeof units] ?? Number.NaN)
      return millis <= 3650 * units.d ? Effect.succeed(millis) : wrong(name, "a time such as 30s, 10m, 2h or 7d", text)
    }),
    Options.optional
  )

const factors = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KIB: 1024, MIB: 1024 ** 2, GIB: 1024 ** 3, TIB: 1024 ** 4 }

/** An optional flag for a number of bytes. The flag takes precedence over its environment variable, if it has one. */
export const size = (name: string, { description, variable }: { readonly description: string; readonly variable?: string }) =>
  Options.text(name).pipe(
    Options.withPseudoName("5GB"),
    Options.withDescription(variable === undefined ? `${description}.` : `${description} (${variable}).`),
    (flag) => (variable === undefined ? flag : Options.withFallbackConfig(flag, Config.nonEmptyString(variable))),
    Options.mapEffect((text) => {
      const [, amount, unit = ""] = /^([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([a-zA-Z]*)$/.exec(text) ?? []
      const bytes = Math.round(Number(amount) * (factors[unit.toUpperCase() as keyof typeof factors] ?? Number.NaN))
      return bytes >= 1024 ** 2 && bytes <= Number.MAX_SAFE_INTEGER
        ? Effect.succeed(bytes)
        : wrong(name, "a size of 1 MiB or more, such as 500MB, 5GB or 2GiB", text)
    }),
    Options.optional
  )

/** An optional flag with a fixed set of values. The flag takes precedence over its environment variable. */
export const optionalChoice = <const A extends string>(
  name: string,
  choices: ReadonlyArray<A>,
  variable: string,
  description: string
) =>
  Options.text(name).pipe(
    Options.withPseudoName(choices.join("|")),
    Options.withDescription(`${description} (${variable}).`),
    Options.withFallbackConfig(Config.nonEmptyString(variable)),
    Options.mapEffect(oneOf(name, choices)),
    Options.optional
  )

export const host = Options.text("host").pipe(
  Options.withPseudoName("HOST"),
  Options.withDescription(
    "Address to listen on (MILLRACE_HOST; default 127.0.0.1). One that other machines can reach requires authentication."
  ),
  Options.withFallbackConfig(Config.nonEmptyString("MILLRACE_HOST")),
  Options.optional
)
/** The server's URL behind a proxy. */
export const publicUrl = Options.text("public-url").pipe(
  Options.withPseudoName("URL"),
  Options.withDescription(
    "The server's URL behind a proxy, such as https://millrace.example. Used in pairing links and cookies (MILLRACE_PUBLIC_URL)."
  ),
  Options.withFallbackConfig(Config.nonEmptyString("MILLRACE_PUBLIC_URL")),
  Options.mapEffect((text) =>
    PublicAddress.isPublicUrl(text) ? Effect.succeed(text) : wrong("public-url", PublicAddress.publicUrlWanted, text)
  ),
  Options.optional
)

/** The values of a repeated flag, otherwise the values of its comma-separated variable. `wanted`: describes a valid value. */
const repeated = (
  name: string,
  flag: {
    readonly value: string
    readonly description: string
    readonly variable: string
    readonly isValid: (text: string) => boolean
    readonly wanted: string
  }
) =>
  Options.text(name).pipe(
    Options.withPseudoName(flag.value),
    Options.withDescription(`${flag.description} May be repeated (${flag.variable}, comma-separated).`),
    Options.repeated,
    Options.mapEffect((given) =>
      Effect.gen(function* () {
        const variable = yield* Effect.orDie(Config.withDefault(Config.string(flag.variable), ""))
        const all =
          given.length > 0
            ? given
            : variable
                .split(",")
                .map((one) => one.trim())
                .filter((one) => one !== "")
        const bad = all.find((one) => !flag.isValid(one))
        return bad === undefined ? all : yield* wrong(name, flag.wanted, bad)
      })
    )
  )

export const trustProxy = repeated("trust-proxy", {
  value: "ADDR",
  description: "Address or network of a proxy whose X-Forwarded-Proto, -For and -Host are trusted.",
  variable: "MILLRACE_TRUST_PROXY",
  isValid: PublicAddress.isProxyAddress,
  wanted: PublicAddress.proxyAddressWanted
})

export const allowOrigin = repeated("allow-origin", {
  value: "ORIGIN",
  description: "Origin of a page elsewhere that may use the server with a bearer token, such as http://localhost:5173.",
  variable: "MILLRACE_ALLOW_ORIGIN",
  isValid: PublicAddress.isOrigin,
  wanted: PublicAddress.originWanted
})

export const defaultHost = "127.0.0.1"

export const port = integer("port", { min: 0, max: 65_535, variable: "MILLRACE_PORT" }).pipe(
  Options.withDescription("Port to listen on; 0 picks a free one (MILLRACE_PORT; default 7717)."),
  Options.optional
)
export const defaultPort = 7_717
