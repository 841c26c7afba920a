/**
 * A subscriber over RPC, read at full speed: it acknowledges each message and decodes none, as the SSE client of the bench decodes no frame. A client that
 * decodes would be the slower process, and the server would be measured waking from idle for each message.
 */
import { connect, type Socket } from "node:net"

/** One unmasked WebSocket frame of the server, from its first bytes. `undefined`: more bytes are needed. */
const headerOf = (bytes: Buffer) => {
  if (bytes.length < 2) return undefined
  const short = bytes.readUInt8(1)
  const size = short < 126 ? 2 : short === 126 ? 4 : 10
  if (bytes.length < size) return undefined
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  return { size, length, last: (bytes.readUInt8(0) & 0x80) !== 0 }
}

/** A text message of a client, shorter than 126 bytes, masked with zeros. */
const message = (value: unknown) => {
  const text = Buffer.from(JSON.stringify(value))
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text])
}

const acknowledgement = message({ _tag: "Ack", requestId: "1" })

/** Follows the log after this cursor; resolves with the connection when it receives `caught-up`. */
export const follow = (url: string, after: string): Promise<Socket> =>
  new Promise((caughtUp, failed) => {
    const { host, hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        `GET /rpc HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
      )
    )
    socket.on("error", failed)
    let upgraded = false
    /** Bytes of the current frame that are yet to come, and whether it ends its message. */
    let [left, last] = [0, false]
    let rest: Buffer = Buffer.alloc(0)
    /** The end of the current message. */
    let tail = ""
    socket.on("data", (chunk) => {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      if (!upgraded) {
        const end = bytes.indexOf("\r\n\r\n")
        rest = bytes
        if (end < 0) return
        if (!bytes.toString("latin1", 0, 20).startsWith("HTTP/1.1 101"))
          return failed(new Error(bytes.toString("latin1", 0, end)))
        upgraded = true
        socket.write(message({ _tag: "Request", id: "1", tag: "follow", headers: [], payload: { after } }))
        bytes = bytes.subarray(end + 4)
      }
      for (;;) {
        if (left === 0) {
          const header = headerOf(bytes)
          if (header === undefined) break
          bytes = bytes.subarray(header.size)
          left = header.length
          last = header.last
        }
        const part = bytes.subarray(0, left)
        tail = (tail + part.toString("latin1", Math.max(0, part.length - 300))).slice(-300)
        bytes = bytes.subarray(part.length)
        left -= part.length
        if (left > 0) break
        if (!last) continue
        if (tail.includes('"_tag":"Exit"')) return failed(new Error(tail))
        socket.write(acknowledgement)
        if (tail.includes('{"_tag":"caught-up"')) caughtUp(socket)
        tail = ""
      }
      rest = bytes
    })
  })
