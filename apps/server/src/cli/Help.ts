/** The help texts: the overview of all commands, and the library's page of one command without its filler lines. */
import type { Style } from "./terminal/Style.ts"

const commands: ReadonlyArray<readonly [string, string]> = [
  ["serve", "start the server; print its URL and a link that pairs a browser"],
  ["run PROMPT", "run one turn and stream the answer"],
  ["send THREAD TEXT", "send a prompt to a thread, without waiting"],
  ["wait TURN|THREAD", "wait for the end of a turn; exits as run"],
  ["tail", "follow the log"],
  ["threads", "list threads"],
  ["search WORDS", "find text in any thread"],
  ["state", "busy threads and open requests"],
  ["requests", "open approvals and questions, with their choices"],
  ["answer REQUEST ANSWER", "answer an agent's approval or questions"],
  ["interrupt THREAD", "interrupt the running turn"],
  ["stop THREAD", "end a thread's agent"],
  ["queue list|cancel|move", "the turns that wait in a thread"],
  ["fork THREAD", "a new thread with a copy of the conversation"],
  ["retry THREAD TURN", "send a turn's prompt again, in a fork without it"],
  ["rename THREAD TITLE", "change a thread's title"],
  ["archive THREAD", "hide a thread from the lists"],
  ["unarchive THREAD", "restore an archived thread"],
  ["delete THREAD", "delete a thread"],
  ["goal set|show|... THREAD", "the objective that a thread pursues by itself"],
  ["handover THREAD PROVIDER", "let another agent continue the conversation"],
  ["compact THREAD", "let the thread's agent compact the conversation"],
  ["review THREAD", "let the thread's agent review changes"],
  ["turns THREAD", "the turns of a thread"],
  ["diff THREAD", "what a thread or a turn changed"],
  ["rewind THREAD TURN", "take files back to the state before a turn"],
  ["discard THREAD PATH...", "take single files back to before the turns"],
  ["commit THREAD -m MESSAGE", "commit a thread's changes by your git identity"],
  ["merge THREAD", "merge a thread's worktree into your branch"],
  ["push THREAD", "push the branch of a thread's work tree"],
  ["pr THREAD", "push the branch and open a pull request"],
  ["worktrees prune|...", "the worktrees of threads"],
  ["project list|set", "projects, their setup command and variables"],
  ["export THREAD", "write a thread as JSON or Markdown"],
  ["import FILE", "create a thread from an export, or from a Codex or Claude Code conversation"],
  ["ps", "the agents' processes, and why each is alive"],
  ["providers", "the agents: installed, version, signed in"],
  ["config check|schema|...", "check millrace.config.json, print its schema, trust it"],
  ["doctor", "check this machine and the data directory"],
  ["secret set|list|remove", "values for agents, outside the log"],
  ["token create|list|revoke", "access tokens"],
  ["pair", "print a one-time link that signs a browser in"],
  ["verify", "check the log"],
  ["log stats|backup|...", "the data directory on disk"],
  ["mcp", "serve agents and editors by MCP on standard input and output"],
  ["acp", "serve editors by ACP on standard input and output"],
  ["service install|...", "run the server as a service of your user"],
  ["update", "install the newest release"],
  ["help COMMAND", "the flags of a command"],
  ["version", "the version"]
]

/** The first words of the commands. */
export const commandNames: ReadonlyArray<string> = commands.map(([usage]) => usage.split(" ")[0] ?? usage)

export const overview = (style: Style): string =>
  `${style.bold("millrace")}  an orchestration server for coding agents: one durable, ordered log, served without loss

${commands.map(([name, what]) => `  ${style.cyan(name.padEnd(26))}${what}`).join("\n")}

Try: millrace run hello          An agent that needs no account answers.
Each command has --help; commands that print data have --json. Environment: MILLRACE_DATA, MILLRACE_HOST, MILLRACE_PORT, MILLRACE_URL, MILLRACE_TOKEN, MILLRACE_PROVIDER, MILLRACE_LOG_LEVEL.
Exit: 0 completed, 1 failed, 2 usage, 3 interrupted, 4 needs a person.
`

/** Whether the arguments ask for the overview. */
export const wantsOverview = (args: ReadonlyArray<string>): boolean =>
  args.length === 0 || (args.length === 1 && ["--help", "-h", "help"].includes(args[0] ?? ""))

const filler = new Set([
  "A user-defined piece of text.",
  "A true or false value.",
  "This setting is optional.",
  "This option can be set from environment variables.",
  "This option may be repeated zero or more times."
])

/** The library's page of the command with these words, without filler lines and version banner, and with the usage as a person types it. */
export const page = (text: string, words: ReadonlyArray<string>): string =>
  text
    .split("\n")
    .filter((line) => !filler.has(line.trim()))
    .map((line) => line.replace(/^\$ (?!millrace)/, ["$ millrace", ...words.slice(0, -1), ""].join(" ")))
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .replace(/^[^\n]*Millrace[^\n]*\n+Millrace [0-9.]+\n+/, "")
