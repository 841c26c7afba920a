/** Every call of this client to a server that accepts a connection and does not answer ends, and a subscriber reconnects. */
import type { AddressInfo } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, Fiber, Queue, Schedule, Stream, TestClock } from "effect"
import { type WebSocket, WebSocketServer } from "ws"
import { ThreadId } from "@millrace/contracts/Ids"
import * as Follow from "./Follow.ts"
import * as HttpTransport from "./HttpTransport.ts"
import * as NodeWebSocket from "./NodeWebSocket.ts"
import * as RpcTransport from "./RpcTransport.ts"

const url = "http://127.0.0.1:7717"
const silence = {
  _tag: "Disconnected",
  message: expect.stringMatching(/^No answer from .* within .*\. Check that the server runs/)
}

/** A request of the client, the number of its connection (1, 2, ...) and the function that answers the request. */
interface PendingCall {
  readonly connection: number
  readonly tag: string
  readonly chunk: (...values: ReadonlyArray<object>) => void
}

/** A WebSocket server that answers pings. The test sends every other answer. */
const server = Effect.gen(function* () {
  const asked = yield* Queue.bounded<PendingCall>(64)
  const listening = yield* Deferred.make<void>()
  const sockets = yield* Effect.acquireRelease(
    Effect.sync(() => new WebSocketServer({ host: "127.0.0.1", port: 0 })),
    (held) =>
      Effect.async<void>((done) => {
        for (const peer of held.clients) peer.terminate()
        held.close(() => done(Effect.void))
      })
  )
  let connections = 0
  const hear = (connection: number, peer: WebSocket) => (data: { readonly toString: () => string }) => {
    const message = JSON.parse(data.toString()) as { readonly _tag: string; readonly id: string; readonly tag: string }
    if (message._tag === "Ping") return peer.send('{"_tag":"Pong"}')
    if (message._tag !== "Request") return
    const chunk = (...values: ReadonlyArray<object>) =>
      peer.send(JSON.stringify({ _tag: "Chunk", requestId: message.id, values }))
    Queue.unsafeOffer(asked, { connection, tag: message.tag, chunk })
  }
  sockets.on("connection", (peer) => peer.on("message", hear(++connections, peer)))
  sockets.on("listening", () => Deferred.unsafeDone(listening, Exit.void))
  yield* Deferred.await(listening)
  const rpc = yield* RpcTransport.make({
    url: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}/rpc`,
    webSocket: NodeWebSocket.open(undefined),
    deadline: "5 seconds"
  })
  return { asked, rpc }
})
const open = { _tag: "open", logEpoch: "e", head: 0 }
const heartbeat = { _tag: "heartbeat", head: 0 }

describe("RPC", () => {
  it.scoped("P6 an unanswered call ends, and the next one uses another connection", () =>
    Effect.gen(function* () {
      const { asked, rpc } = yield* server
      for (const connection of [1, 2]) {
        const call = yield* Effect.fork(Effect.flip(rpc.state))
        expect(yield* Queue.take(asked)).toMatchObject({ connection, tag: "state" })
        yield* TestClock.adjust("5 seconds")
        expect(yield* Fiber.join(call)).toMatchObject(silence)
      }
    })
  )

  it.scoped("P6 other calls in flight on an abandoned connection fail with an error and are not interrupted", () =>
    Effect.gen(function* () {
      const { asked, rpc } = yield* server
      const first = yield* Effect.fork(Effect.flip(rpc.state))
      yield* Queue.take(asked)
      yield* TestClock.adjust("3 seconds")
      const second = yield* Effect.fork(Effect.flip(rpc.requests))
      const reader = yield* Effect.fork(Effect.flip(Stream.runDrain(rpc.follow({}))))
      yield* Queue.take(asked)
      yield* Queue.take(asked)
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(first)).toMatchObject(silence)
      expect(yield* Fiber.join(second)).toMatchObject(silence)
      expect(yield* Fiber.join(reader)).toMatchObject(silence)
    })
  )

  it.scoped("P6 D2 a connection that delivers events is not cut by the deadline of a call", () =>
    Effect.gen(function* () {
      const { asked, rpc } = yield* server
      const frames = yield* Queue.bounded<string>(8)
      yield* Effect.forkScoped(Stream.runForEach(rpc.follow({}), ({ _tag }) => Queue.offer(frames, _tag)))
      const reader = yield* Queue.take(asked)
      reader.chunk(open, heartbeat)
      expect(yield* Queue.take(frames)).toBe("heartbeat")
      const call = yield* Effect.fork(Effect.flip(rpc.state))
      yield* Queue.take(asked)
      reader.chunk(heartbeat)
      yield* Queue.take(frames)
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(call)).toMatchObject(silence)
      // The first frame was in time, and no later frame has a deadline.
      reader.chunk({ _tag: "bye", reason: "lease", resumeAfter: "e-0" })
      expect(yield* Queue.take(frames)).toBe("bye")
    })
  )

  it.scoped("P6 D2 a reader without a first frame reconnects over another connection", () =>
    Effect.gen(function* () {
      const { asked, rpc } = yield* server
      const reading = yield* Follow.follow(rpc, {}, { schedule: Schedule.spaced("80 millis") }).pipe(
        Stream.take(1),
        Stream.runCollect,
        Effect.fork
      )
      expect(yield* Queue.take(asked)).toMatchObject({ connection: 1, tag: "follow" })
      yield* TestClock.adjust("5 seconds")
      yield* TestClock.adjust("80 millis")
      const again = yield* Queue.take(asked)
      expect(again).toMatchObject({ connection: 2, tag: "follow" })
      again.chunk(open, heartbeat)
      expect(Chunk.toReadonlyArray(yield* Fiber.join(reading))).toEqual([heartbeat])
    })
  )
})

const never = () => new Promise<never>(() => {})
/** An answer whose body never ends. */
const stalled = (status: number, begins = "") =>
  new Response(new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new TextEncoder().encode(begins)) }), {
    status
  })
const answers = (response: () => Response): HttpTransport.Options => ({ url, fetch: () => Promise.resolve(response()) })
const ended = <A, E>(effect: Effect.Effect<A, E>, after: "30 seconds" | "5 minutes") =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.flip(effect))
    yield* TestClock.adjust(0)
    // The result of the test's `fetch` is available after some turns of the event loop.
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    yield* TestClock.adjust(after)
    return yield* Fiber.join(fiber)
  })

describe("HTTP", () => {
  it.effect("P6 follow ends if the response headers, or the rest of an error response, do not arrive", () =>
    Effect.gen(function* () {
      const follow = (options: HttpTransport.Options) => Stream.runDrain(HttpTransport.make(options).follow({}))
      expect(yield* ended(follow({ url, fetch: never }), "30 seconds")).toMatchObject(silence)
      expect(yield* ended(follow(answers(() => stalled(503, "{"))), "30 seconds")).toMatchObject(silence)
    })
  )

  it.effect("P6 an export ends if the response headers, the rest of an error response, or the next part do not arrive", () =>
    Effect.gen(function* () {
      const exported = (options: HttpTransport.Options) =>
        Stream.runDrain(HttpTransport.make(options).exportThread(ThreadId.make("thr_1"), "ndjson"))
      expect(yield* ended(exported({ url, fetch: never }), "30 seconds")).toMatchObject(silence)
      expect(yield* ended(exported(answers(() => stalled(404, "{"))), "30 seconds")).toMatchObject(silence)
      expect(yield* ended(exported(answers(() => stalled(200, "{}\n"))), "30 seconds")).toMatchObject(silence)
    })
  )

  it.effect("P6 an import, and queries to an agent, end without an answer", () =>
    Effect.gen(function* () {
      const transfer = HttpTransport.make({ url, fetch: never })
      const native = { provider: "codex", nativeThreadId: "n" }
      for (const call of [
        Effect.asVoid(transfer.importThread(Stream.make(new Uint8Array(3)), {})),
        Effect.asVoid(transfer.nativeThreads("codex", {})),
        Effect.asVoid(transfer.importNative(native))
      ])
        expect(yield* ended(call, "5 minutes")).toMatchObject(silence)
    })
  )

  it.effect("P6 an import does not time out while its source is slow, and each accepted part restarts the deadline", () =>
    Effect.gen(function* () {
      const source = yield* Queue.bounded<Uint8Array>(1)
      const taken = yield* Queue.bounded<number>(8)
      const fetch: typeof globalThis.fetch = async (_, init) => {
        const { body } = init ?? {}
        if (!(body instanceof ReadableStream)) throw new Error("no body")
        const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader()
        for (;;) {
          const { done, value } = await reader.read()
          if (done) return never()
          Queue.unsafeOffer(taken, value.length)
        }
      }
      const parts = Stream.take(Stream.fromQueue(source), 3)
      const sending = yield* Effect.fork(Effect.flip(HttpTransport.make({ url, fetch }).importThread(parts, {})))
      for (const length of [1, 2, 3]) {
        yield* TestClock.adjust("20 minutes")
        yield* Queue.offer(source, new Uint8Array(length))
        expect(yield* Queue.take(taken)).toBe(length)
      }
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust("4 minutes")
      expect(sending.unsafePoll()).toBe(null)
      yield* TestClock.adjust("6 minutes")
      expect(yield* Fiber.join(sending)).toMatchObject(silence)
    })
  )
})
