/** `millrace run PROMPT`: one turn, followed to its end. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Config, Deferred, Effect, Fiber, FiberMap, Match, Option, Queue, Schema, Stream } from "effect"
import { statSync } from "node:fs"
import { resolve } from "node:path"
import { text as readAll } from "node:stream/consumers"
import * as Client from "@millrace/client/Client"
import { PromptText } from "@millrace/contracts/Command"
import type { LogEvent } from "@millrace/contracts/Event"
import { type RequestId, ThreadId, threadStream, type TurnId } from "@millrace/contracts/Ids"
import type { TurnView } from "@millrace/contracts/State"
import * as Approve from "./Approve.ts"
import * as Connect from "./Connect.ts"
import { type CliFailure, failed, fromError, interrupted, type OutputClosed, usage } from "./Failure.ts"
import * as Flags from "./Flags.ts"
import { Output } from "./Output.ts"
import * as Signals from "./Signals.ts"
import * as Transcript from "./Transcript.ts"

export interface Request {
  readonly dataDir: string
  readonly url: string | undefined
  readonly prompt: string
  readonly provider: string | undefined
  readonly model: string | undefined
  readonly thread: string | undefined
  readonly cwd: string | undefined
  readonly approve: Approve.Policy
  readonly json: boolean
}

interface Begun {
  readonly threadId: ThreadId
  readonly turnId: TurnId
  readonly cursor: string
  readonly provider: string
}

/** Stands for `-`, which the parser of the command line takes for a flag. No argument of a process can hold this character. */
export const fromStdin = "\u0000"

const isThread = Schema.is(ThreadId)
const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The request as a command, or what is wrong with it (exit 2) before anything is started. */
const checked = (request: Request) =>
  Effect.gen(function* () {
    const text = request.prompt === fromStdin ? yield* Effect.promise(() => readAll(process.stdin)) : request.prompt
    const prompt = yield* Effect.mapError(Schema.decode(PromptText)(text), (error) =>
      usage(`PROMPT: ${error.message.split("\n").at(-1)?.trim()}`)
    )
    const { thread } = request
    if (thread !== undefined) {
      if (!isThread(thread))
        return yield* usage(
          `--thread: expected a thread id, like thr_01HXYZ, got ${JSON.stringify(thread)}. See: millrace threads`
        )
      for (const flag of ["provider", "model", "cwd"] as const)
        if (request[flag] !== undefined) return yield* usage(`--${flag} belongs to a new thread; leave it out with --thread`)
      return { prompt, thread, cwd: undefined }
    }
    const cwd = resolve(request.cwd ?? ".")
    if (!isDirectory(cwd)) return yield* usage(`--cwd: ${cwd} is not a directory`)
    return { prompt, thread: undefined, cwd }
  })

const begin = (connected: Connect.Connected, request: Request, from: Effect.Effect.Success<ReturnType<typeof checked>>) =>
  Effect.gen(function* () {
    const { millrace } = connected
    if (from.thread !== undefined) {
      const threadId = from.thread
      const { provider } = yield* Effect.mapError(millrace.thread(threadId), (error) =>
        failed(error._tag === "NotFound" ? `There is no thread ${threadId}. See: millrace threads` : error.message)
      )
      const command = yield* Client.command("turn.start", { threadId, text: from.prompt })
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
      turn: { text: from.prompt },
      ...(request.model === undefined ? {} : { model: request.model })
    })
    const accepted = yield* Effect.mapError(millrace.dispatch(command), (error) =>
      error._tag === "CommandRejected" && error.rule === "ProviderUnknown"
        ? failed(`${error.message} See: millrace providers`)
        : fromError(error)
    )
    return { accepted, provider }
  }).pipe(
    Effect.flatMap(({ accepted, provider }): Effect.Effect<Begun, CliFailure> => {
      const { cursor, threadId, turnId } = accepted
      return threadId === undefined && from.thread === undefined
        ? Effect.fail(failed("The server's answer names no thread; server and command line are of different versions"))
        : turnId === undefined
          ? Effect.fail(failed("The server's answer names no turn; server and command line are of different versions"))
          : Effect.succeed({ threadId: threadId ?? (from.thread as ThreadId), turnId, cursor, provider })
    })
  )

/** How the turn ended, as an exit. */
const outcome = (end: {
  readonly status: "completed" | "interrupted" | "failed"
  readonly message: string | undefined
}): Effect.Effect<void, CliFailure> =>
  Match.value(end.status).pipe(
    Match.when("completed", () => Effect.void),
    Match.when("interrupted", () =>
      Effect.fail(interrupted(`The turn was interrupted${end.message === undefined ? "" : `: ${end.message}`}`))
    ),
    Match.when("failed", () => Effect.fail(failed(end.message ?? "The turn failed"))),
    Match.exhaustive
  )

const failure = (error: TurnView["error"]) =>
  error === undefined ? undefined : `${error.message}${error.detail === undefined ? "" : `\n${error.detail}`}`

/** The end of this very turn, if this event is it. */
const endOf = (event: LogEvent): Effect.Effect<void, CliFailure> | undefined => {
  const completed = Transcript.dataOf(event, "turn.completed")
  if (completed !== undefined) return outcome({ status: "completed", message: undefined })
  const stopped = Transcript.dataOf(event, "turn.interrupted")
  if (stopped !== undefined) return outcome({ status: "interrupted", message: stopped.reason })
  const broken = Transcript.dataOf(event, "turn.failed")
  return broken === undefined ? undefined : outcome({ status: "failed", message: failure(broken.error) })
}

const turnOf = (event: LogEvent): string | undefined => {
  const { data } = event
  return data !== null && typeof data === "object" && "turnId" in data && typeof data.turnId === "string"
    ? data.turnId
    : undefined
}

/** Compares with state (D13): the end may have been compacted away while we were cut off. */
const reconciled = (connected: Connect.Connected, { threadId, turnId }: Begun) =>
  Effect.map(Effect.option(connected.millrace.turns(threadId, { limit: 50 })), (page) => {
    const turn = Option.getOrUndefined(page)?.items.find((one) => one.turnId === turnId)
    return turn?.status === "completed" || turn?.status === "interrupted" || turn?.status === "failed"
      ? outcome({ status: turn.status, message: failure(turn.error) ?? turn.reason })
      : undefined
  })

const followed = (
  connected: Connect.Connected,
  request: Request,
  begun: Begun
): Effect.Effect<void, CliFailure | OutputClosed, Output> =>
  Effect.gen(function* () {
    const output = yield* Output
    const transcript = yield* Transcript.make({ json: request.json, provider: begun.provider })
    const ended = yield* Deferred.make<void, CliFailure | OutputClosed>()
    const asked = yield* FiberMap.make<RequestId>()
    // One question at a time on the terminal.
    const terminal = yield* Effect.makeSemaphore(1)
    let attaches = 0

    const onEvent = (event: LogEvent) =>
      Effect.gen(function* () {
        const turn = turnOf(event)
        if (turn !== undefined && turn !== begun.turnId) {
          if (event.type === "turn.started") yield* output.progress("queued behind another turn")
          return
        }
        yield* transcript.show(event)
        const opened = Transcript.dataOf(event, "request.opened")
        if (opened !== undefined)
          yield* Approve.settle(connected, request.approve, opened.requestId, opened).pipe(
            terminal.withPermits(1),
            Effect.catchAll((error) => Deferred.fail(ended, error)),
            (settling) => FiberMap.run(asked, opened.requestId, settling)
          )
        const settled =
          Transcript.dataOf(event, "request.answered") ??
          Transcript.dataOf(event, "request.expired") ??
          Transcript.dataOf(event, "request.cancelled")
        if (settled !== undefined) yield* FiberMap.remove(asked, settled.requestId)
        const end = turn === begun.turnId ? endOf(event) : undefined
        if (end !== undefined) yield* Deferred.complete(ended, end)
      })

    const follow = connected.millrace.follow({ stream: threadStream(begun.threadId), after: begun.cursor }).pipe(
      Stream.runForEach((frame) =>
        Effect.gen(function* () {
          if (frame._tag === "event") return yield* onEvent(frame.event)
          if (frame._tag === "end") return yield* Deferred.fail(ended, failed("The thread was deleted while the turn ran"))
          if (frame._tag !== "caught-up" || ++attaches === 1) return
          const end = yield* reconciled(connected, begun)
          if (end !== undefined) yield* Deferred.complete(ended, end)
        })
      ),
      Effect.catchAll((error) =>
        Effect.gen(function* () {
          const end = error._tag === "OutputClosed" ? undefined : yield* reconciled(connected, begun)
          yield* Deferred.complete(ended, end ?? Effect.fail(error._tag === "OutputClosed" ? error : fromError(error)))
        })
      )
    )

    const signals = yield* Signals.listen(3)
    const stopping = Effect.gen(function* () {
      yield* Queue.take(signals)
      yield* output.note("Interrupting the turn; once more leaves.")
      yield* output.progress("interrupting")
      const command = yield* Client.command("turn.interrupt", { threadId: begun.threadId, turnId: begun.turnId })
      yield* connected.millrace.dispatch(command).pipe(
        Effect.catchAll((error) => output.note(`Could not interrupt: ${error.message}`)),
        Effect.fork
      )
      yield* Queue.take(signals)
      const goesOn = connected.via === "server" ? ` The turn may go on: millrace tail --thread ${begun.threadId}` : ""
      yield* Deferred.fail(ended, interrupted(`Left.${goesOn}`))
    })

    yield* output.progress(`starting ${begun.provider}`)
    const fibers = [yield* Effect.fork(follow), yield* Effect.fork(stopping)]
    yield* Deferred.await(ended).pipe(Effect.ensuring(Fiber.interruptAll(fibers)), Effect.ensuring(output.progress(undefined)))
    yield* transcript.end
  }).pipe(Effect.scoped)

export const run = Effect.fn("cli.run")(function* (request: Request) {
  const output = yield* Output
  const from = yield* checked(request)
  yield* output.progress("connecting")
  const connected = yield* Connect.any({ dataDir: request.dataDir, url: request.url })
  const begun = yield* begin(connected, request, from)
  yield* output.progress(undefined)
  const where = connected.via === "server" ? "" : " · no server is running, so it ends with this command"
  yield* output.note(output.style.dim(`${begun.provider} · ${begun.threadId}${where}`))
  yield* followed(connected, request, begun)
})

export const command = Command.make(
  "run",
  {
    prompt: Args.text({ name: "PROMPT" }).pipe(Args.withDescription("What to ask; - reads it from standard input.")),
    provider: Options.text("provider").pipe(
      Options.withPseudoName("NAME"),
      Options.withDescription("The agent of a new thread (MILLRACE_PROVIDER; default demo, which needs no account)."),
      Options.optional
    ),
    model: Options.text("model").pipe(
      Options.withPseudoName("NAME"),
      Options.withDescription("The agent's model. Default: the agent's own."),
      Options.optional
    ),
    thread: Options.text("thread").pipe(
      Options.withPseudoName("ID"),
      Options.withDescription("Continue this thread instead of beginning one."),
      Options.optional
    ),
    cwd: Options.text("cwd").pipe(
      Options.withPseudoName("DIR"),
      Options.withDescription("Where the agent works. Default: here."),
      Options.optional
    ),
    approve: Flags.choice("approve", ["never", "always", "ask"], "ask").pipe(
      Options.withDescription(
        "What to do when the agent asks for approval: never, always, or ask (default; without a terminal that is exit 4)."
      )
    ),
    json: Options.boolean("json").pipe(
      Options.withDescription("The turn's events, one JSON document per line, on standard output.")
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
        thread: Flags.orUndefined(options.thread),
        cwd: Flags.orUndefined(options.cwd),
        approve: options.approve,
        json: options.json
      })
    )
).pipe(
  Command.withDescription(
    "Run one turn and stream the answer. Exit: 0 completed, 1 failed, 2 usage, 3 interrupted, 4 needs a person."
  )
)
