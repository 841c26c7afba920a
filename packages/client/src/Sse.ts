/**
 * Incremental parser of `text/event-stream`. The frames do not depend on where the bytes are cut: a cut may be inside a code point, a line ending
 * or a field. An incomplete frame at the end of the stream is not delivered.
 */
import { createParser, type EventSourceMessage } from "eventsource-parser"

export interface SseParser {
  /**
   * Adds bytes and returns the frames that they complete, in order. `id` is the id of that frame only. Control frames have no id and never move a cursor
   * (D5). Returns `undefined` if an incomplete frame is longer than the limit; the parser cannot be used afterwards.
   */
  readonly push: (bytes: Uint8Array) => ReadonlyArray<EventSourceMessage> | undefined
}

/** `maxFrameCharacters`: maximum length of a frame that is not complete yet. */
export const make = (maxFrameCharacters: number): SseParser => {
  const decoder = new TextDecoder()
  let frames: Array<EventSourceMessage> = []
  let overflow = false
  const parser = createParser({
    maxBufferSize: maxFrameCharacters,
    onEvent: (frame) => frames.push(frame),
    onError: ({ type }) => {
      overflow ||= type === "max-buffer-size-exceeded"
    }
  })
  return {
    push: (bytes) => {
      frames = []
      parser.feed(decoder.decode(bytes, { stream: true }))
      return overflow ? undefined : frames
    }
  }
}
