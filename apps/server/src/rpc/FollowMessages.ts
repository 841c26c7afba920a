/**
 * The messages of the `follow` calls of one connection. Each is a `Chunk` of the RPC protocol around the shared text of its frames, and the next one waits
 * for the client's acknowledgement (D7). They do not pass through `RpcServer`, whose work for a message is several times that of sending it (decision 0117).
 */
import { Effect } from "effect"

/** The `ws` WebSocket of a connection. `send` accepts text as bytes, and one message in several fragments. */
export interface TextSocket {
  readonly send: (data: Uint8Array, options: { readonly binary: false; readonly fin: boolean }) => void
}

/** A message up to this size is copied into one WebSocket frame. A larger message is sent as fragments, without a copy of the shared page. */
const maxCopiedBytes = 16 * 1024

const [comma, end] = [Buffer.from(","), Buffer.from("]}")]

const send = (socket: TextSocket, requestId: string, frames: ReadonlyArray<Buffer>): void => {
  const start = Buffer.from(`{"_tag":"Chunk","requestId":${JSON.stringify(requestId)},"values":[`)
  const parts = [start, ...frames.flatMap((bytes, n) => (n === 0 ? [bytes] : [comma, bytes])), end]
  const size = parts.reduce((sum, { length }) => sum + length, 0)
  const sent = size > maxCopiedBytes ? parts : [Buffer.concat(parts, size)]
  for (const [n, part] of sent.entries()) socket.send(part, { binary: false, fin: n === sent.length - 1 })
}

/** The messages of one connection that are not acknowledged: at most one for each call. */
export class Unacknowledged {
  readonly #resume = new Map<string, () => void>()

  get size(): number {
    return this.#resume.size
  }

  /** The client acknowledged the message of the call with this id. Without one it does nothing. */
  acknowledge(requestId: string): void {
    const resume = this.#resume.get(requestId)
    this.#resume.delete(requestId)
    resume?.()
  }

  /** Runs `send`, which sends a message, and returns when the client has acknowledged it. */
  after(requestId: string, send: () => void): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.#resume.set(requestId, () => resume(Effect.void))
      send()
      return Effect.sync(() => void this.#resume.delete(requestId))
    })
  }
}

/** A `follow` request as its handler receives it. `RpcServer` runs one call with the same id at a time. */
export class FollowRequest {
  readonly payload: unknown
  readonly #requestId: string
  readonly #unacknowledged: Unacknowledged
  constructor(payload: unknown, requestId: string, unacknowledged: Unacknowledged) {
    this.payload = payload
    this.#requestId = requestId
    this.#unacknowledged = unacknowledged
  }

  /** Sends frames as one message and returns when the client has acknowledged it. Each buffer is the text of one or more frames (FrameText.ts). */
  deliver(socket: TextSocket, frames: ReadonlyArray<Buffer>): Effect.Effect<void> {
    return this.#unacknowledged.after(this.#requestId, () => send(socket, this.#requestId, frames))
  }
}
