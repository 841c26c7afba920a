/** How this program was started: `millrace`, `npx millrace`, or `pnpm millrace` in a checkout. Hints name the command in this way. */
import * as Help from "./Help.ts"

type Environment = Readonly<Record<string, string | undefined>>

/** `scripts/millrace.mjs` sets `MILLRACE_COMMAND`; npm sets `npm_command` for `npx` and `npm exec`. */
export const commandName = (environment: Environment): string =>
  environment["MILLRACE_COMMAND"] ?? (environment["npm_command"] === "exec" ? "npx millrace" : "millrace")

const hint = new RegExp(`(?<!npx |pnpm |[\\w./@-])millrace (?=(?:${Help.commandNames.join("|")})\\b|--help\\b)`, "g")

/** Replaces `millrace` in hints, such as `millrace serve`, by the command that started this program, for example `npx millrace`. */
export const withCommandName = (text: string, environment: Environment): string =>
  text.replaceAll(hint, `${commandName(environment)} `)
