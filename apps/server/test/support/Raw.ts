/** A raw TCP connection: everything that the server sends until it closes the connection. */
import { connect } from "node:net"
import { Effect } from "effect"

/** Sends bytes and reads until the server has closed both directions; the client does not close its side. */
export const raw = (url: string, says: string): Effect.Effect<string> =>
  Effect.async((resume) => {
    const { hostname, port } = new URL(url)
    let text = ""
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true }, () => socket.write(says))
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1")
    })
    // A server that ended only its own side still accepts writes; one that closed the connection resets it at a later write.
    const more = () => socket.write("\r\n", (error) => (error ? undefined : setImmediate(more)))
    socket.on("end", more)
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(text)))
    return Effect.sync(() => socket.destroy())
  })

export const get = (target: string, headers: Readonly<Record<string, string>> = {}, method = "GET") =>
  `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n`

export const webSocket = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
}
export const events = { accept: "Text/Event-Stream" }
