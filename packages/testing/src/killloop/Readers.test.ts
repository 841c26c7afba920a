/** Tests which answers of a server the readers of the kill loop report as faults, and which they accept as its end. */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Readers from "./Readers.ts"

/** Answers every request with this status; `undefined` cuts the connection. */
const answering = (status: number | undefined, body = "") =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Server>((resume) => {
        const server = createServer(({ socket }, response) => {
          if (status === undefined) socket.destroy()
          else response.writeHead(status, { connection: "close" }).end(body)
        })
        server.on("upgrade", (_, socket) => {
          socket.end(status === undefined ? "" : `HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    ),
    (server) => ({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: "t" })
  )

const overHttp = [() => Readers.sse("one"), () => Readers.longPoll("one")]
const all = [...overHttp, () => Readers.rpc("one")]

it.scopedLive("D16 a server that is down, cuts or answers 503 is no fault", () =>
  Effect.gen(function* () {
    const away = yield* Effect.scoped(answering(200))
    for (const address of [away, yield* answering(undefined), yield* answering(503)])
      for (const make of all) {
        const reader = make()
        yield* reader.attach(address, () => {})
        expect(reader.faults()).toEqual([])
      }
  })
)

it.scopedLive("D2 readers report any other error status as a fault, once", () =>
  Effect.gen(function* () {
    for (const status of [401, 409, 410, 500]) {
      const address = yield* answering(status)
      for (const make of overHttp) {
        const reader = make()
        yield* reader.attach(address, () => {})
        yield* reader.attach(address, () => {})
        expect(reader.faults()).toEqual([`one, connection 1, after 0: it was answered ${status}`])
        expect(reader.faults()).toEqual([])
      }
    }
    const address = yield* answering(401)
    for (const reader of [Readers.rpc("one"), Readers.client("one")]) {
      yield* reader.attach(address, () => {})
      expect(reader.faults()).toEqual([expect.stringContaining("connection 1, after 0: Unauthorized")])
    }
  })
)

it.scopedLive("D2 a malformed answer is a fault", () =>
  Effect.gen(function* () {
    const reader = Readers.longPoll("one")
    yield* reader.attach(yield* answering(200, "<html>"), () => {})
    expect(reader.faults()).toEqual([expect.stringContaining("SyntaxError")])
  })
)
