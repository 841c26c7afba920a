/** Help for people: an overview of our own, and the library's page of each command without its filler. */
import type { Style } from "./Style.ts"

const commands: ReadonlyArray<readonly [string, string]> = [
  ["serve", "start the server; prints its address and a link that pairs a browser"],
  ["run PROMPT", "run one turn and stream the answer"],
  ["tail", "follow the log"],
  ["threads", "list threads"],
  ["state", "what is going on, and what waits for a person"],
  ["requests", "what waits for a person, with its choices"],
  ["answer REQUEST ANSWER", "answer what an agent asks"],
  ["goal set|show|... THREAD", "what a thread works towards by itself"],
  ["handover THREAD PROVIDER", "let another agent go on"],
  ["compact THREAD", "let its agent make the conversation shorter"],
  ["review THREAD", "let its agent review changes"],
  ["export THREAD", "write a thread as JSON or Markdown"],
  ["import FILE", "make a thread of an export, or of a conversation of Codex"],
  ["ps", "the agents' processes, and why each is alive"],
  ["providers", "the agents: installed, version, signed in"],
  ["config check|schema", "what millrace.config.json says, and its schema"],
  ["doctor", "check this machine and the data directory"],
  ["token create|list|revoke", "access tokens"],
  ["pair", "a link that signs a browser in, once"],
  ["verify", "check the log"]
]

export const overview = (style: Style): string =>
  `${style.bold("millrace")}  an orchestration server for coding agents: one durable, ordered log, served without loss

${commands.map(([name, what]) => `  ${style.cyan(name.padEnd(26))}${what}`).join("\n")}

Try: millrace run hello          An agent that needs no account answers.
Each command has --help; looks have --json. Environment: MILLRACE_DATA, MILLRACE_HOST, MILLRACE_PORT, MILLRACE_TOKEN, MILLRACE_LOG_LEVEL.
Exit: 0 completed, 1 failed, 2 usage, 3 interrupted, 4 needs a person.
`

/** True for the ways to ask for the overview. */
export const wantsOverview = (args: ReadonlyArray<string>): boolean =>
  args.length === 0 || (args.length === 1 && ["--help", "-h", "help"].includes(args[0] ?? ""))

const filler = new Set([
  "A user-defined piece of text.",
  "A true or false value.",
  "This setting is optional.",
  "This option can be set from environment variables."
])

/** The library's page: each option on its lines without the type of its text, and the usage as it is typed. */
export const page = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !filler.has(line.trim()))
    .map((line) => line.replace(/^\$ (?!millrace)/, "$ millrace "))
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .replace(/^[^\n]*Millrace[^\n]*\n+Millrace [0-9.]+\n+/, "")
