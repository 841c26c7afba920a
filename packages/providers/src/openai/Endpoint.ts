/**
 * A model endpoint over HTTP: its address, its key, and its answers as a stream of events. The key is sent in one header only: it is removed
 * from all texts of the endpoint (X4), and requests have no spans and no trace headers.
 */
import { cut } from "@millrace/contracts/Text"
import { readFileSync } from "node:fs"
import { HttpBody, HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "@effect/platform"
import type { Failure } from "@millrace/contracts/Item"
import { Chunk, Clock, Effect, Redacted, Stream } from "effect"
import { createParser } from "eventsource-parser"
import type { Environment } from "../process/Environment.ts"
import * as Failures from "./Failures.ts"
import { type Dialect, modelsOf } from "./Wire.ts"

/** A function that the model may call. It is not run here: a call becomes a request to the client, whose answer is the result. */
export interface Tool {
  readonly name: string
  readonly description?: string
  /** JSON Schema of its arguments. */
  readonly parameters?: Readonly<Record<string, unknown>>
}

export interface OpenAiOptions {
  /** The provider's name. */
  readonly name: string
  /** URL prefix of `/chat/completions` and `/models`, like `http://127.0.0.1:8000/v1`; without a path, `/v1` is added. */
  readonly baseUrl: string
  /** `chat` (default): `/v1/chat/completions`. `responses`: `/v1/responses`. */
  readonly api?: Dialect
  /** Model for threads without one. Default: the only model that the endpoint lists. */
  readonly model?: string
  /** Name of the server's environment variable that holds the key. */
  readonly apiKeyEnv?: string
  /** Path of a file that holds the key and nothing else; read for each request. */
  readonly apiKeyFile?: string
  /** System instructions, sent before the conversation. */
  readonly instructions?: string
  /** Further members of each request, such as `temperature`. */
  readonly parameters?: Readonly<Record<string, unknown>>
  readonly tools?: ReadonlyArray<Tool>
  /** Maximum bytes of the conversation in a request; default 256 KiB. The oldest messages are dropped first. */
  readonly historyBytes?: number
  /** Turns that are read back from the log when a session opens; default 200. */
  readonly historyTurns?: number
  /** Maximum characters of one event of an answer; default 8 Mi. */
  readonly eventLimit?: number
  /** Delay before the first of at most two retries of a request without any answer; doubled for the second. Default 500. */
  readonly retryMillis?: number
}

export interface Endpoint {
  /** The data of each event of an answer, in order; a `Failure` element is the last. Ends with the response; interrupting it aborts the request. */
  readonly answer: (body: object) => Stream.Stream<string | Failure, Failure>
  /** Model names that the endpoint lists; fails after 5 seconds. `undefined`: the endpoint has no list (404). */
  readonly models: Effect.Effect<ReadonlyArray<string> | undefined, Failure>
  /** Whether a key is configured. */
  readonly hasKey: boolean
  /** Base URL, for messages. */
  readonly address: string
}

const errorBytes = 64 * 1024
const listBytes = 4 * 1024 * 1024
const defaultEventLimit = 8 * 1024 * 1024
/** Minimum length of a key that is removed from texts: a dummy key such as `none` for local servers is not secret. */
const shortestSecret = 8

const failure = (kind: Failure["kind"], message: string, detail?: string): Failure => ({
  kind,
  message,
  ...(detail === undefined || detail === "" ? {} : { detail })
})

/** The base URL without a trailing slash; `http://host:8000` becomes `http://host:8000/v1`. */
const addressOf = (baseUrl: string): string => {
  const url = new URL(baseUrl)
  return `${url.origin}${url.pathname === "/" ? "/v1" : url.pathname.replace(/\/+$/, "")}`
}

/** The current key; a file is read each time, because it may change. */
const keyOf = (options: OpenAiOptions, server: Environment): Effect.Effect<Redacted.Redacted | undefined, Failure> =>
  Effect.suspend((): Effect.Effect<Redacted.Redacted | undefined, Failure> => {
    const { apiKeyEnv, apiKeyFile } = options
    if (apiKeyFile !== undefined)
      return Effect.try({
        try: () => readFileSync(apiKeyFile, "utf8").trim(),
        catch: () =>
          failure("auth", `The key cannot be read from the file ${apiKeyFile}. Write it there, readable by this user only.`)
      }).pipe(
        Effect.filterOrFail(
          (key) => key !== "",
          () => failure("auth", `The file ${apiKeyFile} is empty. Write the key into it.`)
        ),
        Effect.map((key) => Redacted.make(key))
      )
    if (apiKeyEnv === undefined) return Effect.as(Effect.void, undefined)
    const key = server[apiKeyEnv] ?? ""
    return key === ""
      ? Effect.fail(failure("auth", `The variable ${apiKeyEnv} is not set. Start the server with the key in it.`))
      : Effect.succeed(Redacted.make(key))
  })

/** Removes the key from a text (X4). */
const without = (key: Redacted.Redacted | undefined): ((text: string) => string) => {
  const secret = key === undefined ? "" : Redacted.value(key)
  return secret.length < shortestSecret ? (text) => text : (text) => text.replaceAll(secret, "(secret)")
}

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""

const text = (response: HttpClientResponse.HttpClientResponse, limit: number) =>
  Effect.suspend(() => {
    let left = limit
    return response.stream.pipe(
      Stream.takeWhile(() => left > 0),
      Stream.tap((bytes) => Effect.sync(() => (left -= bytes.length))),
      Stream.runCollect,
      Effect.map((chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)).toString("utf8"))
    )
  })

/** Parses bytes into the data of events, in order. An event larger than the limit becomes a `Failure`, which is the last element. */
const events = (limit: number) => {
  const tooLarge = failure("protocol", `The endpoint sent one event of more than ${limit} characters.`)
  const decoder = new TextDecoder()
  const found: Array<string | Failure> = []
  const parser = createParser({
    maxBufferSize: limit,
    onEvent: ({ data }) => found.push(data.length > limit ? tooLarge : data),
    onError: ({ type }) => type === "max-buffer-size-exceeded" && found.push(tooLarge)
  })
  return (chunk: Chunk.Chunk<Uint8Array>): Chunk.Chunk<string | Failure> => {
    for (const bytes of chunk) {
      if (found.includes(tooLarge)) break
      parser.feed(decoder.decode(bytes, { stream: true }))
    }
    return Chunk.unsafeFromArray(found.splice(0))
  }
}

/** Makes no request by itself. `server`: the server's environment, read for each request. */
export const make = (options: OpenAiOptions, client: HttpClient.HttpClient, server: () => Environment): Endpoint => {
  const address = addressOf(options.baseUrl)
  const path = options.api === "responses" ? "/responses" : "/chat/completions"
  const http = HttpClient.withScope(
    client.pipe(
      HttpClient.withTracerDisabledWhen(() => true),
      HttpClient.withTracerPropagation(false)
    )
  )

  const broken = (error: HttpClientError.HttpClientError): Failure =>
    error._tag === "RequestError"
      ? failure(
          "transport",
          `The endpoint at ${address} cannot be reached. Check that it runs and that baseUrl is right.`,
          codeOf(error.cause)
        )
      : failure("transport", `The endpoint at ${address} broke off its answer.`, codeOf(error.cause))

  const send = (request: HttpClientRequest.HttpClientRequest, key: Redacted.Redacted | undefined) =>
    http.execute(key === undefined ? request : HttpClientRequest.bearerToken(request, key)).pipe(
      Effect.mapError(broken),
      Effect.filterOrElse(
        ({ status }) => status === 200,
        (response) =>
          Effect.all([Effect.mapError(text(response, errorBytes), broken), Clock.currentTimeMillis]).pipe(
            Effect.flatMap(([body, now]) =>
              Effect.fail(
                Failures.ofAnswer({
                  status: response.status,
                  body: without(key)(body),
                  retryAfter: response.headers["retry-after"],
                  now
                })
              )
            )
          )
      )
    )

  const answer: Endpoint["answer"] = (body) =>
    Stream.unwrapScoped(
      Effect.gen(function* () {
        const key = yield* keyOf(options, server())
        const clean = without(key)
        const request = HttpClientRequest.post(`${address}${path}`, {
          accept: "text/event-stream",
          body: HttpBody.text(JSON.stringify(body), "application/json")
        })
        const response = yield* send(request, key)
        const type = response.headers["content-type"] ?? ""
        if (!type.toLowerCase().includes("text/event-stream"))
          return Stream.fail(
            failure(
              "protocol",
              `The endpoint at ${address} does not stream: it answered ${JSON.stringify(cut(type, 100))} instead of text/event-stream.`
            )
          )
        return response.stream.pipe(
          Stream.mapError(broken),
          Stream.mapChunks(events(options.eventLimit ?? defaultEventLimit)),
          Stream.map((event) => (typeof event === "string" ? clean(event) : event))
        )
      })
    )

  const models = Effect.gen(function* () {
    const key = yield* keyOf(options, server())
    const response = yield* send(HttpClientRequest.get(`${address}/models`), key)
    const body = yield* Effect.mapError(text(response, listBytes), broken)
    return yield* Effect.try({
      try: () => modelsOf(JSON.parse(without(key)(body))),
      catch: () => failure("protocol", `${address}/models answered something else than a list of models.`)
    })
  }).pipe(
    Effect.scoped,
    Effect.catchIf(
      ({ detail, kind }) => kind === "refused" && (detail?.endsWith("status 404") ?? false),
      () => Effect.as(Effect.void, undefined)
    ),
    Effect.timeoutFail({
      duration: "5 seconds",
      onTimeout: () => failure("transport", `The endpoint at ${address} did not list its models within 5 seconds.`)
    })
  )

  return { answer, models, hasKey: options.apiKeyEnv !== undefined || options.apiKeyFile !== undefined, address }
}
