/** Flags that several commands share, each with the environment variable that mirrors it. */
import * as Args from "@effect/cli/Args"
import type * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import { Config, Effect, Option, Schema } from "effect"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { ModelName } from "@millrace/contracts/Command"
import { ThreadId } from "@millrace/contracts/Ids"
import * as PublicAddress from "@millrace/host/PublicAddress"
import { type CliFailure, usage } from "./Failure.ts"

/** `~` is what a shell left as it was, such as in a quoted flag or in an environment file. */
const absolute = (path: string): string => resolve(path.replace(/^~(?=$|\/)/, homedir()))

const wrong = (flag: string, wanted: string, got: string) =>
  Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${flag}: expected ${wanted}, got ${JSON.stringify(got)}`)))

/** An argument. A word that begins with `-` is a mistyped flag, which must not become a prompt or a name; behind `--` it is meant so. */
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
  // An unset variable in a script would be this directory.
  Options.mapEffect((text) => (text === "" ? wrong("data", "a directory", text) : Effect.succeed(absolute(text))))
)

export const json = Options.boolean("json").pipe(
  Options.withDescription("JSON on standard output, everything else on standard error.")
)

/** An access token from the environment; never a flag, since other users see those. */
export const token = Config.option(Config.nonEmptyString("MILLRACE_TOKEN"))

export const orUndefined = Option.getOrUndefined

/** Where a server is, when it is not the one of the data directory. */
export const url = Options.text("url").pipe(
  Options.withPseudoName("URL"),
  Options.withDescription("A server elsewhere, like http://10.0.0.5:7717 (MILLRACE_URL); its token comes from MILLRACE_TOKEN."),
  Options.withFallbackConfig(Config.nonEmptyString("MILLRACE_URL")),
  Options.mapEffect((text) =>
    /^https?:\/\//.test(text) && URL.canParse(text) ? Effect.succeed(text) : wrong("url", "an http or https URL", text)
  ),
  Options.optional
)

/** A text, if it is given. `value`: what stands for it in the help. */
export const text = (name: string, value: string, description: string) =>
  Options.text(name).pipe(Options.withPseudoName(value), Options.withDescription(description), Options.optional)

const isModelName: (name: string) => boolean = Schema.is(ModelName)

/** A model's name, if it is given; what the agent's process would take for a flag is refused here. */
export const model = (description: string) =>
  Options.text("model").pipe(
    Options.withPseudoName("NAME"),
    Options.withDescription(description),
    Options.mapEffect((name) =>
      isModelName(name)
        ? Effect.succeed(name)
        : wrong("model", "a model's name without control characters that does not begin with -", name.slice(0, 100))
    ),
    Options.optional
  )

const isThread = Schema.is(ThreadId)
const noThread = (got: string) => `expected a thread id, like thr_01HXYZ, got ${JSON.stringify(got)}. See: millrace threads`

/** The id of a thread that `--thread` names. */
export const threadId = (given: string): Effect.Effect<ThreadId, CliFailure> =>
  isThread(given) ? Effect.succeed(given) : Effect.fail(usage(`--thread: ${noThread(given)}`))

/** The thread that a command is about. */
export const thread = argument("THREAD").pipe(
  Args.withDescription("Its id; see: millrace threads"),
  Args.mapEffect((given) => (isThread(given) ? Effect.succeed(given) : Effect.fail(HelpDoc.p(`THREAD: ${noThread(given)}`))))
)

/** What each command about one thread takes. */
export const ofThread = { thread, json, data, url }
export type OfThread = Command.Command.ParseConfig<typeof ofThread>

/** A whole number in a range, if it is given. The variable mirrors the flag; the flag wins. */
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

/** One of some words. */
export const choice = <const A extends string>(name: string, choices: ReadonlyArray<A>, byDefault: A) =>
  Options.text(name).pipe(
    Options.withPseudoName(choices.join("|")),
    Options.withDefault<string>(byDefault),
    Options.mapEffect((text) => {
      const chosen = choices.find((word) => word === text)
      return chosen === undefined ? wrong(name, choices.join(", "), text) : Effect.succeed(chosen)
    })
  )

/** One of some words, if it is given. The variable mirrors the flag; the flag wins. */
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
    Options.mapEffect((text) => {
      const chosen = choices.find((word) => word === text)
      return chosen === undefined ? wrong(name, choices.join(", "), text) : Effect.succeed(chosen)
    }),
    Options.optional
  )

export const host = Options.text("host").pipe(
  Options.withPseudoName("HOST"),
  Options.withDescription(
    "Where to listen (MILLRACE_HOST; default 127.0.0.1). Any other than this machine needs authentication."
  ),
  Options.withFallbackConfig(Config.nonEmptyString("MILLRACE_HOST")),
  Options.optional
)
/** How people reach the server through a proxy. */
export const publicUrl = Options.text("public-url").pipe(
  Options.withPseudoName("URL"),
  Options.withDescription(
    "How people reach the server through a proxy, like https://millrace.example: for pairing links and cookies (MILLRACE_PUBLIC_URL)."
  ),
  Options.withFallbackConfig(Config.nonEmptyString("MILLRACE_PUBLIC_URL")),
  Options.mapEffect((text) =>
    PublicAddress.isPublicUrl(text) ? Effect.succeed(text) : wrong("public-url", PublicAddress.publicUrlWanted, text)
  ),
  Options.optional
)

/** Those of the flag, which may be repeated, else those of the variable, with commas between them. */
export const trustProxy = Options.text("trust-proxy").pipe(
  Options.withPseudoName("ADDR"),
  Options.withDescription(
    "A proxy whose X-Forwarded-Proto, -For and -Host count: an address or a network. May be repeated (MILLRACE_TRUST_PROXY, with commas)."
  ),
  Options.repeated,
  Options.mapEffect((given) =>
    Effect.gen(function* () {
      const variable = yield* Effect.orDie(Config.withDefault(Config.string("MILLRACE_TRUST_PROXY"), ""))
      const all =
        given.length > 0
          ? given
          : variable
              .split(",")
              .map((one) => one.trim())
              .filter((one) => one !== "")
      const bad = all.find((one) => !PublicAddress.isProxyAddress(one))
      return bad === undefined ? all : yield* wrong("trust-proxy", PublicAddress.proxyAddressWanted, bad)
    })
  )
)

export const defaultHost = "127.0.0.1"

export const port = integer("port", { min: 0, max: 65_535, variable: "MILLRACE_PORT" }).pipe(
  Options.withDescription("MILLRACE_PORT; default 7717; 0 picks a free one."),
  Options.optional
)
export const defaultPort = 7_717
