import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Random, Stream, TestClock } from "effect"
import * as Cursor from "@millrace/contracts/Cursor"
import { CommandId, ThreadId } from "@millrace/contracts/Ids"
import * as Follow from "./Follow.ts"
import * as HttpTransport from "./HttpTransport.ts"

const epoch = "01HXYZ00000000000000000000"
const url = "http://127.0.0.1:7717"
const sse = { "content-type": "text/event-stream" }
const json = (offset: number) =>
  JSON.stringify({
    offset,
    stream: "thread/thr_1",
    version: offset,
    type: "item.delta",
    at: "t",
    epoch: 1,
    data: { text: `wort ${offset} é水🌊` }
  })
const frame = (offset: number) => `id: ${Cursor.format(epoch, offset)}\ndata: ${json(offset)}\n\n`

/** A server of 200 events that cuts every answer but the last at some byte. */
const cutting = (random: () => number, total: number) => {
  let cuts = 0
  const fetch: typeof globalThis.fetch = (input) => {
    const after = new URL(String(input)).searchParams.get("after")
    const from = after === null ? 0 : Number(after.split("-")[1])
    const text =
      Array.from({ length: total - from }, (_, n) => frame(from + n + 1)).join("") + 'event: end\ndata: {"reason":"deleted"}\n\n'
    let bytes = new TextEncoder().encode(text)
    if (cuts < 50) bytes = bytes.slice(0, Math.floor(random() * Math.min(bytes.length, 1_500)))
    cuts++
    let at = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (at >= bytes.length) return cuts % 2 === 0 ? controller.close() : controller.error(new Error("reset"))
        const end = at + 1 + Math.floor(random() * 300)
        controller.enqueue(bytes.slice(at, end))
        at = end
      }
    })
    return Promise.resolve(new Response(body, { headers: sse }))
  }
  return { fetch, cuts: () => cuts }
}

const answering = (status: number, body: unknown, headers: Record<string, string> = {}): HttpTransport.Options => ({
  url,
  fetch: () => Promise.resolve(new Response(JSON.stringify(body), { status, headers }))
})

describe("HttpTransport", () => {
  it.effect("D2 a stream that is cut at 50 random bytes and resumed delivers the log, byte for byte", () =>
    Effect.gen(function* () {
      const total = 200
      const seed = 7
      let state = seed
      const random = () => ((state = (state * 1_103_515_245 + 12_345) % 2 ** 31), state / 2 ** 31)
      const server = cutting(random, total)
      const fiber = yield* Follow.follow(HttpTransport.make({ url, fetch: server.fetch }), {}).pipe(
        Stream.runCollect,
        Effect.withRandom(Random.make(seed)),
        Effect.fork
      )
      while (fiber.unsafePoll() === null) {
        yield* TestClock.adjust("20 seconds")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      const frames = Chunk.toReadonlyArray(yield* Fiber.join(fiber))
      expect(frames.flatMap((one) => (one._tag === "event" ? [JSON.stringify(one.event)] : []))).toEqual(
        Array.from({ length: total }, (_, n) => json(n + 1))
      )
      expect(server.cuts()).toBeGreaterThan(50)
    })
  )

  it.effect("D3 the errors of the interface are typed; every other error keeps its status and body", () =>
    Effect.gen(function* () {
      const follow = (options: HttpTransport.Options) =>
        Effect.flip(Stream.runDrain(HttpTransport.make(options).follow({ after: "x" })))
      const command = {
        commandId: CommandId.make("c"),
        type: "thread.delete",
        threadId: ThreadId.make("thr_1")
      } as const
      const dispatch = (options: HttpTransport.Options) => Effect.flip(HttpTransport.make(options).dispatch(command))
      const expired = { _tag: "CursorExpired", message: "gone", logEpoch: epoch, head: 9 }
      expect(yield* follow(answering(410, expired))).toMatchObject(expired)
      expect(yield* follow(answering(401, {}))).toMatchObject({ _tag: "Unauthorized" })
      const rejected = { _tag: "CommandRejected", message: "no", rule: "ThreadNotFound" }
      expect(yield* dispatch(answering(422, rejected))).toMatchObject(rejected)
      expect(yield* dispatch(answering(429, { _tag: "Overloaded", message: "full", retryAfterMillis: 5 }))).toMatchObject({
        _tag: "Overloaded",
        retryAfterMillis: 5
      })
      // A 503 of a proxy is not an answer of the server: it counts as `Disconnected`, with its `Retry-After`.
      expect(yield* dispatch(answering(503, "upstream", { "retry-after": "3" }))).toMatchObject({
        _tag: "Disconnected",
        retryAfterMillis: 3_000
      })
      // A starting server refuses a request before it reads it.
      const starting = { _tag: "Starting", message: "The server is starting." }
      expect(yield* dispatch(answering(503, starting))).toMatchObject({ _tag: "Disconnected", unsent: true })
      expect(yield* dispatch(answering(418, "tea"))).toMatchObject({
        _tag: "Refused",
        status: 418,
        body: '"tea"',
        message: 'The server answered 418: "tea".'
      })
      expect(yield* dispatch(answering(200, { status: "so" }))).toMatchObject({ _tag: "ProtocolError" })
    })
  )

  it.effect("D3 C6 an export or import has the errors, the token and the headers of every other request", () =>
    Effect.gen(function* () {
      const seen: Array<Record<string, string>> = []
      const transferring = (status: number, body: unknown, headers: Record<string, string> = {}) => {
        const fetch: typeof globalThis.fetch = (_, init) => {
          seen.push(Object.fromEntries(new Headers(init?.headers)))
          return Promise.resolve(new Response(JSON.stringify(body), { status, headers }))
        }
        return Effect.flip(HttpTransport.make({ url, token: "t", lenient: true, fetch }).nativeThreads("codex", {}))
      }
      const failed = { _tag: "ProviderUnavailable", message: "no", provider: "codex" }
      expect(yield* transferring(502, failed)).toMatchObject(failed)
      expect(yield* transferring(401, {})).toMatchObject({ _tag: "Unauthorized" })
      expect(yield* transferring(503, "upstream", { "retry-after": "3" })).toMatchObject({
        _tag: "Disconnected",
        retryAfterMillis: 3_000
      })
      expect(yield* transferring(200, { status: "so" })).toMatchObject({ _tag: "ProtocolError" })
      expect(new Set(seen.map((headers) => JSON.stringify(headers)))).toEqual(
        new Set(['{"authorization":"Bearer t","x-millrace-lenient":"1"}'])
      )
    })
  )

  it.effect("D5 an unknown control frame changes nothing; a malformed event frame is an error", () =>
    Effect.gen(function* () {
      const body = (text: string): HttpTransport.Options => ({
        url,
        fetch: () => Promise.resolve(new Response(text, { headers: sse }))
      })
      const control = 'event: later\ndata: {"a":1}\n\nevent: caught-up\ndata: {"head":0,"replayed":0,"requests":0}\n\n'
      const frames = yield* Stream.runCollect(HttpTransport.make(body(control)).follow({}))
      expect(Chunk.toReadonlyArray(frames)).toEqual([{ _tag: "caught-up", head: 0, replayed: 0, requests: 0 }])
      expect(yield* Effect.flip(Stream.runDrain(HttpTransport.make(body("data: {}\n\n")).follow({})))).toMatchObject({
        _tag: "ProtocolError"
      })
    })
  )

  it.effect("D2 an HTML page instead of an event stream is an error, and the client does not reconnect", () =>
    Effect.gen(function* () {
      const page: HttpTransport.Options = {
        url,
        fetch: () => Promise.resolve(new Response("<html>", { headers: { "content-type": "text/html" } }))
      }
      const error = yield* Effect.flip(Stream.runDrain(Follow.follow(HttpTransport.make(page), {})))
      expect(error).toMatchObject({ _tag: "ProtocolError" })
    })
  )

  it.effect("C6 with lenient every request asks the server to ignore unknown fields; without it none does", () =>
    Effect.gen(function* () {
      const asked = (options: Pick<HttpTransport.Options, "lenient">) =>
        Effect.gen(function* () {
          const headers: Array<string | null> = []
          const transport = HttpTransport.make({
            url,
            ...options,
            fetch: (_, init) => {
              headers.push(new Headers(init?.headers).get("x-millrace-lenient"))
              return Promise.resolve(new Response("", { status: 418 }))
            }
          })
          const create = { commandId: CommandId.make("c"), type: "project.create", cwd: "/work" } as const
          const refused = { _tag: "Refused" }
          expect(yield* Effect.flip(transport.state)).toMatchObject(refused)
          expect(yield* Effect.flip(transport.dispatch(create))).toMatchObject(refused)
          expect(yield* Effect.flip(Stream.runDrain(transport.follow({})))).toMatchObject(refused)
          return headers
        })
      expect(yield* asked({ lenient: true })).toEqual(["1", "1", "1"])
      expect(yield* asked({ lenient: false })).toEqual([null, null, null])
      expect(yield* asked({})).toEqual([null, null, null])
    })
  )

  it.effect("P6 a request to a server that does not answer ends", () =>
    Effect.gen(function* () {
      const never = HttpTransport.make({ url, fetch: () => new Promise(() => {}), deadline: "5 seconds" })
      const fiber = yield* Effect.fork(Effect.flip(never.state))
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "Disconnected" })
    })
  )
})
