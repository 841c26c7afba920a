/**
 * Incremental parser of `text/event-stream`. The frames do not depend on where the bytes are cut, even inside a code point, a line ending
 * or a field. Fields other than `id`, `event` and `data` are ignored. An incomplete frame at the end of the stream is not delivered.
 */

export interface SseFrame {
  /** The id of this frame only: control frames have none and never move a cursor (D5). */
  readonly id: string | undefined
  /** `message` if the frame has no `event` field. */
  readonly event: string
  readonly data: string
}

export interface SseParser {
  /** Adds bytes and returns the frames that they complete, in order. */
  readonly push: (bytes: Uint8Array) => ReadonlyArray<SseFrame>
  /** Number of characters held for an incomplete frame. */
  readonly held: () => number
}

const field = (line: string): readonly [string, string] => {
  const colon = line.indexOf(":")
  if (colon === -1) return [line, ""]
  return [line.slice(0, colon), line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1)]
}

export const make = (): SseParser => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: false })
  let rest = ""
  /** `rest` holds no line ending before this position. */
  let seen = 0
  let id: string | undefined
  let event = ""
  let data: Array<string> = []

  const take = (line: string, frames: Array<SseFrame>) => {
    if (line === "") {
      if (data.length > 0) frames.push({ id, event: event === "" ? "message" : event, data: data.join("\n") })
      id = undefined
      event = ""
      data = []
      return
    }
    const [name, value] = field(line)
    if (name === "data") data.push(value)
    else if (name === "event") event = value
    else if (name === "id") id = value
  }

  const push = (bytes: Uint8Array): ReadonlyArray<SseFrame> => {
    rest += decoder.decode(bytes, { stream: true })
    const frames: Array<SseFrame> = []
    let from = 0
    let at = seen
    for (; at < rest.length; at++) {
      const code = rest.charCodeAt(at)
      if (code !== 10 && code !== 13) continue
      // A carriage return at the very end may be half of a CRLF: wait for the next bytes.
      if (code === 13 && at + 1 === rest.length) break
      take(rest.slice(from, at), frames)
      if (code === 13 && rest.charCodeAt(at + 1) === 10) at++
      from = at + 1
    }
    rest = rest.slice(from)
    seen = at - from
    return frames
  }

  return { push, held: () => rest.length + data.reduce((sum, part) => sum + part.length, 0) }
}
