/** A TCP proxy in front of a server that cuts connections. */
import { connect, createServer, type Socket } from "node:net"
import { Effect } from "effect"

export interface CuttingProxy {
  readonly port: number
  /** Number of connections that the proxy has cut or will cut, so far. */
  readonly cuts: () => number
  /** Resolves when no connection is open. */
  readonly idle: () => Promise<void>
  readonly close: () => void
}

/** A proxy on loopback. It cuts each connection but the last after a number of bytes that the seed decides. */
export const cuttingProxy = (port: number, cuts: number, random: () => number) =>
  Effect.acquireRelease(
    Effect.async<CuttingProxy>((resume) => {
      let done = 0
      const sockets = new Set<Socket>()
      const open = new Set<Socket>()
      let closed = () => {}
      const proxy = createServer((client) => {
        const server = connect(port, "127.0.0.1")
        sockets.add(client).add(server)
        open.add(client)
        client.on("close", () => {
          open.delete(client)
          closed()
        })
        const end = () => {
          client.destroy()
          server.destroy()
        }
        for (const socket of [client, server]) socket.on("error", end).on("close", end)
        client.pipe(server)
        if (done >= cuts) return void server.pipe(client)
        done++
        let left = 200 + Math.floor(random() * 3_000)
        server.on("data", (bytes) => {
          client.write(bytes.subarray(0, left))
          left -= bytes.length
          if (left <= 0) end()
        })
      })
      proxy.listen(0, "127.0.0.1", () => {
        const address = proxy.address()
        resume(
          Effect.succeed({
            port: typeof address === "object" && address !== null ? address.port : 0,
            cuts: () => done,
            idle: () =>
              new Promise<void>((resolve) => {
                closed = () => open.size === 0 && resolve()
                closed()
              }),
            close: () => {
              proxy.close()
              for (const socket of sockets) socket.destroy()
            }
          })
        )
      })
    }),
    (proxy) => Effect.sync(proxy.close)
  )
