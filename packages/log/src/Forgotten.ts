/** The event that replaces an event of a forgotten stream: its offset, stream, version and time stay, its content is deleted. */
import type { StoredEvent } from "./EventLog.ts"

export const forgottenType = "log.forgotten"

/** The time of an event that has none, or whose own cannot be read. */
export const noTime = "1970-01-01T00:00:00.000Z"

/** The envelope's `at` precedes `data`, and a quote inside an earlier field is escaped, so the first match is the envelope's. */
const atOf = (json: string): string => /"at":("[^"]*")/.exec(json)?.[1] ?? JSON.stringify(noTime)

const forgottenStart = new RegExp(`^\\{"offset":\\d+,"stream":"(?:[^"\\\\]|\\\\.)*","version":\\d+,"type":"${forgottenType}",`)

/** Whether this is the wire JSON of a forgotten event. */
export const isForgotten = (json: string): boolean => forgottenStart.test(json)

/** `json`: the event's wire JSON; its time is kept. */
export const forgotten = (event: {
  readonly offset: number
  readonly stream: string
  readonly version: number
  readonly json: string
}): StoredEvent => {
  const { offset, stream, version } = event
  return {
    offset,
    stream,
    type: forgottenType,
    json: `{"offset":${offset},"stream":${JSON.stringify(stream)},"version":${version},"type":"${forgottenType}","at":${atOf(event.json)},"epoch":0,"data":{}}`
  }
}
