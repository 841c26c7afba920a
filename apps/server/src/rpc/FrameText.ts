/**
 * The frames of a `follow` call as JSON text. The text of a page is made once from the committed JSON of its events and spliced into the message of each
 * subscriber (D9): the server neither parses nor encodes nor copies an event again (decision 0109).
 */
import type { RpcSerialization } from "@effect/rpc"
import { Predicate } from "effect"
import { format } from "@millrace/contracts/Cursor"
import type { WireFrame } from "@millrace/contracts/Frame"
import type { Page } from "@millrace/log/EventLog"
import { type ControlFrame, encodeTexts } from "../subscriptions/FrameEncoder.ts"

/** The `ws` WebSocket of a subscriber. `send` accepts text as bytes, and one message in several fragments. */
export interface TextSocket {
  readonly send: (data: Uint8Array, options: { readonly binary: false; readonly fin: boolean }) => void
}

/** One or more frames for one subscriber: the UTF-8 of JSON values, separated by commas. */
export class FrameText {
  readonly bytes: Buffer
  readonly socket: TextSocket
  constructor(bytes: Buffer, socket: TextSocket) {
    this.bytes = bytes
    this.socket = socket
  }
}

export const ofControl = (frame: WireFrame): Buffer => Buffer.from(JSON.stringify(frame))

/** The frames of a page. It has at least one event. */
export const ofPage = (epoch: string, { events }: Page): Buffer =>
  encodeTexts(
    events.map(
      ({ json, offset }, n) => `${n === 0 ? "" : ","}{"_tag":"event","cursor":"${format(epoch, offset)}","event":${json}}`
    )
  )

/** The frames of a step other than a page. */
export const ofStep = (epoch: string, step: ControlFrame): Buffer => {
  switch (step._tag) {
    case "open":
      return ofControl({ _tag: "open", logEpoch: epoch, head: step.head })
    case "signals":
      return Buffer.from(step.signals.map((signal) => JSON.stringify({ _tag: "signal", signal })).join(","))
    case "bye":
      return ofControl({ ...step, resumeAfter: format(epoch, step.resumeAfter) })
    default:
      return ofControl(step)
  }
}

/** A message up to this size is copied into one WebSocket frame. A larger one is sent as fragments, without copying the shared page. */
const maxCopiedBytes = 16 * 1024

const [comma, end] = [Buffer.from(","), Buffer.from("]}")]
const isFrames = (message: unknown): message is { readonly requestId: string; readonly values: ReadonlyArray<FrameText> } =>
  Predicate.isTagged(message, "Chunk") &&
  Predicate.hasProperty(message, "values") &&
  Array.isArray(message.values) &&
  message.values.every((value) => value instanceof FrameText)

/** Sends the frames of `follow` to their socket and returns `undefined`; encodes every other message of the server. */
export const encode = (message: unknown, parser: RpcSerialization.Parser): Uint8Array | string | undefined => {
  if (!isFrames(message)) return parser.encode(message)
  const start = Buffer.from(`{"_tag":"Chunk","requestId":${JSON.stringify(message.requestId)},"values":[`)
  const parts = [start, ...message.values.flatMap(({ bytes }, n) => (n === 0 ? [bytes] : [comma, bytes])), end]
  const size = parts.reduce((sum, { length }) => sum + length, 0)
  const sent = size > maxCopiedBytes ? parts : [Buffer.concat(parts, size)]
  for (const [n, part] of sent.entries()) message.values[0]?.socket.send(part, { binary: false, fin: n === sent.length - 1 })
  return undefined
}
