/**
 * The frames of a `follow` call as text: the UTF-8 of JSON values, separated by commas. The text of a page is made once from the committed JSON of its
 * events (D9): the server neither parses nor encodes nor copies an event again (decision 0109).
 */
import { format } from "@millrace/contracts/Cursor"
import type { WireFrame } from "@millrace/contracts/Frame"
import type { Page } from "@millrace/log/EventLog"
import { type ControlFrame, encodeTexts } from "../subscriptions/FrameEncoder.ts"

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
