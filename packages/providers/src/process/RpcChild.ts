/**
 * A child process that speaks newline-delimited JSON-RPC on its pipes, or requests, answers and notifications in other words (`Message.Codec`),
 * in its own process group.
 *
 * One loop reads stdout. It answers our requests itself and puts everything else into a buffer of 1,024 messages or 4 MiB; it reads on only
 * while there is room. So an answer never waits for the consumer of `incoming` as long as that buffer has room, and a consumer that stops
 * pulling stops the agent through its pipe (bounded by the buffer, one pipe read, and one line). The other direction has a lane of its own:
 * requests, answers and `stop` never wait for the reader.
 */
import { cut } from "@millrace/contracts/Text"
import type { Failure } from "@millrace/contracts/Item"
import { ProviderError } from "@millrace/contracts/ProviderAdapter"
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
  /** A line that is not a JSON-RPC message, or an answer to nothing: a diagnostic, not a death (P4). `text` is cut to 4 KiB. */
  | { readonly _tag: "BadLine"; readonly text: string; readonly bytes: number }

/** How the process ended; `stderr` is its last lines, at most 8 KiB, without the secrets that we gave it. */
export interface ExitEvidence {
  readonly code: number | null
  readonly signal: string | null
  readonly stderr: string
  /** Why we ended it, when we did. */
  readonly stopReason?: string
  /** Present when we ended it because of what it did (P3). */
  readonly failure?: Failure
}

export interface RpcChild {
  readonly pid: number
  /** Everything the child says, in order, in chunks; ends after the exit, when stdout was read to the end (P5). Pulling is the back-pressure. Run once. */
  readonly incoming: Stream.Stream<Incoming>
  /** Makes `incoming` emit an empty chunk now: for an adapter that has something of its own to add to the stream. */
  readonly wake: Effect.Effect<void>
  /**
   * Fails with `outcome: unknown` when the deadline passes after it was sent, `failed` when the child answers an error or is gone, or when it
   * was never sent (P6). At most `maxInFlight` are under way; others wait, within their deadline.
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
   * stdin closed → SIGTERM → SIGKILL, each to the whole group, each within its part of the budget; at once when the scope closes meanwhile.
   * Idempotent; goes on when its caller is interrupted.
   */
  readonly stop: (reason: string) => Effect.Effect<void>
}

export interface OpenOptions {
  /** For errors. */
  readonly provider: string
  /** A name on the PATH, or an absolute path. */
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Absolute path of an existing directory. */
  readonly cwd: string
  /** Beside the allow-list of `Environment` (X4). */
  readonly env?: Environment.Environment
  /** For the ledger. */
  readonly threadId: string
  readonly epoch: number
  /** What a person does when the command is missing, like "Install it with npm i -g x." */
  readonly install: string
  /** How messages are written: a dialect of JSON-RPC, or another protocol of the same four messages. Default `jsonrpc`. */
  readonly dialect?: Message.Dialect | Message.Codec
  /** Of each request and each write; default 30,000. */
  readonly deadlineMillis?: number
  /** Default and maximum 32: of hundreds at once Codex was seen to leave some unanswered (measured). */
  readonly maxInFlight?: number
  readonly lineLimitBytes?: number
  /** After stdin was closed, and after SIGTERM; default 2,000 each. */
  readonly stopMillis?: { readonly stdin: number; readonly term: number }
}

const bounds = { items: 1024, bytes: 4 * 1024 * 1024 }
const blank = /^\s*$/
/** Of lines that were not understood, in an error. */
const unreadChars = 1000
/** A first line that is searched for a message behind a banner, and the places in it that are tried. */
const glued = { chars: 64 * 1024, places: 100 }

const refusal = (code: number): Failure["kind"] =>
  code === -32001 ? "overloaded" : code <= -32600 && code >= -32700 ? "protocol" : "refused"

/** In words, for people: `it exited with code 3`. */
export const describe = (exit: { readonly code: number | null; readonly signal: string | null }): string =>
  exit.signal === null ? `it exited with code ${exit.code ?? "unknown"}` : `it was ended by ${exit.signal}`

/** Starts the child. It lives in the scope; closing that is `stop`. A child that exits before its first answer fails that request, with what it wrote to stderr. */
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
  /** A message was understood: banners are over. */
  let heard = false
  /** The last line that was not understood. */
  let unread = ""

  const hide = Environment.hiding(options.env ?? {})
  const evidence = (at: Spawn.Exit): ExitEvidence => ({
    ...at,
    stderr: hide(child.stderr()),
    ...(stopReason === undefined ? {} : { stopReason }),
    ...(failure === undefined ? {} : { failure })
  })
  const goneError = (operation: string, at: ExitEvidence) =>
    fail(operation, "failed", {
      kind: at.stderr.includes("exec: ") && (at.code === 127 || at.code === 126) ? "not-installed" : "process",
      message: `${provider} is not running: ${describe(at)}${at.stopReason === undefined ? "" : ` (${at.stopReason})`}`,
      ...detail(at.stderr)
    })
  /** Evidence for a failure: what was written to standard error, and the line that was not understood (P4). */
  const detail = (stderr: string): { readonly detail?: string } => {
    const wrote = unread === "" ? "" : `${provider} wrote a line that is no message: ${hide(unread)}`
    const all = [stderr, wrote].filter((part) => part !== "").join("\n")
    return all === "" ? {} : { detail: all }
  }

  const badLine = (text: string, bytes: number) => {
    unread = cut(text, unreadChars)
    inbox.offer({ _tag: "BadLine", text: cut(text, 4096), bytes }, Math.min(bytes, 4096))
  }
  /**
   * A banner without a newline stands before the first message: that message is understood. Not a request, and no answer to nothing: those may
   * be what the agent says about what it read.
   */
  const behindBanner = (text: string): { readonly banner: string; readonly message: Message.Message } | undefined => {
    if (heard || text.length > glued.chars) return undefined
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
      heard = true
      inbox.offer(message, line.length)
      return
    }
    const asked = message === undefined ? undefined : pending.get(message.id)
    if (message === undefined || asked === undefined) return badLine(text, line.length)
    heard = true
    pending.delete(message.id)
    Deferred.unsafeDone(
      asked.answer,
      message._tag === "Result"
        ? Effect.succeed(message.result)
        : Effect.fail(
            fail(asked.method, "failed", {
              kind: refusal(message.code),
              message: message.message,
              detail: `code ${message.code}${message.data === undefined ? "" : ` ${cut(JSON.stringify(message.data), 4096)}`}`
            })
          )
    )
  }

  /** Stops once; everybody waits for the same end. */
  const stop = (reason: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (stopping) return Deferred.await(stopped)
      stopping = true
      // One that had died by itself was not stopped by us, whoever asks for it afterwards.
      if (!child.hasExited()) stopReason = reason
      const over = Effect.raceFirst(child.exited, Deferred.await(givenUp))
      const done = (millis: number) => Effect.map(Spawn.within(over, millis), () => child.hasExited())
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
      inbox.offer({ _tag: "BadLine", text: overflow.head.toString("utf8"), bytes: overflow.bytes }, overflow.head.length)
      yield* Effect.forkDaemon(stop(failure.message))
    }
    const rest = framer.end()
    if (rest !== undefined) accept(rest)
    // Without its output it is of no use to us: it has as long to go as a stop gives it.
    if (Option.isNone(yield* Spawn.within(child.exited, stopMillis.stdin))) {
      const message = `${provider} closed its output and went on running; the session was ended.`
      if (!stopping) failure = { kind: "process", message }
      yield* stop(message)
    }
    yield* Effect.flatMap(child.gone, finish)
  })
  yield* Effect.forkIn(read, scope)
  // Runs before the loop and the child are released. A consumer that is still there gets what was written; whoever waits gets an answer.
  yield* Effect.addFinalizer(() =>
    // Whoever closes the scope while a stop is under way has no time left: what ignores it is killed now (S8).
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
              ? `${provider} did not answer ${operation} within ${millis} ms; it may have happened`
              : `${operation} could not be sent to ${provider} within ${millis} ms; nothing happened`,
            ...detail(hide(child.stderr()))
          })
      })
    )

  const inFlight = Effect.unsafeMakeSemaphore(Math.min(options.maxInFlight ?? 32, 32))
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
          inFlight.withPermits(1)(
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
