/** `millrace run PROMPT`: starts one turn and follows it to its end. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Config, Effect, Option, Schema } from "effect"
import { statSync } from "node:fs"
import { resolve } from "node:path"
import * as Client from "@millrace/client/Client"
import { defined } from "@millrace/contracts/Defined"
import { Labels } from "@millrace/contracts/Labels"
import { Effort, type PermissionMode, permissionModes, settingsOf } from "@millrace/contracts/Settings"
import type { WorkspaceChoice } from "@millrace/contracts/WorkspaceChoice"
import type { Policy } from "../client/Approve.ts"
import * as Connect from "../client/Connect.ts"
import { cut } from "@millrace/contracts/Text"
import { type CliFailure, failed, fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as FollowTurn from "../client/FollowTurn.ts"
import { Output } from "../Output.ts"
import * as Attach from "./Attach.ts"
import * as McpFlag from "./McpFlag.ts"
import * as Prompt from "./Prompt.ts"

export interface Request {
  readonly dataDir: string
  readonly url: string | undefined
  readonly prompt: string
  readonly provider: string | undefined
  readonly model: string | undefined
  readonly effort: string | undefined
  readonly permissionMode: PermissionMode | undefined
  /** MCP servers as JSON, or a file with them. */
  readonly mcp: string | undefined
  readonly labels: ReadonlyArray<string>
  /** Paths of files. */
  readonly attach: ReadonlyArray<string>
  readonly thread: string | undefined
  readonly cwd: string | undefined
  readonly worktree: boolean
  readonly base: string | undefined
  readonly branch: string | undefined
  readonly exclusive: boolean
  readonly approve: Policy
  readonly json: boolean
}

const isEffort: (word: string) => boolean = Schema.is(Effort)
const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Where a new thread works. Fails with exit code 2. */
const workspaceOf = ({ base, branch, exclusive, worktree }: Request): Effect.Effect<WorkspaceChoice | undefined, CliFailure> => {
  for (const [flag, value] of Object.entries({ base, branch }))
    if (value !== undefined && !worktree) return Effect.fail(usage(`--${flag} needs a worktree: add --worktree`))
  if (!worktree && !exclusive) return Effect.succeed(undefined)
  const alone = exclusive ? { exclusive } : {}
  return Effect.succeed(worktree ? { kind: "worktree", ...defined({ base, branch }), ...alone } : { kind: "directory", ...alone })
}

/** Validates the request before anything is started. Fails with exit code 2. */
const checked = (request: Request) =>
  Effect.gen(function* () {
    const prompt = yield* Prompt.read(request.prompt, request.attach.length > 0)
    yield* Attach.check(request.attach)
    const mcpServers = request.mcp === undefined ? undefined : yield* McpFlag.read(request.mcp)
    const settings = settingsOf({ ...request, mcpServers })
    if (request.effort !== undefined && !isEffort(request.effort))
      return yield* usage(
        `--effort: expected a word of the agent, such as low or high, got ${JSON.stringify(cut(request.effort, 100))}`
      )
    yield* Effect.mapError(Schema.decode(Labels)(request.labels), (error) =>
      usage(
        `--label: ${error.message
          .split("\n")
          .at(-1)
          ?.replace(/^[\s\u2500-\u257f]*/, "")}`
      )
    )
    const workspace = yield* workspaceOf(request)
    if (request.thread !== undefined) {
      if (request.labels.length > 0) return yield* usage("--label belongs to a new thread; leave it out with --thread")
      const thread = yield* Flags.threadId(request.thread)
      for (const flag of ["provider", "cwd"] as const)
        if (request[flag] !== undefined) return yield* usage(`--${flag} belongs to a new thread; leave it out with --thread`)
      if (workspace !== undefined)
        return yield* usage("--worktree and --exclusive belong to a new thread; leave them out with --thread")
      return { prompt, settings, thread, cwd: undefined, workspace }
    }
    const cwd = resolve(request.cwd ?? ".")
    if (!isDirectory(cwd)) return yield* usage(`--cwd: ${cwd} is not a directory`)
    return { prompt, settings, thread: undefined, cwd, workspace }
  })

const begin = (connected: Connect.Uploading, request: Request, from: Effect.Effect.Success<ReturnType<typeof checked>>) =>
  Effect.gen(function* () {
    const { millrace } = connected
    /** Called after the checks, because an upload that no turn names stays for a day. */
    const turn = Effect.map(Attach.upload(connected, request.attach), (attachments) => ({
      text: from.prompt,
      ...(attachments.length === 0 ? {} : { attachments })
    }))
    if (from.thread !== undefined) {
      const threadId = from.thread
      const { provider } = yield* Effect.mapError(millrace.thread(threadId), (error) =>
        failed(error._tag === "NotFound" ? `There is no thread ${threadId}. See: millrace threads` : error.message)
      )
      if (Object.keys(from.settings).length > 0) {
        const configure = yield* Client.command("thread.configure", { threadId, ...from.settings })
        yield* Effect.mapError(millrace.dispatch(configure), fromError)
      }
      const command = yield* Client.command("turn.start", { threadId, ...(yield* turn) })
      return { accepted: yield* Effect.mapError(millrace.dispatch(command), fromError), provider }
    }
    const provider =
      request.provider ??
      Option.getOrElse(
        yield* Effect.orElseSucceed(Config.option(Config.nonEmptyString("MILLRACE_PROVIDER")), Option.none),
        () => "demo"
      )
    const command = yield* Client.command("thread.create", {
      provider,
      cwd: from.cwd,
      turn: yield* turn,
      ...from.settings,
      ...defined({ workspace: from.workspace }),
      ...(request.labels.length === 0 ? {} : { labels: request.labels })
    })
    const accepted = yield* Effect.mapError(millrace.dispatch(command), (error) =>
      error._tag === "CommandRejected" && error.rule === "ProviderUnknown"
        ? failed(`${error.message} See: millrace providers`)
        : fromError(error)
    )
    return { accepted, provider }
  }).pipe(
    Effect.flatMap(({ accepted, provider }): Effect.Effect<FollowTurn.Turn, CliFailure> => {
      const { cursor, turnId } = accepted
      const threadId = accepted.threadId ?? from.thread
      return threadId === undefined
        ? Effect.fail(
            failed("The server's answer has no thread id: server and command line have different versions. Update the older one.")
          )
        : turnId === undefined
          ? Effect.fail(
              failed("The server's answer has no turn id: server and command line have different versions. Update the older one.")
            )
          : Effect.succeed({ threadId, turnId, cursor, provider })
    })
  )

export const run = Effect.fn("cli.run")(function* (request: Request) {
  const output = yield* Output
  const from = yield* checked(request)
  yield* output.progress("connecting")
  const connected = yield* Connect.serverOrEmbedded({ dataDir: request.dataDir, url: request.url })
  const begun = yield* begin(connected, request, from)
  yield* output.progress(undefined)
  const where = connected.via === "server" ? "" : " · no server is running, so the agent ends with this command"
  yield* output.note(output.style.dim(`${begun.provider} · ${begun.threadId}${where}`))
  if (request.worktree) {
    const { cwd } = yield* Effect.mapError(connected.millrace.thread(begun.threadId), fromError)
    yield* output.note(output.style.dim(`worktree ${cwd}, on the branch ${request.branch ?? `millrace/${begun.threadId}`}`))
  }
  yield* FollowTurn.follow(connected, begun, request)
})

export const command = Command.make(
  "run",
  {
    prompt: Flags.argument("PROMPT").pipe(Args.withDescription("The prompt; - reads it from standard input.")),
    provider: Flags.text(
      "provider",
      "NAME",
      "The agent of a new thread (MILLRACE_PROVIDER; default demo, which needs no account)."
    ),
    model: Flags.model("The agent's model. Default: the agent's own choice."),
    effort: Flags.text("effort", "WORD", "How much the model thinks, in the agent's word, such as low or high."),
    permissionMode: Flags.choiceOf("permission-mode", permissionModes).pipe(
      Options.withDescription("What the agent may do without a person."),
      Options.optional
    ),
    mcp: Flags.text("mcp", "FILE|JSON", "MCP servers of the thread: {NAME: {command, args?, env?}} or {NAME: {url, headers?}}."),
    thread: Flags.text("thread", "ID", "Continue this thread instead of creating one."),
    label: Options.text("label").pipe(
      Options.withPseudoName("LABEL"),
      Options.withDescription("A label of the new thread, to find it later. May be repeated, up to 16 times."),
      Options.repeated
    ),
    attach: Options.text("attach").pipe(
      Options.withPseudoName("FILE"),
      Options.withDescription("An image or a file for the agent. May be repeated, up to 16 times."),
      Options.repeated
    ),
    cwd: Flags.text("cwd", "DIR", "The agent's working directory. Default: the current one."),
    worktree: Options.boolean("worktree").pipe(
      Options.withDescription("The new thread works in a separate git worktree, on a new branch.")
    ),
    base: Flags.text("base", "REF", "With --worktree: what its new branch starts from. Default: HEAD."),
    branch: Flags.text("branch", "NAME", "With --worktree: its branch. Default: a new one, millrace/THREAD."),
    exclusive: Options.boolean("exclusive").pipe(
      Options.withDescription("No turn of another thread runs in the directory at the same time.")
    ),
    approve: Flags.choice("approve", ["never", "always", "ask"], "ask").pipe(
      Options.withDescription(
        "How to answer approvals: never (decline), always (accept), or ask (default; without a terminal the command exits with 4)."
      )
    ),
    json: Options.boolean("json").pipe(
      Options.withDescription("Print the turn's events on standard output, one JSON document per line.")
    ),
    data: Flags.data,
    url: Flags.url
  },
  (options) =>
    Effect.scoped(
      run({
        dataDir: options.data,
        url: Flags.orUndefined(options.url),
        prompt: options.prompt,
        provider: Flags.orUndefined(options.provider),
        model: Flags.orUndefined(options.model),
        effort: Flags.orUndefined(options.effort),
        permissionMode: Flags.orUndefined(options.permissionMode),
        mcp: Flags.orUndefined(options.mcp),
        labels: options.label,
        attach: options.attach,
        thread: Flags.orUndefined(options.thread),
        cwd: Flags.orUndefined(options.cwd),
        worktree: options.worktree,
        base: Flags.orUndefined(options.base),
        branch: Flags.orUndefined(options.branch),
        exclusive: options.exclusive,
        approve: options.approve,
        json: options.json
      })
    )
).pipe(
  Command.withDescription(
    "Run one turn and stream the answer. Exit: 0 completed, 1 failed, 2 usage, 3 interrupted, 4 needs a person."
  )
)
