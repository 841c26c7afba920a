/** A way to the server that breaks: it tears its connections when so many bytes of answers have passed, wherever that is (D2). */
import { connect, createServer, type Socket } from "node:net"
import { Effect, type Scope } from "effect"

/** The address to use instead of the server's; its connections end with the scope. */
export const open = (url: string, bytes: number): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
        const sockets = new Set<Socket>()
        let left = bytes
        const server = createServer((client) => {
          const upstream = connect(Number(new URL(url).port), "127.0.0.1")
          const cut = () => {
            client.destroy()
            upstream.destroy()
          }
          for (const socket of [client, upstream]) {
            sockets.add(socket)
            socket.on("error", cut)
            socket.on("close", cut)
          }
          client.on("data", (chunk) => upstream.write(chunk))
          upstream.on("data", (chunk) => {
            const part = chunk.subarray(0, Math.max(0, left))
            left -= part.length
            client.write(part, left > 0 ? undefined : cut)
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const close = () => {
            server.close()
            for (const socket of sockets) socket.destroy()
          }
          resume(Effect.succeed({ port, close }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ port }) => `http://127.0.0.1:${port}`
  )
