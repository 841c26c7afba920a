/** A client of the bench: one connection, read at full speed. Inspects only the bytes that a measurement needs. */
import { type ClientRequest, type IncomingMessage, request } from "node:http"

export interface Reader {
  /** Bytes of the body received so far. */
  readonly bytes: () => number
  /** Resolves when the body contains this text. Searches only the newest chunks. */
  readonly until: (part: string) => Promise<void>
  /** Resolves after this many bytes. */
  readonly atBytes: (count: number) => Promise<void>
  /** Resolves when the server has ended the answer. */
  readonly ended: Promise<void>
  readonly pause: () => void
  readonly resume: () => void
  readonly close: () => void
}

export interface Options {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Called with every chunk. */
  readonly onData?: (chunk: Buffer) => void
}

/** Resolves when the answer has begun. */
export const open = (options: Options): Promise<Reader> =>
  new Promise((connected, failed) => {
    let bytes = 0
    /** The last two chunks: the text may cross their boundary. */
    let before: Buffer = Buffer.alloc(0)
    let last: Buffer = Buffer.alloc(0)
    const tail = () => Buffer.concat([before.subarray(-1000), last.subarray(-1000)]).toString("latin1")
    const watchers = new Set<() => void>()
    const watch = (holds: () => boolean) =>
      new Promise<void>((done) => {
        const look = () => {
          if (!holds()) return
          watchers.delete(look)
          done()
        }
        watchers.add(look)
        look()
      })
    const sent: ClientRequest = request(
      options.url,
      { agent: false, headers: { accept: "text/event-stream", ...options.headers } },
      (response: IncomingMessage) => {
        if (response.statusCode !== 200) return failed(new Error(`${options.url} answered ${response.statusCode}`))
        const ended = new Promise<void>((done) => response.once("close", done))
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length
          options.onData?.(chunk)
          before = last
          last = chunk
          for (const look of watchers) look()
        })
        // The end of the bench cuts connections, which is not an error.
        response.on("error", () => {})
        connected({
          bytes: () => bytes,
          until: (part) => watch(() => tail().includes(part)),
          atBytes: (count) => watch(() => bytes >= count),
          ended,
          pause: () => void response.pause(),
          resume: () => void response.resume(),
          close: () => void sent.destroy()
        })
      }
    )
    sent.on("error", failed)
    sent.end()
  })

const at = "@".charCodeAt(0)

/** Finds timestamps in a byte stream: calls back with the age, in milliseconds, of each marked text. */
export const ages = (found: (millis: number) => void): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    const now = Number(process.hrtime.bigint())
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let from = 0
    for (;;) {
      const begin = bytes.indexOf(at, from)
      const end = begin < 0 ? -1 : bytes.indexOf(at, begin + 1)
      if (end < 0) {
        rest = begin < 0 ? Buffer.alloc(0) : bytes.subarray(begin)
        return
      }
      found((now - Number(bytes.toString("latin1", begin + 1, end))) / 1e6)
      from = end + 1
    }
  }
}

/** Finds offsets in a stream of frames. `next` is the expected offset as long as each arrived once and in order. */
export const sequence = (first: number): { readonly onData: (chunk: Buffer) => void; readonly next: () => number } => {
  let rest = ""
  let due = first
  let broken = false
  return {
    onData: (chunk) => {
      const lines = (rest + chunk.toString("latin1")).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) {
        if (!line.startsWith("id: ")) continue
        if (Number(line.slice(line.indexOf("-") + 1)) !== due) broken = true
        else due++
      }
    },
    next: () => (broken ? Number.NaN : due)
  }
}
