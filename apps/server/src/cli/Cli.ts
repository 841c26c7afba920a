/** The commands of `millrace`, and how each ends: an exit code and at most a few lines on standard error. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { Cause, Console, Effect, Exit, HashMap, Layer, LogLevel, Option, Queue } from "effect"
import { version } from "@millrace/contracts/Capabilities"
import { cut } from "@millrace/contracts/Text"
import { messageOf } from "../NodeError.ts"
import * as Acp from "./commands/Acp.ts"
import * as Actions from "./commands/Actions.ts"
import * as Answer from "./commands/Answer.ts"
import * as ConfigCommand from "./commands/Config.ts"
import { commandName } from "./CommandName.ts"
import * as Diff from "./commands/Diff.ts"
import * as Discard from "./commands/Discard.ts"
import * as Doctor from "./commands/Doctor.ts"
import { CliFailure, ExitCode, interrupted, OutputClosed, usage } from "./Failure.ts"
import * as Goal from "./commands/Goal.ts"
import * as Handover from "./commands/Handover.ts"
import * as Help from "./Help.ts"
import * as ProgramLog from "./terminal/ProgramLog.ts"
import * as Mcp from "./commands/Mcp.ts"
import * as LogCommand from "./commands/Log.ts"
import * as PersonActs from "./commands/PersonActs.ts"
import * as Project from "./commands/Project.ts"
import * as Prompt from "./commands/Prompt.ts"
import * as Query from "./commands/Query.ts"
import * as QueueCommand from "./commands/Queue.ts"
import * as Output from "./Output.ts"
import * as Ps from "./commands/Ps.ts"
import * as Rewind from "./commands/Rewind.ts"
import * as Run from "./commands/Run.ts"
import * as Search from "./commands/Search.ts"
import * as Secret from "./commands/Secret.ts"
import * as Send from "./commands/Send.ts"
import * as Serve from "./commands/Serve.ts"
import * as ProcessSignals from "./ProcessSignals.ts"
import * as Service from "./commands/Service.ts"
import * as Style from "./terminal/Style.ts"
import * as Suggest from "./Suggest.ts"
import * as Tail from "./commands/Tail.ts"
import * as Threads from "./commands/Threads.ts"
import * as Token from "./commands/Token.ts"
import * as Transfer from "./commands/Transfer.ts"
import * as Update from "./commands/Update.ts"
import * as Verify from "./commands/Verify.ts"
import * as Wait from "./commands/Wait.ts"
import * as Worktrees from "./commands/Worktrees.ts"

const commands = [
  Serve.command,
  Run.command,
  Send.command,
  Wait.command,
  Tail.command,
  Query.threads,
  Search.command,
  Query.state,
  Query.requests,
  Answer.command,
  Goal.command,
  Handover.command,
  QueueCommand.command,
  Threads.interrupt,
  Threads.stop,
  Threads.fork,
  Threads.retry,
  Threads.rename,
  Threads.archive,
  Threads.unarchive,
  Threads.remove,
  Actions.compact,
  Actions.review,
  Rewind.turns,
  Diff.command,
  Rewind.rewind,
  Discard.command,
  Worktrees.command,
  PersonActs.commit,
  PersonActs.merge,
  PersonActs.push,
  PersonActs.pr,
  Project.command,
  Ps.command,
  Query.providers,
  ConfigCommand.command,
  Doctor.command,
  Token.token,
  Token.pair,
  Secret.command,
  Transfer.exportThread,
  Transfer.importThread,
  Verify.command,
  LogCommand.command,
  Mcp.command,
  Acp.command,
  Service.command,
  Update.command
] as const

/** The first words of the commands that the program has. */
export const names: ReadonlyArray<string> = commands.flatMap(({ descriptor }) => [...CommandDescriptor.getNames(descriptor)])

const root = Command.make("millrace").pipe(
  Command.withDescription("An orchestration server for coding agents: one durable, ordered log, served without loss."),
  Command.withSubcommands(commands)
)

const program = Command.run(root, { name: "Millrace", version, executable: "millrace" })

/** Console of @effect/cli. Help goes to standard output, with escapes only on a terminal. Errors are dropped, because `verdict` reports them. */
const helpConsole = (words: ReadonlyArray<string>) =>
  Effect.map(Effect.all([Output.Output, Console.consoleWith(Effect.succeed)]), ([output, base]): Console.Console => ({
    ...base,
    log: (...parts: ReadonlyArray<unknown>) => {
      const text = output.withCommandName(Help.page(`${parts.map(String).join(" ")}\n`, words))
      // A console method cannot fail, so a closed standard output is ignored.
      return Effect.ignore(output.out(output.outStyle === Style.plain ? Style.strip(text) : text))
    },
    error: () => Effect.void
  }))

const flat = (error: HelpDoc.HelpDoc): string => Style.strip(HelpDoc.toAnsiText(error)).replaceAll(/\s+/g, " ").trim()

const suggestion = (word: string, words: Iterable<string>, before: ReadonlyArray<string> = []): string => {
  const nearest = Suggest.nearest(word, words)
  return nearest === undefined ? "" : ` Did you mean ${[...before, nearest].join(" ")}?`
}

interface Named {
  /** The command's words: `token`, `create`. */
  readonly words: ReadonlyArray<string>
  readonly descriptor: CommandDescriptor.Command<unknown>
  /** The names of the command's subcommands. */
  readonly subcommands: ReadonlyArray<string>
  /** The word after `words` that is no subcommand. `undefined` for a command without subcommands. */
  readonly unknown: string | undefined
}

/** The commands below a descriptor. The library lists only one level, and lists a command without subcommands as its own subcommand. */
const below = (descriptor: CommandDescriptor.Command<unknown>) => CommandDescriptor.getSubcommands(descriptor)
const groups = new Map(
  commands.flatMap(({ descriptor }) => {
    const [name = ""] = CommandDescriptor.getNames(descriptor)
    return HashMap.has(below(descriptor), name) ? [] : [[name, below(descriptor)] as const]
  })
)

/** The longest command that the arguments name. Flags between its words are skipped. */
const namedBy = (args: ReadonlyArray<string>): Named => {
  const given = args.filter((arg) => !arg.startsWith("-"))
  const words: Array<string> = []
  let descriptor: CommandDescriptor.Command<unknown> = root.descriptor
  let known = below(descriptor)
  for (const word of given.slice(0, 2)) {
    const next = Option.getOrUndefined(HashMap.get(known, word))
    if (next === undefined) return { words, descriptor, subcommands: [...HashMap.keys(known)], unknown: word }
    words.push(word)
    descriptor = next
    const group = words.length === 1 ? groups.get(word) : undefined
    if (group === undefined) return { words, descriptor, subcommands: [], unknown: undefined }
    known = group
  }
  return { words, descriptor, subcommands: words.length === 0 ? [] : [...HashMap.keys(known)], unknown: undefined }
}

const flagsOf = ({ descriptor }: Named): ReadonlyArray<string> =>
  Style.strip(HelpDoc.toAnsiText(CommandDescriptor.getHelp(descriptor, CliConfig.defaultConfig))).match(/--[a-z-]+/g) ?? []

const helpOf = (words: ReadonlyArray<string>): string => `See: ${["millrace", ...words].join(" ")} --help`

/** The message for a word that is no command. `undefined` if the arguments name a command. */
const noCommand = ({ subcommands, unknown, words }: Named): string | undefined => {
  if (unknown === undefined) return undefined
  const names = words.length === 0 ? Help.commandNames : subcommands
  const given = JSON.stringify(cut([...words, unknown].join(" "), 50))
  return `There is no command ${given}.${suggestion(unknown, names, words)} ${helpOf(words)}`
}

/** The exit code, and the message for standard error. */
const verdict = (exit: Exit.Exit<unknown, unknown>, args: ReadonlyArray<string>): readonly [number, string | undefined] => {
  if (Exit.isSuccess(exit)) return [ExitCode.completed, undefined]
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (error instanceof OutputClosed)
    return error.fault === undefined
      ? [ExitCode.completed, undefined]
      : [ExitCode.failed, `Cannot write to standard output: ${error.fault}. The log has every event: millrace tail`]
  if (error instanceof CliFailure) return [error.exitCode, error.message]
  if (ValidationError.isValidationError(error)) {
    const named = namedBy(args)
    const missing = noCommand(named)
    if (missing !== undefined) return [ExitCode.usage, missing]
    const { subcommands, words } = named
    if (subcommands.length > 0)
      return [ExitCode.usage, `${words.join(" ")} needs one of ${subcommands.toSorted().join(", ")}. ${helpOf(words)}`]
    const problem = flat(error.error).replace(/^Expected to find option: '(--[a-z-]+)'/, "Missing option $1")
    const sentence = /[.?!]$/.test(problem) ? problem : `${problem}.`
    const flag = /argument: '(--[a-z-]+)/.exec(problem)?.[1]
    // Some errors name another command that helps.
    const help = problem.includes("See: ") ? "" : ` ${helpOf(words)}`
    return [ExitCode.usage, `${sentence}${flag === undefined ? "" : suggestion(flag, flagsOf(named))}${help}`]
  }
  if (error === undefined && Cause.isInterruptedOnly(exit.cause)) return [ExitCode.interrupted, "Interrupted."]
  const defect = error ?? Option.getOrUndefined(Cause.dieOption(exit.cause))
  return [
    ExitCode.failed,
    `Internal error: ${messageOf(defect)}. Run it again with MILLRACE_LOG_LEVEL=debug for a stack trace, and please report it.`
  ]
}

const level = (args: ReadonlyArray<string>) => {
  const name = process.env["MILLRACE_LOG_LEVEL"] ?? ""
  return ProgramLog.levelOf(name) ?? (args[0] === "serve" ? LogLevel.Info : LogLevel.Warning)
}

/** The arguments as the library parses them. `help COMMAND` becomes `COMMAND --help`, and an unknown command has no help. `npx millrace` without arguments serves and opens the page, because most people start with it. */
const normalised = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (args.length === 0 && commandName(process.env) === "npx millrace") return ["serve", "--open"]
  const [first, ...rest] = args
  if (first !== "help" || rest.length === 0) return args
  return ["help", "version"].includes(rest[0] ?? "") ? ["help"] : [...rest, "--help"]
}

const asksForHelp = (args: ReadonlyArray<string>): boolean => {
  const end = args.indexOf("--")
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === "--help" || arg === "-h")
}

/** Runs the program. Returns the exit code after every resource is closed and all output is written. */
export const run = (args: ReadonlyArray<string>): Effect.Effect<number> => runWith(normalised(args))

const runWith = (args: ReadonlyArray<string>): Effect.Effect<number> =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const unknownLevel = process.env["MILLRACE_LOG_LEVEL"] ?? ""
    if (unknownLevel !== "" && ProgramLog.levelOf(unknownLevel) === undefined)
      yield* output.note(`MILLRACE_LOG_LEVEL: ${unknownLevel} is not one of ${ProgramLog.levelNames.join(", ")}`)
    const named = namedBy(args)
    const helping = yield* helpConsole(named.words)
    const missing = noCommand(named)
    const signals = yield* ProcessSignals.listen(2)
    const stopped = Effect.zipRight(Queue.take(signals), Effect.fail(interrupted("Interrupted.")))
    const work = Help.wantsOverview(args)
      ? output.out(output.withCommandName(Help.overview(output.outStyle)))
      : args[0] === "version"
        ? args.length === 1
          ? output.out(`${version}\n`)
          : Effect.fail(usage("version takes no arguments."))
        : asksForHelp(args) && missing !== undefined
          ? Effect.fail(usage(missing))
          : program(["node", "millrace", ...args.map((arg) => (arg === "-" ? Prompt.fromStdin : arg))])
    const exit = yield* work.pipe(
      Effect.withConsole(helping),
      Effect.raceFirst(stopped),
      Effect.tapErrorCause((cause) => (Cause.isDie(cause) ? ProgramLog.trace(cause) : Effect.void)),
      Effect.exit
    )
    yield* output.progress(undefined)
    const [code, message] = verdict(exit, args)
    // The message may contain text of an agent or a server.
    if (message !== undefined) yield* output.note(`${output.style.red("millrace:")} ${Style.harmless(message)}`)
    return code
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.mergeAll(
        Output.layer,
        ProgramLog.layer(level(args)),
        NodeFileSystem.layer,
        NodePath.layer,
        NodeTerminal.layer,
        CliConfig.layer({ showBuiltIns: false })
      )
    )
  )
