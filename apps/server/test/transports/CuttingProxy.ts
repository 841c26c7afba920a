/** A proxy to the server that cuts its connections at any byte of the response (D2). */
import { connect, createServer, type Socket } from "node:net"
import { Effect, type Scope } from "effect"

/** Where a connection is cut: after a number of response bytes, or later if these end with `notAfter`; or right after given bytes. */
export type Cut = { readonly bytes: number; readonly notAfter?: RegExp } | { readonly after: string | Buffer }

/** Longer than any match of a `notAfter`. */
const tail = 300

/** How many of all received bytes (`all`) pass; `undefined`: all of them. */
const passing = (cut: Cut | undefined, all: Buffer): number | undefined => {
  if (cut === undefined) return undefined
  if ("after" in cut) {
    const at = all.indexOf(cut.after)
    return at < 0 ? undefined : at + Buffer.byteLength(cut.after)
  }
  for (let end = cut.bytes; end <= all.length; end++)
    if (cut.notAfter?.test(all.toString("latin1", Math.max(0, end - tail), end)) !== true) return end
  return undefined
}

export interface Options {
  /** The unix socket to listen at; default: a free port of this machine. */
  readonly at?: string
  /** Called when a connection has sent its first bytes. */
  readonly onAsk?: () => void
}

/**
 * `to`: a URL, or the path of a unix socket. `cutOf` returns where the next connection is cut, given the number of cuts so far; `undefined` ends the cuts. Its connections end
 * with the scope.
 */
export const openWith = (
  to: string,
  cutOf: (cuts: number) => Cut | undefined,
  { at, onAsk }: Options = {}
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
        const sockets = new Set<Socket>()
        let cuts = 0
        const server = createServer((client) => {
          const upstream = to.startsWith("/") ? connect(to) : connect(Number(new URL(to).port), "127.0.0.1")
          const end = () => {
            client.destroy()
            upstream.destroy()
          }
          for (const socket of [client, upstream]) {
            sockets.add(socket)
            socket.on("error", end)
            socket.on("close", () => {
              sockets.delete(socket)
              end()
            })
          }
          let all: Buffer = Buffer.alloc(0)
          let sent = 0
          client.on("data", (chunk) => upstream.write(chunk))
          if (onAsk !== undefined) client.once("data", onAsk)
          upstream.on("data", (chunk) => {
            all = Buffer.concat([all, chunk])
            const upTo = passing(cutOf(cuts), all)
            const part = all.subarray(sent, upTo ?? all.length)
            sent += part.length
            if (upTo === undefined) client.write(part)
            else {
              cuts++
              upstream.pause()
              // The client receives every byte before the cut.
              client.end(part, end)
            }
          })
        })
        server.once("error", (error) => resume(Effect.die(error)))
        server.listen(at === undefined ? { port: 0, host: "127.0.0.1" } : { path: at }, () => {
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

/** A proxy that cuts each connection after this many bytes of responses. */
export const open = (url: string, bytes: number): Effect.Effect<string, never, Scope.Scope> => openWith(url, () => ({ bytes }))
