import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Bridge from "./Bridge.ts"

/** A server that begins sessions and cuts the connection of each call after it has received it. */
const cutting = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly calls: Array<unknown>; readonly close: () => void }>((resume) => {
    const calls: Array<unknown> = []
    const server = createServer((request: IncomingMessage, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (part: string) => (body += part))
      request.on("end", () => {
        const message = body === "" ? {} : (JSON.parse(body) as { readonly id?: number; readonly method?: string })
        if (message.method === "tools/call") {
          calls.push(message)
          request.socket.destroy()
          return
        }
        const answer =
          message.id === undefined ? "" : `data: ${JSON.stringify({ jsonrpc: "2.0", id: message.id, result: {} })}\n\n`
        response.writeHead(request.method === "GET" ? 405 : 200, { "mcp-session-id": "one" }).end(answer)
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, calls, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

it.scopedLive(
  "M1 a call that the server may have received is not sent again: the client learns that it may have had an effect",
  () =>
    Effect.gen(function* () {
      const { calls, url } = yield* cutting
      const written: Array<{ readonly id?: number; readonly error?: { readonly message: string } }> = []
      yield* Bridge.run<never>({
        lines: Stream.fromIterable([
          JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} }),
          JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "thread_create", arguments: {} } })
        ]),
        write: (line) => Effect.sync(() => void written.push(JSON.parse(line) as (typeof written)[number])),
        locate: Effect.succeed({ url })
      })
      expect(calls).toHaveLength(1)
      expect(written.map(({ id }) => id)).toEqual([1, 2])
      expect(written[1]?.error?.message).toContain("may have had an effect")
    })
)
