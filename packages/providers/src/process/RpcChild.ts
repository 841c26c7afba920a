/**
 * A child process in its own process group that speaks newline-delimited JSON-RPC on its pipes, or another protocol with requests, answers and
 * notifications (`Message.Codec`).
 *
 * One loop reads stdout. It completes the server's requests with their answers, and puts all other messages into a buffer of 1,024 messages or 4 MiB.
 * While the buffer is full the loop does not read: answers then wait too, and the agent blocks on its pipe until the consumer of `incoming` pulls.
 * Writes are independent of this loop: requests, answers and `stop` never wait for the reader.
 */
import { defined } from "@millrace/contracts/Defined"
import { cut } from "@millrace/contracts/Text"
import type { Failure } from "@millrace/contracts/Item"
import { ProviderError } from "@millrace/contracts/ProviderAdapter"
import * as Permits from "@millrace/contracts/Permits"
import { Deferred, Effect, Option, type Scope, type Stream } from "effect"
import * as Environment from "./Environment.ts"
import * as Framer from "./Framer.ts"
import * as Inbox from "./Inbox.ts"
import type { Ledger } from "./Ledger.ts"
import * as Message from "./Message.ts"
import type { RpcId } from "./Message.ts"
import * as Spawn from "./Spawn.ts"

export type { RpcId }

export type Incoming =
  | { readonly _tag: "Notification"; readonly method: string; readonly params: unknown }
  /** Must be answered with `respond` or `respondError`, exactly once (P6). */
  | { readonly _tag: "Request"; readonly id: RpcId; readonly method: string; readonly params: unknown }
  /** A line that is not a message of the protocol, or an answer to an unknown request: a diagnostic that does not end the session (P4). `text` is cut to 4 KiB. */
  | { readonly _tag: "BadLine"; readonly text: string; readonly bytes: number }

/** How the process ended; `stderr` is the end of its standard error, at most 8 KiB, without the secrets that we passed to it. */
export interface ExitEvidence {
  readonly code: number | null
  readonly signal: string | null
  readonly stderr: string
  /** The reason for which the server ended the process. Absent if the process exited by itself. */
  readonly stopReason?: string
  /** Present when the server ended it because it broke the protocol (P3). */
  readonly failure?: Failure
}

export interface RpcChild {
  readonly pid: number
  /** Notifications, requests and bad lines of the child, in order, in chunks. Ends after the exit, when stdout was read to the end (P5). Its pull rate is the back-pressure. Run once. */
  readonly incoming: Stream.Stream<Incoming>
  /** Makes `incoming` emit an empty chunk now, for an adapter that adds events to the stream. */
  readonly wake: Effect.Effect<void>
  /**
   * Fails with `outcome: unknown` when the deadline passes after the request was sent, with `failed` when the child answers with an error or has
   * exited, or when the request was never sent (P6). At most `maxInFlight` requests are in flight; the others wait, within their deadline.
   */
  readonly request: (
    method: string,
    params: unknown,
    options?: { readonly deadlineMillis?: number }
  ) => Effect.Effect<unknown, ProviderError>
  readonly notify: (method: string, params?: unknown) => Effect.Effect<void, ProviderError>
  readonly respond: (id: RpcId, result: unknown) => Effect.Effect<void, ProviderError>
  readonly respondError: (id: RpcId, code: number, message: string) => Effect.Effect<void, ProviderError>
  readonly exit: Effect.Effect<ExitEvidence>
  /**
   * Closes stdin, then sends SIGTERM, then SIGKILL to the whole group, each after its part of `stopMillis`. When the scope closes meanwhile, the
   * rest follows without waiting. Idempotent; continues when its caller is interrupted.
   */
  readonly stop: (reason: string) => Effect.Effect<void>
}

export interface OpenOptions {
  /** Name of the provider in errors. */
  readonly provider: string
  /** A name on the PATH, or an absolute path. */
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Absolute path of an existing directory. */
  readonly cwd: string
  /** In addition to the allow-list of `Environment` (X4). */
  readonly env?: Environment.Environment
  /** Values that no error may contain, in addition to the secrets in `env` (X4). */
  readonly secrets?: ReadonlyArray<string>
  /** Recorded in the ledger, with `epoch`. */
  readonly threadId: string
  readonly epoch: number
  /** Instruction for a person when the command is missing, like "Install it with npm i -g x." */
  readonly install: string
  /** How messages are encoded: a dialect of JSON-RPC, or another protocol with the same four messages. Default `jsonrpc`. */
  readonly dialect?: Message.Dialect | Message.Codec
  /** Deadline of each request and each write; default 30,000. */
  readonly deadlineMillis?: number
  /** Default and maximum 32: with hundreds of requests in flight Codex left some unanswered (measured). */
  readonly maxInFlight?: number
  readonly lineLimitBytes?: number
  /** Grace period after stdin was closed, and after SIGTERM; default 2,000 each. */
  readonly stopMillis?: { readonly stdin: number; readonly term: number }
}

const bounds = { items: 1024, bytes: 4 * 1024 * 1024 }
const blank = /^\s*$/
/** Maximum characters of an unparsed line in an error. */
const unreadChars = 1000
/** Maximum characters of a secret (`SecretValue`). */
const maxSecret = 8192
/** Bounds of the search for a message behind a banner: characters of the line, and positions in it that are tried. */
const glued = { chars: 64 * 1024, places: 100 }

const refusal = (code: number): Failure["kind"] =>
  code === -32001 ? "overloaded" : code <= -32600 && code >= -32700 ? "protocol" : "refused"

/** The exit as text for people: `it exited with code 3`. */
export const describe = (exit: { readonly code: number | null; readonly signal: string | null }): string =>
  exit.signal === null ? `it exited with code ${exit.code ?? "unknown"}` : `it was ended by ${exit.signal}`

/** Starts the child in the scope; closing the scope runs `stop`. When the child exits, its pending requests fail with its stderr as detail. */
export const open = Effect.fn("RpcChild.open")(function* (
  options: OpenOptions
): Effect.fn.Return<RpcChild, ProviderError, Scope.Scope | Ledger> {
  const { provider } = options
  const dialect = options.dialect ?? "jsonrpc"
  const codec = typeof dialect === "string" ? Message.codec(dialect) : dialect
  const deadline = options.deadlineMillis ?? 30_000
  const stopMillis = options.stopMillis ?? { stdin: 2000, term: 2000 }
  const fail = (operation: string, outcome: ProviderError["outcome"], failure: Failure) =>
    new ProviderError({ provider, operation, outcome, failure })

  const scope = yield* Effect.scope
  const child = yield* Spawn.spawn({ ...options, env: options.env ?? {} }).pipe(
    Effect.mapError(({ kind, message }) =>
      fail("open", "failed", {
        kind,
        message: kind === "not-installed" ? `${message}. ${options.install}` : `${provider} could not be started: ${message}.`
      })
    )
  )

  const inbox = Inbox.make<Incoming>(bounds)
  const exit = yield* Deferred.make<ExitEvidence>()
  const stopped = yield* Deferred.make<void>()
  const givenUp = yield* Deferred.make<void>()
  const pending = new Map<RpcId, { readonly method: string; readonly answer: Deferred.Deferred<unknown, ProviderError> }>()
  const framer = Framer.make(options.lineLimitBytes)
  let stopping = false
  let stopReason: string | undefined
  let failure: Failure | undefined
  let requests = 0
  /** A message was parsed: later lines have no banner. */
  let hasMessage = false
  /** The last unparsed line. */
  let unread = ""

  const hide = Environment.redactor(options.env ?? {}, options.secrets)
  /** The beginning of a text without secrets, also without the beginning of one that the cut would divide. */
  const beginning = (text: string, characters: number) => cut(hide(cut(text, characters + maxSecret)), characters)
  const evidence = (at: Spawn.Exit): ExitEvidence => ({
    ...at,
    stderr: hide(child.stderr()),
    ...defined({ stopReason, failure })
  })
  const goneError = (operation: string, at: ExitEvidence) =>
    fail(operation, "failed", {
      kind: at.stderr.includes("exec: ") && (at.code === 127 || at.code === 126) ? "not-installed" : "process",
      message: `${provider} is not running: ${describe(at)}${at.stopReason === undefined ? "" : ` (${at.stopReason})`}`,
      ...detail(at.stderr)
    })
  /** Evidence for a failure: the end of standard error, and the last unparsed line (P4). */
  const detail = (stderr: string): { readonly detail?: string } => {
    const wrote = unread === "" ? "" : `${provider} wrote a line that is not a message: ${unread}`
    const all = [stderr, wrote].filter((part) => part !== "").join("\n")
    return all === "" ? {} : { detail: all }
  }

  const badLine = (text: string, bytes: number) => {
    unread = beginning(text, unreadChars)
    inbox.offer({ _tag: "BadLine", text: beginning(text, 4096), bytes }, Math.min(bytes, 4096))
  }
  /**
   * Finds the first message when a banner without a newline precedes it. Ignores requests and answers to unknown requests: they may be part of the
   * agent's report about its input.
   */
  const behindBanner = (text: string): { readonly banner: string; readonly message: Message.Message } | undefined => {
    if (hasMessage || text.length > glued.chars) return undefined
    let at = text.indexOf("{")
    for (let tried = 0; at !== -1 && tried < glued.places; tried++) {
      const message = codec.parse(text.slice(at))
      if (message?._tag === "Notification" || (message !== undefined && message._tag !== "Request" && pending.has(message.id)))
        return { banner: text.slice(0, at), message }
      at = text.indexOf("{", at + 1)
    }
    return undefined
  }

  const accept = (line: Buffer) => {
    const text = line.toString("utf8")
    if (blank.test(text)) return
    let message = codec.parse(text)
    if (message === undefined) {
      const found = behindBanner(text)
      message = found?.message
      if (found !== undefined && !blank.test(found.banner)) badLine(found.banner, Buffer.byteLength(found.banner))
    }
    if (message !== undefined && (message._tag === "Notification" || message._tag === "Request")) {
      hasMessage = true
      inbox.offer(message, line.length)
      return
    }
    const asked = message === undefined ? undefined : pending.get(message.id)
    if (message === undefined || asked === undefined) return badLine(text, line.length)
    hasMessage = true
    pending.delete(message.id)
    Deferred.unsafeDone(
      asked.answer,
      message._tag === "Result"
        ? Effect.succeed(message.result)
        : Effect.fail(
            fail(asked.method, "failed", {
              kind: refusal(message.code),
              message: hide(message.message),
              detail: `code ${message.code}${message.data === undefined ? "" : ` ${beginning(JSON.stringify(message.data), 4096)}`}`
            })
          )
    )
  }

  /** Stops once; all callers wait for the same end. */
  const stop = (reason: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (stopping) return Deferred.await(stopped)
      stopping = true
      // A child that had exited by itself has no stop reason, also when `stop` is called afterwards.
      if (!child.hasExited()) stopReason = reason
      const exitedOrAbandoned = Effect.raceFirst(child.exited, Deferred.await(givenUp))
      const done = (millis: number) => Effect.map(Spawn.within(exitedOrAbandoned, millis), () => child.hasExited())
      return Effect.gen(function* () {
        yield* child.closeStdin
        if (!(yield* done(stopMillis.stdin))) {
          yield* child.signal("SIGTERM")
          if (!(yield* done(stopMillis.term))) yield* child.signal("SIGKILL")
        }
        yield* child.gone
      }).pipe(Effect.ensuring(Deferred.succeed(stopped, undefined)), Effect.forkDaemon, Effect.zipRight(Deferred.await(stopped)))
    })

  const finish = (at: Spawn.Exit) =>
    Effect.suspend(() => {
      const seen = evidence(at)
      for (const [id, asked] of pending) {
        pending.delete(id)
        Deferred.unsafeDone(asked.answer, Effect.fail(goneError(asked.method, seen)))
      }
      inbox.end()
      return Deferred.succeed(exit, seen)
    })

  const read = Effect.gen(function* () {
    for (;;) {
      yield* inbox.room
      const chunk = yield* child.read
      if (chunk === null) break
      const { lines, overflow } = framer.push(chunk)
      for (const line of lines) accept(line)
      if (overflow === undefined) continue
      const limit = options.lineLimitBytes ?? Framer.defaultLimitBytes
      failure = { kind: "protocol", message: `${provider} wrote a line longer than ${limit} bytes; the session was ended.` }
      inbox.offer({ _tag: "BadLine", text: hide(overflow.head.toString("utf8")), bytes: overflow.bytes }, overflow.head.length)
      yield* Effect.forkDaemon(stop(failure.message))
    }
    const rest = framer.end()
    if (rest !== undefined) accept(rest)
    // A child without output is useless: it gets the grace period of a stop to exit.
    if (Option.isNone(yield* Spawn.within(child.exited, stopMillis.stdin))) {
      const message = `${provider} closed its output but kept running; the session was ended.`
      if (!stopping) failure = { kind: "process", message }
      yield* stop(message)
    }
    yield* Effect.flatMap(child.gone, finish)
  })
  yield* Effect.forkIn(read, scope)
  // Runs before the loop and the child are released. A consumer that still pulls gets the remaining output; pending requests are answered.
  yield* Effect.addFinalizer(() =>
    // The scope closes while a stop is in progress: no time is left, so a child that still runs is killed now (S8).
    Effect.suspend(() => (stopping ? Deferred.succeed(givenUp, undefined) : Effect.void)).pipe(
      Effect.zipRight(stop("the session's scope was closed")),
      Effect.zipRight(Spawn.within(Deferred.await(exit), 1000)),
      Effect.zipRight(child.gone),
      Effect.flatMap(finish)
    )
  )

  const closed = (operation: string): Effect.Effect<never, ProviderError> =>
    Effect.flatMap(child.exited, (at) => Effect.fail(goneError(operation, evidence(at))))

  const send = (operation: string, message: Message.Outgoing): Effect.Effect<void, ProviderError> =>
    Effect.flatMap(child.write(`${codec.encode(message)}\n`), (took) => (took ? Effect.void : closed(operation)))

  const bounded = <A>(
    operation: string,
    millis: number,
    sent: () => boolean,
    effect: Effect.Effect<A, ProviderError>
  ): Effect.Effect<A, ProviderError> =>
    effect.pipe(
      Effect.interruptible,
      Effect.timeoutFail({
        duration: millis,
        onTimeout: () =>
          fail(operation, sent() ? "unknown" : "failed", {
            kind: "transport",
            message: sent()
              ? `${provider} did not answer ${operation} within ${millis} ms; it may have taken effect`
              : `${operation} could not be sent to ${provider} within ${millis} ms; it had no effect`,
            ...detail(hide(child.stderr()))
          })
      })
    )

  const inFlight = Permits.make(Math.min(options.maxInFlight ?? 32, 32))
  const say = (operation: string, message: Message.Outgoing) => bounded(operation, deadline, () => true, send(operation, message))

  return {
    pid: child.pid,
    incoming: inbox.stream,
    wake: Effect.sync(inbox.wake),
    request: (method, params, overrides) =>
      Effect.suspend(() => {
        let sent = false
        const id = ++requests
        return bounded(
          method,
          overrides?.deadlineMillis ?? deadline,
          () => sent,
          inFlight(
            Effect.flatMap(Deferred.make<unknown, ProviderError>(), (answer) =>
              Effect.suspend(() => {
                pending.set(id, { method, answer })
                sent = true
                return Effect.zipRight(send(method, { id, method, params }), Deferred.await(answer))
              }).pipe(Effect.ensuring(Effect.sync(() => pending.delete(id))))
            )
          )
        )
      }),
    notify: (method, params) => say(method, { method, params }),
    respond: (id, result) => say("respond", { id, result: result === undefined ? null : result }),
    respondError: (id, code, message) => say("respond", { id, error: { code, message } }),
    exit: Deferred.await(exit),
    stop
  }
})
