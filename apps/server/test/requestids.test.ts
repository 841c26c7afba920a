/** Two RPC calls in flight with the same id: their answers could not be distinguished. */
import { expect, it } from "@effect/vitest"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import { Effect, Queue } from "effect"
import { start } from "./support/Hosted.ts"

it.scopedLive(
  "C2 D15 a second call with the same id does not run, the first and the connection continue; after its end an id is free",
  () =>
    Effect.gen(function* () {
      const { dataDir, host, token, url } = yield* start()
      // More than the messages that this test receives.
      const received = yield* Queue.dropping<string>(64)
      const socket = yield* Effect.acquireRelease(
        Effect.async<WebSocket>((resume) => {
          const socket = NodeWebSocket.open(token)(`${url.replace("http", "ws")}/rpc`)
          socket.addEventListener("message", ({ data }) => Queue.unsafeOffer(received, String(data)))
          socket.addEventListener("open", () => resume(Effect.succeed(socket)))
        }),
        (socket) => Effect.sync(() => socket.close())
      )
      const ask = (id: string, tag: string, payload: object = {}) =>
        socket.send(JSON.stringify({ _tag: "Request", id, tag, payload, headers: [] }))
      const create = (commandId: string) => ({ command: { commandId, type: "project.create", cwd: dataDir } })

      ask("1", "follow")
      expect(yield* Queue.take(received)).toContain('"caught-up"')
      ask("1", "dispatch", create("second"))
      ask("2", "dispatch", create("third"))
      expect(yield* Queue.take(received)).toMatch(/"requestId":"2".*"commandId":"third"/)
      expect(yield* Effect.flip(host.commandStatus("second"))).toMatchObject({ _tag: "NotFound" })
      socket.send(JSON.stringify({ _tag: "Ack", requestId: "1" }))
      expect(yield* Queue.take(received)).toMatch(/"requestId":"1".*"project.created"/)
      ask("2", "dispatch", create("fourth"))
      expect(yield* Queue.take(received)).toMatch(/"requestId":"2".*"commandId":"fourth"/)
    })
)
