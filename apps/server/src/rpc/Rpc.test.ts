import { connect } from "node:net"
import { expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Fiber, Option, Stream } from "effect"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import { CommandRejected, Overloaded } from "@millrace/contracts/Errors"
import { CommandId, ThreadId } from "@millrace/contracts/Ids"
import * as Tokens from "../auth/Tokens.ts"
import { event, type Fixture, send, start } from "../../test/support/Fixture.ts"
import * as Calls from "./Calls.ts"

const client = (fixture: Pick<Fixture, "url" | "token">) =>
  RpcTransport.make({
    url: `${fixture.url.replace("http", "ws")}/rpc`,
    webSocket: NodeWebSocket.open(fixture.token)
  })

const command = { commandId: CommandId.make("c1"), type: "thread.create", provider: "demo" } as const

it.scopedLive("C1 commands over RPC have the same answers and errors, and the token's name as actor", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const rpc = yield* client(fixture)
    let actor: string | undefined
    const accept = fixture.fake.dispatch
    fixture.fake.dispatch = (command, by) => {
      actor = by
      return accept(command, by)
    }
    expect(yield* rpc.dispatch(command)).toMatchObject({ status: "accepted", commandId: "c1" })
    expect(actor).toBe("test")
    for (const error of [
      new Overloaded({ message: "m", retryAfterMillis: 5 }),
      new CommandRejected({ message: "m", rule: "ProviderUnknown" })
    ]) {
      fixture.fake.dispatch = () => Effect.fail(error)
      expect(yield* Effect.flip(rpc.dispatch(command))).toEqual(error)
    }
    expect(yield* Effect.flip(rpc.thread(ThreadId.make("thr_x")))).toMatchObject({ _tag: "NotFound", id: "thr_x" })
    fixture.fake.dispatch = () => Effect.dieMessage("broken")
    yield* Effect.exit(rpc.dispatch(command))
    expect(yield* rpc.state).toMatchObject({ logEpoch: fixture.log.epoch })
  })
)

it.scopedLive("X1 an invalid token does not open the socket; revoking one ends its streams", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const bad = yield* client({ url: fixture.url, token: "mlr_nonsense" })
    expect(yield* Effect.flip(bad.state)).toMatchObject({ _tag: "Unauthorized" })
    const { token } = yield* Tokens.create(fixture.dataDir, { name: "other" })
    const rpc = yield* client({ url: fixture.url, token })
    const following = yield* rpc.follow({}).pipe(
      Stream.tap((frame) => (frame._tag === "caught-up" ? Effect.orDie(Tokens.revoke(fixture.dataDir, "other")) : Effect.void)),
      Stream.runLast
    )
    expect(Option.getOrUndefined(following)).toMatchObject({ _tag: "bye", reason: "The token was revoked." })
  })
)

it.scopedLive("X3 the open socket of a revoked token is cut: no call is possible over it", () =>
  Effect.gen(function* () {
    const { dataDir, url } = yield* start()
    const { record, token } = yield* Tokens.create(dataDir, { name: "thief" })
    const open = (secret: string) =>
      Effect.acquireRelease(
        Effect.async<WebSocket>((resume) => {
          const socket = NodeWebSocket.open(secret)(`${url.replace("http", "ws")}/rpc`)
          socket.addEventListener("open", () => resume(Effect.succeed(socket)))
        }),
        (socket) => Effect.sync(() => socket.close())
      )
    const kept = yield* open((yield* Tokens.create(dataDir, { name: "owner" })).token)
    const stolen = yield* open(token)
    const closed = yield* Effect.fork(
      Effect.async<void>((resume) => void stolen.addEventListener("close", () => resume(Effect.void)))
    )
    yield* Effect.yieldNow()
    yield* Tokens.revoke(dataDir, record.id)
    yield* Fiber.join(closed)
    expect(kept.readyState).toBe(kept.OPEN)
  })
)

/** Malformed messages, and the responses to them. */
const raw = (fixture: Pick<Fixture, "url" | "token">, query = "") =>
  Effect.acquireRelease(
    Effect.async<{ readonly socket: WebSocket; readonly heard: (count: number) => Effect.Effect<ReadonlyArray<string>> }>(
      (resume) => {
        const socket = NodeWebSocket.open(fixture.token)(`${fixture.url.replace("http", "ws")}/rpc${query}`)
        const messages: Array<string> = []
        const received = (count: number) =>
          Effect.async<ReadonlyArray<string>>((done) => {
            const look = () => {
              if (messages.length < count) return
              socket.removeEventListener("message", look)
              done(Effect.succeed(messages))
            }
            socket.addEventListener("message", look)
            look()
          })
        socket.addEventListener("message", ({ data }) => messages.push(String(data)))
        socket.addEventListener("open", () => resume(Effect.succeed({ socket, heard: received })))
      }
    ),
    ({ socket }) => Effect.sync(() => socket.close())
  )

it.scopedLive("R7 a follow with a malformed payload counts as one request", () =>
  Effect.gen(function* () {
    // One request, which the upgrade uses, then none for 1,000 seconds.
    const fixture = yield* start({ allowance: { requestsPerSecond: 0.001, streamsPerToken: 0 } })
    const { heard, socket } = yield* raw(fixture)
    socket.send(JSON.stringify({ _tag: "Request", id: "1", tag: "follow", headers: [], payload: { types: ["turn.finished"] } }))
    expect((yield* heard(1))[0]).toContain("BadRequest")
    const samples = yield* fixture.server.samples({ named: false })
    const limited = samples.find(({ name }) => name === "millrace_limited_total")
    expect(limited?.values.find(({ labels }) => labels?.["kind"] === "requests")?.value).toBe(1)
  })
)

it.scopedLive("X5 a malformed message gets an answer and ends neither the socket nor its streams", () =>
  Effect.gen(function* () {
    const { heard, socket } = yield* raw(yield* start())
    const bad = [
      "{nope",
      "null",
      "5",
      "[null]",
      "{}",
      '{"_tag":"Ack"}',
      '{"_tag":"Interrupt","requestId":"x"}',
      '{"_tag":"Request","id":"1","tag":"state"}',
      '{"_tag":"Request","id":"one","tag":"state","headers":[]}',
      '{"_tag":"Request","id":"1","tag":"state","headers":[5]}'
    ]
    for (const message of bad) socket.send(message)
    socket.send('{"_tag":"Request","id":"1","tag":"state","headers":[]}')
    const answers = yield* heard(bad.length + 1)
    expect(answers.filter((answer) => answer.includes('"_tag":"Defect"'))).toHaveLength(bad.length)
    expect(answers.at(-1)).toContain('"_tag":"Success"')
  })
)

it.scopedLive("D5 a follow begins with open: log epoch and head; a reader at the head gets caught-up in the same message", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const { heard, socket } = yield* raw(fixture)
    const { epoch } = fixture.log
    yield* fixture.append(event(1))
    const follow = (id: number, after: number) =>
      socket.send(
        JSON.stringify({ _tag: "Request", id: String(id), tag: "follow", payload: { after: `${epoch}-${after}` }, headers: [] })
      )
    const open = { _tag: "open", logEpoch: epoch, head: 1 }
    follow(1, 0)
    expect(JSON.parse((yield* heard(1)).at(-1) ?? "")).toMatchObject({ requestId: "1", values: [open] })
    follow(2, 1)
    expect(JSON.parse((yield* heard(2)).at(-1) ?? "")).toMatchObject({
      requestId: "2",
      values: [open, { _tag: "caught-up", head: 1, replayed: 0 }]
    })
  })
)

it.scopedLive(
  "C6 a payload that does not decode is a BadRequest of its call, with its path; lenient=1 ignores unknown names",
  () =>
    Effect.gen(function* () {
      const fixture = yield* start()
      const ask = (query: string, ...calls: ReadonlyArray<readonly [string, unknown]>) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { heard, socket } = yield* raw(fixture, query)
            const answers: Array<unknown> = []
            for (const [n, [tag, payload]] of calls.entries()) {
              socket.send(JSON.stringify({ _tag: "Request", id: String(n + 1), tag, headers: [], payload }))
              const newest = (yield* heard(n + 1)).at(-1) ?? ""
              answers.push((JSON.parse(newest) as { exit?: { _tag: string; cause?: { error?: unknown } } }).exit)
            }
            return answers
          })
        )
      const bad: ReadonlyArray<readonly [string, unknown, string | undefined]> = [
        ["dispatch", { command: { ...command, at: "now" } }, "at"],
        ["dispatch", { command: { ...command, turn: { text: "x", at: 1 } } }, "turn.at"],
        ["dispatch", { command: { ...command, provider: 5 } }, "provider"],
        ["dispatch", { command: { ...command, type: "turn.begin" } }, "type"],
        ["dispatch", { command, actor: "me" }, "actor"],
        ["dispatch", {}, "type"],
        ["state", { at: 7 }, "at"],
        ["threads", { status: "needsyou" }, "status"],
        ["threads", { limit: "5" }, "limit"],
        ["thread", { threadId: "x" }, "threadId"],
        ["items", { threadId: "thr_a", offset: 1 }, "offset"],
        ["follow", { stream: "thread/thr_a", since: 1 }, "since"],
        ["follow", { types: ["turn.finished"] }, "types.0"],
        ["capabilities", [], undefined]
      ]
      const answers = yield* ask("", ...bad.map(([tag, payload]) => [tag, payload] as const))
      expect(answers).toMatchObject(
        bad.map(([, , path]) => ({
          _tag: "Failure",
          cause: { _tag: "Fail", error: { _tag: "BadRequest", ...(path !== undefined && { path }) } }
        }))
      )
      const good = yield* ask("?lenient=1", ["dispatch", { command: { ...command, at: "now" }, x: 1 }], ["state", { at: 7 }])
      expect(good).toMatchObject([{ _tag: "Success" }, { _tag: "Success" }])
      expect(yield* ask("?lenient=1", ["thread", { threadId: "x" }])).toMatchObject([{ _tag: "Failure" }])
      expect(yield* ask("", ["capabilities", undefined])).toMatchObject([{ value: { features: expect.any(Array) } }])
    })
)

it.scopedLive("C6 an unknown parameter of the upgrade is rejected with its path, before the socket opens", () =>
  Effect.gen(function* () {
    const { token, url } = yield* start()
    const headers = {
      authorization: `Bearer ${token}`,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
    }
    for (const [query, path] of [
      ["lenint=1", "lenint"],
      ["lenient=yes", "lenient"],
      ["lenient=1&lenient=1", "lenient"]
    ] as const) {
      const response = yield* send(`${url}/rpc?${query}`, { headers })
      expect([query, response.status, JSON.parse(response.body)]).toMatchObject([query, 400, { _tag: "BadRequest", path }])
    }
  })
)

it.scopedLive("X5 R7 a connection follows 256 streams; more get bye, and once 256 of these are unread, a rejection", () =>
  Effect.gen(function* () {
    const { heard, socket } = yield* raw(yield* start())
    const follow = (id: number) =>
      socket.send(JSON.stringify({ _tag: "Request", id: String(id), tag: "follow", payload: {}, headers: [] }))
    const limited = (answers: ReadonlyArray<string>) => answers.filter((answer) => answer.includes('"reason":"limit"')).length
    const refused = (answers: ReadonlyArray<string>) =>
      answers.filter((answer) => answer.includes('"_tag":"Overloaded"') && answer.includes("has 256 open streams")).length
    for (let id = 1; id <= 256; id++) follow(id)
    expect(limited(yield* heard(256))).toBe(0)
    for (let id = 257; id <= 512; id++) follow(id)
    expect(limited(yield* heard(512))).toBe(256)
    follow(513)
    expect(refused(yield* heard(513))).toBe(1)
  })
)

it.scopedLive(
  "X5 D7 a flood of calls waits at its sender: few run, the rest stays unread, other clients are answered, and in the end so is the flood",
  () =>
    Effect.gen(function* () {
      const fixture = yield* start()
      const { heard, socket } = yield* raw(fixture)
      const open = yield* Deferred.make<void>()
      const full = yield* Deferred.make<void>()
      let now = 0
      let most = 0
      const accept = fixture.fake.dispatch
      fixture.fake.dispatch = (command) =>
        Effect.acquireUseRelease(
          Effect.suspend(() => {
            most = Math.max(most, ++now)
            return now === Calls.maxRunning ? Deferred.succeed(full, undefined) : Effect.void
          }),
          () => Effect.zipRight(Deferred.await(open), accept(command)),
          () => Effect.sync(() => now--)
        )
      const inFlight = Effect.map(fixture.call("/metrics"), ({ body }) => Number(/^millrace_rpc_calls (\d+)$/m.exec(body)?.[1]))
      const total = 5_000
      for (let id = 1; id <= total; id++) {
        const payload = { command: { ...command, commandId: `c${id}`, turn: { text: "x".repeat(1_000) } } }
        socket.send(JSON.stringify({ _tag: "Request", id: String(id), tag: "dispatch", headers: [], payload }))
      }
      yield* Deferred.await(full)
      // Other requests are answered meanwhile. Each answer comes after the server has read whatever arrived before.
      for (let n = 0; n < 20; n++) expect((yield* fixture.call("/api/state")).status).toBe(200)
      const held = yield* inFlight
      expect([most, held > Calls.maxRunning, held < Calls.maxInFlight + 1_000]).toEqual([Calls.maxRunning, true, true])
      yield* Deferred.succeed(open, undefined)
      const answers = yield* heard(total)
      expect(answers.filter((answer) => answer.includes('"_tag":"Success"')).length).toBe(total)
      expect([most, yield* inFlight]).toEqual([Calls.maxRunning, 0])
    })
)

it.scopedLive("S9 drain: a subscriber over RPC gets everything, then bye with the cursor", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const rpc = yield* client(fixture)
    yield* fixture.append(event(1))
    const frames = yield* rpc.follow({}).pipe(
      Stream.tap((frame) =>
        frame._tag === "caught-up"
          ? Effect.zipRight(fixture.append(event(2)), Effect.forkDaemon(fixture.server.drain("1 minute")))
          : Effect.void
      ),
      Stream.runCollect
    )
    expect(Chunk.toReadonlyArray(frames).map((frame) => (frame._tag === "event" ? frame.event.offset : frame))).toMatchObject([
      1,
      { _tag: "caught-up", head: 1 },
      2,
      { _tag: "bye", resumeAfter: `${fixture.log.epoch}-2` }
    ])
  })
)

it.scopedLive("X5 a message that is too large closes the socket with 1009", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const { hostname, port, host } = new URL(fixture.url)
    const text = Buffer.alloc(1024 * 1024 + 10, 32)
    const header = Buffer.alloc(14)
    header.writeUInt8(0x81, 0)
    header.writeUInt8(0x80 | 127, 1)
    header.writeBigUInt64BE(BigInt(text.length), 2)
    const close = yield* Effect.async<number>((resume) => {
      let upgraded = false
      let received: Buffer = Buffer.alloc(0)
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `GET /rpc HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`
        )
      )
      socket.on("data", (chunk) => {
        received = Buffer.concat([received, chunk])
        if (!upgraded) {
          const end = received.indexOf("\r\n\r\n")
          if (end < 0) return
          upgraded = true
          received = received.subarray(end + 4)
          socket.write(Buffer.concat([header, text]))
        } else if (received[0] === 0x88 && received.length >= 4) {
          socket.destroy()
          resume(Effect.succeed(received.readUInt16BE(2)))
        }
      })
    })
    expect(close).toBe(1009)
    const rpc = yield* client(fixture)
    expect(yield* rpc.state).toMatchObject({ offset: 0 })
  })
)

it.scopedLive("D7 a WebSocket client that sends calls and never reads is cut, and its memory is freed", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const pad = "x".repeat(200_000)
    for (let n = 0; n < 100; n++) yield* fixture.append(event(n, "thread/thr_a", { pad }))
    const { hostname, port, host } = new URL(fixture.url)
    const frame = (value: unknown) => {
      const text = Buffer.from(JSON.stringify(value))
      const header = Buffer.alloc(8)
      header.writeUInt8(0x81, 0)
      header.writeUInt8(0x80 | 126, 1)
      header.writeUInt16BE(text.length, 2)
      return Buffer.concat([header, text])
    }
    yield* Effect.async<void>((resume) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `GET /rpc HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`
        )
      )
      socket.on("error", () => {})
      socket.on("close", () => resume(Effect.void))
      socket.once("data", () => {
        socket.pause()
        // Many streams, each acknowledged but not read: the library would send indefinitely.
        for (let id = 1; id <= 40; id++) {
          socket.write(frame({ _tag: "Request", id: String(id), tag: "follow", payload: {}, headers: [] }))
          for (let ack = 0; ack < 100; ack++) socket.write(frame({ _tag: "Ack", requestId: String(id) }))
        }
        const write = () => {
          if (socket.destroyed) return
          for (let id = 1; id <= 40; id++) socket.write(frame({ _tag: "Ack", requestId: String(id) }))
          setImmediate(write)
        }
        write()
      })
    })
    const rpc = yield* client(fixture)
    expect(yield* rpc.state).toMatchObject({ offset: 100 })
  })
)
