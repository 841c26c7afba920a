/**
 * Runs `git` as a child process: recorded in the process ledger (P1), with a deadline, bounded output, and ended with its scope. It runs nothing of the
 * repository: no hooks, no signing, no monitor, no garbage collection, no prompt, and no network unless the call permits it. A call
 * `asPerson` is the exception.
 */
import { defined } from "@millrace/contracts/Defined"
import { cutStart } from "@millrace/contracts/Text"
import * as Ledger from "@millrace/providers/process/Ledger"
import * as Spawn from "@millrace/providers/process/Spawn"
import { make as makePermits, type Permits } from "@millrace/contracts/Permits"
import { Context, Duration, Effect, ExecutionStrategy, Exit, Layer, Schema, Scope } from "effect"

/** There is no `git`, or other program of the call, on the server's PATH. */
export class GitMissing extends Schema.TaggedError<GitMissing>()("GitMissing", { message: Schema.String }) {}

/** The directory is in no work tree of a git repository. */
export class NotARepository extends Schema.TaggedError<NotARepository>()("NotARepository", {
  directory: Schema.String,
  message: Schema.String
}) {}

/** The directory is in a repository that git does not read: it has another owner, or is damaged. `message` has git's reason, and what to do. */
export class RepositoryRefused extends Schema.TaggedError<RepositoryRefused>()("RepositoryRefused", {
  directory: Schema.String,
  message: Schema.String
}) {}

/** `git` ended with another code than the call expects. `stderr`: at most its last 8 KiB. */
export class GitFailed extends Schema.TaggedError<GitFailed>()("GitFailed", {
  command: Schema.String,
  code: Schema.NullOr(Schema.Int),
  stderr: Schema.String,
  message: Schema.String
}) {}

/** `git` was ended, because it did not finish before its deadline. */
export class GitTimeout extends Schema.TaggedError<GitTimeout>()("GitTimeout", {
  command: Schema.String,
  message: Schema.String
}) {}

/** Other processes of git had all places for as long as a call waits for one. Try again later. */
export class GitBusy extends Schema.TaggedError<GitBusy>()("GitBusy", {
  command: Schema.String,
  message: Schema.String
}) {}

export type GitError = GitMissing | GitFailed | GitTimeout | GitBusy

export interface GitOptions {
  /** Absolute path of an existing directory. */
  readonly cwd: string
  /** Added to the clean environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Written to stdin, which is then closed. */
  readonly input?: Uint8Array | string
  /** Default 30 seconds. */
  readonly deadline?: Duration.DurationInput
  /** Bytes of stdout that are kept; after them, `git` is ended. Default 64 MiB. */
  readonly maxBytes?: number
  /** Exit codes that are no failure. Default 0. */
  readonly codes?: ReadonlyArray<number>
  /** Permits network protocols and the person's ssh agent. Default false. */
  readonly network?: boolean
  /** For an act of the person: hooks, filters, signing, network and all settings as configured, but no prompt, no editor and no garbage collection. Default false. */
  readonly asPerson?: boolean
  /** Another program of the person, instead of git. Default: git. */
  readonly program?: "gh" | "glab"
  /** A call that may take minutes, such as a checkout: it has other places than the rest. Default false. */
  readonly long?: boolean
}

export interface GitOutput {
  /** File names and contents may be any bytes. */
  readonly stdout: Buffer
  readonly code: number
  /** There was more output than `maxBytes`. */
  readonly truncated: boolean
}

/** Configuration of every call. It precedes that of the system, the person and the repository. */
const settings = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.pager=cat",
  "core.quotePath=false",
  "commit.gpgSign=false",
  "tag.gpgSign=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "color.ui=false",
  "submodule.recurse=false",
  "diff.external=",
  "advice.detachedHead=false"
].flatMap((setting) => ["-c", setting])

/** `Environment.select` of the agents' processes has removed every other `GIT_*` variable of the server. */
const environment = {
  GIT_OPTIONAL_LOCKS: "0",
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_EDITOR: "true",
  GIT_PAGER: "cat",
  LC_ALL: "C"
}
const personSettings = ["core.pager=cat", "gc.auto=0", "maintenance.auto=false", "color.ui=false"].flatMap((setting) => [
  "-c",
  setting
])
const personEnvironment = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "",
  SSH_ASKPASS_REQUIRE: "never",
  GIT_EDITOR: "true",
  GIT_SEQUENCE_EDITOR: "true",
  GIT_PAGER: "cat",
  /** Where the person's keys are. */
  ...defined({ GNUPGHOME: process.env["GNUPGHOME"] })
}
/** No protocol is permitted. */
const offline = { GIT_ALLOW_PROTOCOL: "none", SSH_AUTH_SOCK: "" }

/** Time between TERM, on which git removes its lock files, and KILL. */
const graceMillis = 2000
const defaultBytes = 64 * 1024 * 1024

export class Git extends Context.Tag("@millrace/workspace/Git")<
  Git,
  {
    /** Runs `git ARGS`. An interruption ends the process, which first removes its lock files. */
    readonly run: (args: ReadonlyArray<string>, options: GitOptions) => Effect.Effect<GitOutput, GitError>
  }
>() {}

/** Environment of `gh` and `glab`: the directories of their settings, no prompts, no update checks, and no token of the server's environment. */
const programEnvironment = {
  ...personEnvironment,
  ...defined({ GH_CONFIG_DIR: process.env["GH_CONFIG_DIR"], GLAB_CONFIG_DIR: process.env["GLAB_CONFIG_DIR"] }),
  GH_PROMPT_DISABLED: "1",
  GH_NO_UPDATE_NOTIFIER: "1",
  NO_PROMPT: "1",
  GLAB_NO_PROMPT: "1",
  GLAB_CHECK_UPDATE: "false",
  NO_COLOR: "1"
}

const failed = ({ kind, message }: Spawn.SpawnFailure, program: string, command: string): GitMissing | GitFailed =>
  kind === "not-installed"
    ? new GitMissing({
        message:
          program === "git"
            ? "The server found no git. Install git, or set checkpoints to off in the configuration."
            : `The server found no ${program} on its PATH.`
      })
    : new GitFailed({ command, code: null, stderr: "", message: `${program} ${command} could not be started: ${message}` })

const commandOf = (args: ReadonlyArray<string>): string => args.find((arg) => !arg.startsWith("-")) ?? ""

const run = (args: ReadonlyArray<string>, options: GitOptions, scope: Scope.Scope) => {
  const command = commandOf(args)
  const { asPerson = false, codes = [0], cwd, deadline = "30 seconds", env, input = "", maxBytes = defaultBytes } = options
  const { program = "git" } = options
  const own = { ...environment, ...(options.network === true ? {} : offline) }
  return Effect.gen(function* () {
    const child = yield* Effect.mapError(
      Spawn.spawn({
        command: program,
        args: program === "git" ? [...(asPerson ? personSettings : settings), ...args] : args,
        cwd,
        env: { ...(program !== "git" ? programEnvironment : asPerson ? personEnvironment : own), ...env },
        threadId: "git",
        epoch: 0
      }),
      (failure) => failed(failure, program, command)
    )
    const end = Effect.suspend(() =>
      child.hasExited()
        ? Effect.void
        : Effect.zipRight(child.signal("SIGTERM"), Effect.asVoid(Spawn.within(child.exited, graceMillis)))
    )
    yield* Effect.addFinalizer(() => end)
    // In a fiber: git may write before it has read all of its input.
    yield* Effect.forkScoped(Effect.zipRight(child.write(input), child.closeStdin))
    const parts: Array<Buffer> = []
    let bytes = 0
    for (;;) {
      const part = yield* child.read
      if (part === null) break
      parts.push(part)
      bytes += part.length
      if (bytes > maxBytes) break
    }
    const stdout = Buffer.concat(parts).subarray(0, maxBytes)
    if (bytes > maxBytes) return { stdout, code: 0, truncated: true }
    const { code, signal } = yield* child.exited
    if (code !== null && codes.includes(code)) return { stdout, code, truncated: false }
    const stderr = child.stderr().trim()
    const why = stderr === "" ? (signal === null ? `code ${code}` : signal) : cutStart(stderr, 1000)
    return yield* new GitFailed({ command, code, stderr, message: `${program} ${command} failed: ${why}` })
  }).pipe(
    (use) => scopedIn(scope, use),
    Effect.timeoutFail({
      duration: deadline,
      onTimeout: () =>
        new GitTimeout({
          command,
          message: `${program} ${command} did not finish within ${Duration.format(Duration.decode(deadline))}.`
        })
    }),
    Effect.withSpan("Git.run", { attributes: { command } })
  )
}

/**
 * Runs the effect with a separate scope. After a result, a fiber of `scope` closes it: the proof that git left no process behind takes about 25 ms, and
 * no caller needs to wait for it.
 */
const scopedIn = <A, E, R>(scope: Scope.Scope, use: Effect.Effect<A, E, R>) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const gitScope = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      const exit = yield* Effect.exit(restore(Scope.extend(use, gitScope)))
      const close = Scope.close(gitScope, Exit.void)
      yield* Exit.isSuccess(exit) ? Effect.forkIn(close, scope) : close
      return yield* exit
    })
  )

export interface Options {
  /** Maximum processes at a time. Default 16. */
  readonly places?: number
  /** Maximum processes of `long` calls at a time, in addition. Default 4. */
  readonly longPlaces?: number
  /** How long a call waits for a place. Its own deadline begins with its process. Default 30 seconds. */
  readonly wait?: Duration.DurationInput
}

/** Runs the effect when it has a place; fails if it has none within the time. */
const withPlace = (places: Permits, wait: Duration.DurationInput, command: string) => {
  const busy = new GitBusy({
    command,
    message: `git ${command} could not begin within ${Duration.format(Duration.decode(wait))}, because too many processes of git run. Try again later.`
  })
  return <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      let hasBegun = false
      const begun = Effect.suspend(() => {
        hasBegun = true
        return self
      })
      // Interruptible also for a caller that is not, such as a finalizer: the race waits for the end of its loser.
      const waited = Effect.interruptible(Effect.flatMap(Effect.sleep(wait), () => (hasBegun ? Effect.never : busy)))
      return Effect.raceFirst(places(begun), waited)
    })
}

export const make = ({ longPlaces = 4, places = 16, wait = "30 seconds" }: Options = {}) =>
  Effect.gen(function* () {
    const ledger = yield* Ledger.Ledger
    const scope = yield* Effect.scope
    const [short, long] = [makePermits(places), makePermits(longPlaces)]
    return Git.of({
      run: (args, options) => {
        const ran = Effect.provideService(run(args, options, scope), Ledger.Ledger, ledger)
        return withPlace(options.long === true ? long : short, wait, commandOf(args))(ran)
      }
    })
  })

export const layer = Layer.scoped(Git, make())
