/** Opens a session: after the end of the previous agent (P7), within a deadline, and with the transcript after a hand-over. */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Failure } from "@millrace/contracts/Item"
import { defined } from "@millrace/contracts/Defined"
import {
  type History,
  type HistoryBounds,
  type OpenInput,
  type ProviderAdapter,
  ProviderError,
  type ProviderSession
} from "@millrace/contracts/ProviderAdapter"
import { onlyModel, unsupported } from "@millrace/contracts/Settable"
import type { ForkWay } from "@millrace/contracts/State"
import type { McpServers, ProjectEnv, Settings } from "@millrace/contracts/Settings"
import type { Secrets } from "@millrace/log/Secrets"
import { type Duration, Effect, ExecutionStrategy, Exit, type Option, Scope } from "effect"
import type { BuiltinMcp } from "../engine/BuiltinMcp.ts"
import * as GivenSecrets from "../engine/GivenSecrets.ts"
import type * as ForkPoint from "../readmodel/ForkPoint.ts"
import * as Handover from "./Handover.ts"
import { type NewWorktrees, variables } from "./NewWorktrees.ts"

export interface Input {
  readonly adapter: ProviderAdapter | undefined
  readonly provider: string
  readonly threadId: ThreadId
  readonly epoch: number
  readonly secrets: typeof Secrets.Service
  readonly budgets: { readonly open: Duration.DurationInput }
  /** Absent where there are no worktrees. */
  readonly worktrees: Option.Option<typeof NewWorktrees.Service>
  /** Absent where the server provides no MCP server. */
  readonly builtin: Option.Option<typeof BuiltinMcp.Service>
  /** Returns when all earlier agents of the thread have ended: only one agent may write a conversation (P7). */
  readonly previousEnded: Effect.Effect<void>
  /** The input of `open`, read from the log. It fails, and `history` dies with a ProviderError, if the thread is damaged there. */
  readonly openInput: Effect.Effect<
    Omit<OpenInput, "threadId" | "epoch" | "history" | "model" | "settings" | "env" | "secrets" | "fork"> & {
      /** The variables of the project. */
      readonly projectEnv: ProjectEnv
      /** The directory of the project. */
      readonly projectRoot: string
      /** The project's setup command. */
      readonly setup?: string
      /** The turn for which the session opens. */
      readonly turnId?: TurnId
      /** The settings to open the session with. */
      readonly given: Settings
      readonly history: NonNullable<OpenInput["history"]>
      /** The previous agent, after a hand-over. */
      readonly handedFrom?: string
      /** Only for a fork whose agent has no conversation yet: the part of the source's conversation (`resumeKey`) that the agent may copy now. */
      readonly copies?: Effect.Effect<ForkPoint.Copy, ProviderError>
    },
    ProviderError
  >
}

export interface Opened {
  readonly session: ProviderSession
  /** The settings that the session was opened with. */
  readonly settings: Settings
  /** The thread's workspace. */
  readonly cwd: string
  /** If the agent gets the conversation from the log: the parts that it was not given. */
  readonly lost?: string
  /** If the agent gets the conversation from the log: why, a hand-over or the loss of its own record. */
  readonly continuity?: "handed-off" | "replayed"
  /** The transcript to put before the first prompt. Absent if the agent has read the conversation itself. */
  readonly brief?: Handover.HandoverBrief
  /** How the agent of a fork got the conversation. Absent if the thread is no fork, or if its agent had a conversation already. */
  readonly fork?: ForkWay
}

const noProvider = (provider: string): Failure => ({
  kind: "not-installed",
  message: `This server has no provider ${provider}. Start it with that provider, or make a new thread with another one.`
})
const openTimedOut: Failure = {
  kind: "process",
  message: "The agent did not start in time. Check its logs, or try again."
}

const previousStillRuns: Failure = {
  kind: "process",
  message:
    "The previous agent process of this thread may still be running, and two agents must not write one conversation. Find it with millrace ps, stop it, then send the turn again."
}

const noTurn: Failure = {
  kind: "process",
  message: "The setup command of the project did not run, because its turn has ended. The next turn runs it."
}

/** A setup command, with the values of secrets. */
export interface SetUp {
  readonly turnId: TurnId
  readonly command: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly secrets: ReadonlyArray<string>
}

const notSettable = (provider: string, message: string) =>
  new ProviderError({ provider, operation: "open", outcome: "failed", failure: { kind: "refused", message } })

/** Replaces the built-in server by its URL with a token of this session, which ends with the scope. */
const withBuiltin = ({ builtin, epoch, threadId }: Input, scope: Scope.Scope, servers: McpServers) =>
  GivenSecrets.mapValues(servers, (server) =>
    "builtin" in server && builtin._tag === "Some"
      ? Scope.extend(builtin.value.issue(threadId, epoch), scope)
      : Effect.succeed(server)
  )

/** Reads the input of `open`: with the variables, and with the values of secrets. */
const readInput = (input: Input, target: ProviderAdapter, scope: Scope.Scope) =>
  Effect.gen(function* () {
    const { given, projectEnv, projectRoot, setup, turnId, ...rest } = yield* input.openInput
    // The thread was set for another configuration of the server.
    const refused = unsupported(input.provider, given, {
      ...(target.settable ?? onlyModel),
      builtin: input.builtin._tag === "Some"
    })
    if (refused !== undefined) return yield* notSettable(input.provider, refused)
    const reveal = GivenSecrets.reveal(input.secrets)
    const revealed = <A>(values: Effect.Effect<A, string>) =>
      Effect.mapError(values, (message) => notSettable(input.provider, message))
    const ofProject = yield* revealed(GivenSecrets.mapValues(projectEnv, reveal))
    const worktree = input.worktrees._tag === "None" ? undefined : yield* input.worktrees.value.find(rest.cwd)
    const env = { ...ofProject, ...variables(rest.cwd, projectRoot, worktree) }
    const secrets = Object.entries(ofProject).flatMap(([name, value]) => (typeof projectEnv[name] === "string" ? [] : [value]))
    const { mcpServers, model, ...plain } = given
    const settings = {
      ...plain,
      ...(mcpServers === undefined
        ? {}
        : {
            mcpServers: yield* withBuiltin(input, scope, yield* revealed(GivenSecrets.mapServers(mcpServers, reveal)))
          })
    }
    return { ...rest, env, secrets, given, settings, ...defined({ model, setup, turnId }), isWorktree: worktree !== undefined }
  })

type Ready = Effect.Effect.Success<ReturnType<typeof readInput>>

/** Runs the setup command if the thread works in a new worktree. The worktree of a project without a command is then not new any more. */
const prepare = (
  { worktrees }: Input,
  { cwd, env, isWorktree, secrets, setup, turnId }: Ready,
  setUp: (command: SetUp) => Effect.Effect<void, Failure>
): Effect.Effect<void, Failure> => {
  if (worktrees._tag === "None" || !isWorktree) return Effect.void
  const command =
    setup === undefined
      ? Effect.void
      : turnId === undefined
        ? Effect.fail(noTurn)
        : setUp({ turnId, command: setup, cwd, env, secrets })
  return worktrees.value.ifNew(cwd, command)
}

/**
 * Opens the agent. After a hand-over or a lost conversation, an agent that did not read the history when it opened gets a transcript with its first
 * turn.
 */
const openAgent = (
  input: Input,
  target: ProviderAdapter,
  { copies, given, handedFrom, history, isWorktree: _w, resumeKey, setup: _s, turnId: _t, ...rest }: Ready,
  scope: Scope.Scope
): Effect.Effect<Opened, ProviderError> =>
  Effect.gen(function* () {
    const { threadId, epoch } = input
    const { cwd } = rest
    let read: History | undefined
    const recordingHistory = (asked: HistoryBounds) => Effect.tap(history(asked), (found) => Effect.sync(() => (read = found)))
    const openWith = (conversation: Pick<OpenInput, "resumeKey" | "fork" | "forkAt">) =>
      Effect.gen(function* () {
        const agent = yield* Scope.fork(scope, ExecutionStrategy.sequential)
        const opening = target.open({
          ...rest,
          ...conversation,
          threadId,
          epoch,
          history: recordingHistory
        })
        return { agent, session: yield* Scope.extend(opening, agent) }
      })
    /** Opens the agent with a copy of the source's conversation. The source may begin a turn meanwhile, which a copy of all turns may then have. */
    const openCopy = (source: string, planned: Effect.Effect<ForkPoint.Copy, ProviderError>) =>
      Effect.gen(function* () {
        const copy = yield* planned
        if (copy._tag === "None") return (yield* openWith({})).session
        const all = { resumeKey: source, fork: true } as const
        if (copy._tag === "UpTo") return (yield* openWith({ ...all, forkAt: copy.nativeTurnId })).session
        const { agent, session } = yield* openWith(all)
        const after = yield* planned
        if (after._tag === "All") return session
        yield* Scope.close(agent, Exit.void)
        read = undefined
        return (yield* openWith(after._tag === "None" ? {} : { ...all, forkAt: after.nativeTurnId })).session
      })
    const session =
      copies !== undefined && resumeKey !== undefined
        ? yield* openCopy(resumeKey, copies)
        : (yield* openWith(defined({ resumeKey }))).session
    const continuity = handedFrom === undefined ? "replayed" : "handed-off"
    // The agent has no history: it began a new conversation instead of the requested one, or it is the first agent of a thread, which may have been
    // imported or forked. (A first session of any other thread has no turns before it, so its brief is empty.)
    const isFirst = input.epoch === 1 || copies !== undefined
    const forgot = handedFrom === undefined && session.continuity === "fresh" && (resumeKey !== undefined || isFirst)
    const opened = { session, settings: given, cwd }
    const isFork = copies !== undefined && handedFrom === undefined
    if (handedFrom === undefined && !forgot)
      return isFork && session.continuity === "resumed" ? { ...opened, fork: "agent" } : opened
    const way: Pick<Opened, "fork"> = isFork ? { fork: "transcript" } : {}
    if (read !== undefined && read.turns.length > 0) return { ...opened, ...way, lost: Handover.replayed(read), continuity }
    const brief = Handover.brief(handedFrom, yield* history(Handover.bounds))
    return brief === undefined ? opened : { ...opened, ...way, lost: brief.lost, brief, continuity }
  })

/**
 * The session lives in the scope. `stopped`: completes with a reason if the session is stopped before it has opened. `setUp`: runs the setup command of a
 * new worktree, before the agent starts.
 */
export const open = (
  input: Input,
  scope: Scope.Scope,
  stopped: Effect.Effect<string>,
  setUp: (command: SetUp) => Effect.Effect<void, Failure>
): Effect.Effect<Opened, Failure> => {
  const { adapter, previousEnded, budgets, provider } = input
  if (adapter === undefined) return Effect.fail(noProvider(provider))
  const inTime = <A>(effect: Effect.Effect<A, ProviderError>) =>
    effect.pipe(
      Effect.mapError((error) => error.failure),
      Effect.timeoutFail({ duration: budgets.open, onTimeout: () => openTimedOut })
    )
  return Effect.gen(function* () {
    yield* Effect.timeoutFail(previousEnded, { duration: budgets.open, onTimeout: () => previousStillRuns })
    const ready = yield* inTime(readInput(input, adapter, scope))
    yield* prepare(input, ready, setUp)
    return yield* inTime(openAgent(input, adapter, ready, scope))
  }).pipe(
    Effect.catchAllDefect((defect) =>
      Effect.fail<Failure>(
        defect instanceof ProviderError
          ? defect.failure
          : { kind: "unknown", message: "The agent could not be started.", detail: String(defect) }
      )
    ),
    Effect.raceFirst(Effect.flatMap(stopped, (message) => Effect.fail<Failure>({ kind: "process", message })))
  )
}
