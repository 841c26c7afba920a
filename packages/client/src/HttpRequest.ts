/** Sends one HTTP request with the token and a deadline, and decodes its errors. `HttpTransport` and `HttpTransfer` send every request with it. */
import { Duration, Effect, Option, Schema, type Scope } from "effect"
import * as Errors from "@millrace/contracts/Errors"
import * as Deadlines from "./Deadlines.ts"
import {
  checkUrl,
  disconnected,
  Disconnected,
  ProtocolError,
  refused,
  type TransportError,
  unanswered
} from "./TransportError.ts"

export interface Options {
  /** The server's URL, for example `http://127.0.0.1:7717`. */
  readonly url: string
  /** The token of the client. Absent if a cookie authenticates the client. */
  readonly token?: string
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** The deadline of an answer. Default 30 seconds. For `follow` it covers only the response headers; for an export, the headers and each part. */
  readonly deadline?: Duration.DurationInput
  /** The server ignores fields and parameters that it does not know. Use it for a client newer than the server. Default: the server rejects them. */
  readonly lenient?: boolean
}

export interface Init {
  readonly method?: string
  /** A string is sent as JSON. */
  readonly body?: string | ReadableStream<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
}

export interface HttpRequest {
  /** The URL, without a slash at its end. */
  readonly address: string
  readonly deadline: Duration.Duration
  /** The error of a request that could not connect, or whose connection broke. */
  readonly lost: (cause: unknown) => Disconnected
  /** Runs the effect with the deadline. Fails with `Disconnected` when it passes. */
  readonly within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Disconnected, R>
  /**
   * Succeeds with the response headers of a 2xx answer; its body has no deadline. Fails with an error of `error`, or with a transport error. The request is
   * aborted when the scope closes.
   */
  readonly open: <E, I>(
    path: string,
    error: Schema.Schema<E, I>,
    init?: Init
  ) => Effect.Effect<Response, E | TransportError, Scope.Scope>
  /** Does the same as `open`, and decodes the response body as JSON. */
  readonly json: <A, I, E, J>(
    path: string,
    success: Schema.Schema<A, I>,
    error: Schema.Schema<E, J>,
    init?: Init
  ) => Effect.Effect<A, E | TransportError>
}

type Parameter = string | number | boolean | undefined
/** The query string of these parameters, with its question mark. An undefined parameter is not sent. */
export const query = (values: Readonly<Record<string, Parameter | ReadonlyArray<string>>>): string => {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(values))
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) params.append(name, String(one))
  const text = params.toString()
  return text === "" ? "" : `?${text}`
}

export const parse = (text: string): Option.Option<unknown> => {
  try {
    return Option.some(JSON.parse(text) as unknown)
  } catch {
    return Option.none()
  }
}

/** A server that is starting, or has lost its storage, answers with these tags before it reads the request. Such a request is reported as `unsent`. */
const unsentTags: ReadonlySet<unknown> = new Set(["Starting", "Unavailable"])
const isUnsent = (body: unknown): boolean =>
  typeof body === "object" && body !== null && "_tag" in body && unsentTags.has(body._tag)

/** The error of an answer that is not 2xx. It is an error of the call if the body decodes as one of its errors, otherwise a transport error. */
const errorOf = <E, I>(address: string, response: Response, text: string, error: Schema.Schema<E, I>): E | TransportError => {
  const body = Option.getOrUndefined(parse(text))
  const known = Schema.decodeUnknownOption(error)(body)
  if (Option.isSome(known)) return known.value
  if (response.status === 401)
    return Option.getOrElse(
      Schema.decodeUnknownOption(Errors.Unauthorized)(body),
      () =>
        new Errors.Unauthorized({ message: `${address} does not accept this token. Create one with \`millrace token create\`.` })
    )
  if (response.status === 429 || (response.status >= 502 && response.status <= 504)) {
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN)
    return new Disconnected({
      message: refused(response.status, text).message,
      ...(isUnsent(body) && { unsent: true }),
      ...(Number.isFinite(seconds) ? { retryAfterMillis: seconds * 1_000 } : {})
    })
  }
  return refused(response.status, text)
}

const contentTypeOf = (body: Init["body"]): Readonly<Record<string, string>> =>
  typeof body === "string" ? { "content-type": "application/json" } : {}

/** Throws a `TypeError` if the URL is not an `http` or `https` URL: no retry would repair it. */
export const make = (options: Options): HttpRequest => {
  checkUrl(options.url, "http")
  const fetch = options.fetch ?? globalThis.fetch
  const deadline = Duration.decode(options.deadline ?? Deadlines.answer)
  const address = options.url.replace(/\/+$/, "")
  const lost = (cause: unknown) => disconnected(address, cause)
  const within = Effect.timeoutFail({ duration: deadline, onTimeout: () => unanswered(address, deadline) })

  const open: HttpRequest["open"] = (path, error, init = {}) =>
    Effect.gen(function* () {
      const { signal } = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (controller) => Effect.sync(() => controller.abort())
      )
      const headers = {
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...contentTypeOf(init.body),
        ...(options.lenient === true && { "x-millrace-lenient": "1" }),
        ...init.headers
      }
      // Node's fetch sends a stream only with `duplex: "half"`, which its types do not declare.
      const streamed = init.body instanceof ReadableStream ? { duplex: "half" } : {}
      const response = yield* Effect.tryPromise({
        try: () => fetch(`${address}${path}`, { ...init, ...streamed, headers, signal } as RequestInit),
        catch: lost
      })
      if (response.ok) return response
      const text = yield* within(Effect.tryPromise({ try: () => response.text(), catch: lost }))
      return yield* Effect.fail(errorOf(address, response, text, error))
    })

  const json: HttpRequest["json"] = (path, success, error, init) =>
    Effect.scoped(
      Effect.gen(function* () {
        const response = yield* open(path, error, init)
        const text = yield* Effect.tryPromise({ try: () => response.text(), catch: lost })
        return yield* Schema.decodeUnknown(success)(Option.getOrUndefined(parse(text))).pipe(
          Effect.mapError((cause) => new ProtocolError({ message: `The answer to ${path} does not decode: ${cause.message}.` }))
        )
      })
    )

  return { address, deadline, lost, within, open, json }
}
