/** A WebSocket handshake over a raw connection, with any headers. */
import { connect } from "node:net"
import { Effect } from "effect"

/** The answer to a WebSocket upgrade; its status is 101 when it was taken. `text`: at least its headers. */
export const upgrade = (url: string, path: string, headers: Record<string, string>) =>
  Effect.async<{ readonly status: number; readonly text: string }, Error>((resume) => {
    const { hostname, port, host } = new URL(url)
    const all = {
      host,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers
    }
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        `GET ${path} HTTP/1.1\r\n${Object.entries(all)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join("")}\r\n`
      )
    )
    let text = ""
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk
      if (!text.includes("\r\n\r\n")) return
      socket.destroy()
      resume(Effect.succeed({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text }))
    })
    socket.on("end", () => resume(Effect.dieMessage(`The connection ended in the headers: ${text}`)))
    socket.on("error", (error) => resume(Effect.fail(error)))
  })
