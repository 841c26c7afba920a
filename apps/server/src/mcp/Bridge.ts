/**
 * MCP over standard input and output, for a client that starts a program: each line is a message, which goes to `/mcp` of a running server; answers and
 * notifications come back as lines. After a restart of the server the bridge finds it again and begins a new session with the client's `initialize`.
 */
import { Data, Deferred, Duration, Effect, Option, Ref, Schedule, Stream } from "effect"
import { codeOf, messageOf } from "../NodeError.ts"

export interface Address {
  readonly url: string
  readonly token?: string
}

/** The server cannot be reached, or it refused the message. `sent`: it may have received it. */
class Refused extends Data.TaggedError("Refused")<{
  readonly message: string
  readonly sent: boolean
  readonly noSession?: true
  /** No connection was made, so the server has not received the message. */
  readonly noServer?: true
}> {}

/** Whether Node's `fetch` failed before it had a connection. */
const isUnsent = (cause: unknown): boolean =>
  cause instanceof Error && ["ECONNREFUSED", "ENOTFOUND"].includes(codeOf(cause.cause) ?? "")

interface Message {
  readonly id?: unknown
  readonly method?: unknown
}

/** Most messages in flight. Further lines are not read. */
const maxInFlight = 32
/** How often an unreachable server is tried, for about 10 seconds. */
const tries = Schedule.intersect(Schedule.exponential("250 millis"), Schedule.recurs(5))
const initializedMessage = { jsonrpc: "2.0", method: "notifications/initialized" }

const parsed = (text: string): Message | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const text = (chunks: Stream.Stream<Uint8Array, Refused>) => Stream.splitLines(Stream.decodeText(chunks))

/** Runs until `lines` ends. `locate` finds the server, `write` writes a line. */
export const run = <E>(options: {
  readonly lines: Stream.Stream<string, E>
  readonly write: (line: string) => Effect.Effect<void, E>
  readonly locate: Effect.Effect<Address, { readonly message: string }>
}): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    const { lines, locate, write } = options
    const session = yield* Ref.make<{ readonly address: Address; readonly id: string } | undefined>(undefined)
    const renewing = yield* Effect.makeSemaphore(1)
    const inFlight = yield* Effect.makeSemaphore(maxInFlight)
    const begun = yield* Deferred.make<void>()
    let initialize: Message | undefined

    const request = (method: string, { token, url }: Address, id: string | undefined, body?: Message) =>
      Effect.tryPromise({
        try: (signal) =>
          fetch(new URL("/mcp", url), {
            method,
            signal,
            headers: {
              accept: method === "GET" ? "text/event-stream" : "application/json, text/event-stream",
              "content-type": "application/json",
              ...(token !== undefined && { authorization: `Bearer ${token}` }),
              ...(id !== undefined && { "mcp-session-id": id })
            },
            ...(body !== undefined && { body: JSON.stringify(body) })
          }),
        catch: (cause) => {
          const message = `No server answers at ${url}: ${messageOf(cause)}. Start it with: millrace serve.`
          return new Refused(isUnsent(cause) ? { message, sent: false, noServer: true } : { message, sent: true })
        }
      }).pipe(
        Effect.filterOrElse(
          ({ ok }) => ok,
          (response) =>
            Effect.flatMap(
              Effect.promise(() => response.text().catch(() => "")),
              (answer) => {
                const { error, message } = (parsed(answer) ?? {}) as { error?: { message?: string }; message?: string }
                const why = error?.message ?? message ?? `The server answered ${response.status}.`
                return new Refused({ message: why, sent: false, ...(response.status === 404 && { noSession: true }) })
              }
            )
        )
      )
    const linesOf = ({ body }: Response) =>
      body === null
        ? Stream.empty
        : text(
            Stream.fromReadableStream({
              evaluate: () => body,
              onError: (cause) => new Refused({ message: `The connection was lost: ${messageOf(cause)}.`, sent: true })
            })
          ).pipe(Stream.filterMap((line) => (line.startsWith("data: ") ? Option.some(line.slice(6)) : Option.none())))

    /** Begins a session at the server. Its answer to `initialize` is returned. */
    const begin = Effect.fnUntraced(function* (message: Message) {
      const address = yield* Effect.mapError(locate, ({ message }) => new Refused({ message, sent: false }))
      const response = yield* request("POST", address, undefined, message)
      const answer = yield* Stream.runLast(linesOf(response))
      const id = response.headers.get("mcp-session-id")
      if (id !== null) yield* Ref.set(session, { address, id })
      yield* Deferred.succeed(begun, undefined)
      return Option.getOrElse(answer, () => "")
    })
    /** Replaces the session that was lost, unless another message has done so. */
    const renew = (lost: string | undefined) =>
      renewing.withPermits(1)(
        Effect.gen(function* () {
          const current = yield* Ref.get(session)
          if (initialize === undefined || current?.id !== lost) return
          yield* Effect.retry(begin({ ...initialize, id: "millrace-renew" }), tries)
          const now = yield* Ref.get(session)
          if (now !== undefined) yield* request("POST", now.address, now.id, initializedMessage as Message)
        })
      )
    const post = (message: Message) =>
      Effect.gen(function* () {
        const current = yield* Ref.get(session)
        if (current === undefined) return yield* new Refused({ message: "There is no session.", sent: false, noSession: true })
        return yield* request("POST", current.address, current.id, message)
      })
    const posted = (message: Message) =>
      Effect.flatMap(Ref.get(session), (before) =>
        Effect.catchAll(post(message), (error) =>
          error.noSession === true || error.noServer === true
            ? Effect.zipRight(renew(before?.id), post(message))
            : Effect.fail(error)
        )
      )
    const answered = (message: Message, error: Refused) =>
      message.id === undefined
        ? Effect.void
        : write(
            JSON.stringify({
              jsonrpc: "2.0",
              id: message.id,
              error: {
                code: -32000,
                message: error.sent
                  ? `${error.message} The call may have had an effect: read the thread, or send it again with the same commandId.`
                  : error.message
              }
            })
          )
    const isAnswer = (message: Message, line: string) => {
      const answer = parsed(line)
      return answer !== undefined && answer.method === undefined && answer.id === message.id
    }
    /** Sends a message and writes what comes back. Every request gets an answer. */
    const send = (message: Message): Effect.Effect<void, E> =>
      Effect.gen(function* () {
        let isOpen = message.id !== undefined
        const relay = (line: string) => {
          if (isAnswer(message, line)) isOpen = false
          return write(line)
        }
        const first = message.method === "initialize"
        if (first) initialize = message
        yield* (
          first
            ? Effect.flatMap(begin(message), relay)
            : Effect.flatMap(posted(message), (response) => Stream.runForEach(linesOf(response), relay))
        ).pipe(
          Effect.catchIf(
            (error): error is Refused => error instanceof Refused,
            (error) => {
              const isUnanswered = isOpen
              isOpen = false
              return isUnanswered ? answered(message, error) : Effect.void
            }
          )
        )
        if (isOpen && !first)
          yield* answered(message, new Refused({ message: "The connection ended before the answer came.", sent: true }))
      })
    const notifications = Effect.zipRight(
      Deferred.await(begun),
      Effect.flatMap(Ref.get(session), (current) =>
        current === undefined
          ? Effect.void
          : Effect.flatMap(request("GET", current.address, current.id), (response) => Stream.runForEach(linesOf(response), write))
      ).pipe(
        Effect.catchIf(
          (error): error is Refused => error instanceof Refused,
          () => Effect.void
        ),
        Effect.zipRight(Effect.sleep(Duration.seconds(1))),
        Effect.forever
      )
    )
    const end = Effect.flatMap(Ref.get(session), (current) =>
      current === undefined
        ? Effect.void
        : request("DELETE", current.address, current.id).pipe(Effect.timeout("1 second"), Effect.ignore)
    )

    const input = Stream.runForEach(lines, (line) => {
      const message = parsed(line)
      if (message === undefined) return Effect.void
      // Only calls run at the same time: the messages before them have arrived.
      if (message.id === undefined || message.method === "initialize") return send(message)
      return Effect.zipRight(inFlight.take(1), Effect.forkScoped(Effect.ensuring(send(message), inFlight.release(1))))
    })
    // After the last line, the calls in flight are answered.
    const work = Effect.zipRight(input, inFlight.take(maxInFlight))
    yield* Effect.scoped(Effect.zipRight(Effect.forkScoped(notifications), work))
    yield* end
  })
