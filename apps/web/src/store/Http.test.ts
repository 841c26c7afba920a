import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit } from "effect"
import { createServer } from "node:net"
import { request } from "./Http.ts"

const deadline = new AbortController()

it.scopedLive("P6 a call of the page to a server that never answers ends with a message that says what to do", () =>
  Effect.gen(function* () {
    const port = yield* Deferred.make<number>()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        // Accepts the request and never answers, so that the deadline passes.
        const server = createServer((socket) => socket.on("error", () => {}).once("data", () => deadline.abort()))
        return server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          if (address !== null && typeof address === "object") Deferred.unsafeDone(port, Exit.succeed(address.port))
        })
      }),
      (server) => Effect.sync(() => server.close())
    )
    const url = `http://127.0.0.1:${yield* Deferred.await(port)}/api/processes`
    const error = yield* Effect.flip(Effect.tryPromise({ try: () => request(url, {}, deadline.signal), catch: String }))
    expect(error).toBe("Error: The server did not answer within 30 s. Check that it runs, then load the page again.")
  })
)
