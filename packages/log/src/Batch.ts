/**
 * The envelopes of one append. Their events are encoded before the transaction and get their offsets and versions inside it. The wire JSON of an event
 * is made here, once, with its keys in the order `offset, stream, version, type, at, epoch, commandId?, actor?, data`.
 */
import { Either } from "effect"
import type { Blob, BlobReference } from "./Blob.ts"
import { type Committed, type Envelope, EventTooLarge, maxEventBytes, type StoredEvent, type StoredReceipt } from "./EventLog.ts"
import { forgotten } from "./Forgotten.ts"
import { RowFold, type FoldedRows } from "./RowFold.ts"

export interface PlacedEvent extends StoredEvent {
  readonly version: number
  readonly bytes: number
}

export interface PlacedReceipt extends Omit<StoredReceipt, "answer"> {
  /** JSON. */
  readonly answer: string
}

/** A batch with its offsets and versions. */
export interface Placed extends FoldedRows {
  readonly after: number
  readonly head: number
  readonly events: ReadonlyArray<PlacedEvent>
  /** The new version of each stream of the batch. */
  readonly versions: ReadonlyMap<string, number>
  readonly receipts: ReadonlyArray<PlacedReceipt>
  readonly committed: ReadonlyArray<Committed>
  /** The streams that the batch forgets, each with the offset of its last forgotten event. */
  readonly forgotten: ReadonlyMap<string, number>
}

export interface Batch {
  readonly blobs: ReadonlyArray<Blob>
  readonly references: ReadonlyArray<BlobReference>
  /** The streams of the batch's events, each once. */
  readonly streams: ReadonlyArray<string>
  readonly place: (head: number, versionOf: (stream: string) => number) => Placed
}

const json = (value: unknown): string => JSON.stringify(value) ?? "null"

/** Bytes for the offset and the version, which may have 16 digits each, and their keys. */
const envelopeSlack = 64

/** Encodes the events. Fails, before anything is written, if one is larger than 256 KiB as wire JSON (L4). */
export const prepare = (envelopes: ReadonlyArray<Envelope>): Either.Either<Batch, EventTooLarge> => {
  const streamJson = new Map<string, string>()
  const tails: Array<string> = []
  for (const { events } of envelopes) {
    for (const event of events) {
      let name = streamJson.get(event.stream)
      if (name === undefined) streamJson.set(event.stream, (name = `,"stream":${JSON.stringify(event.stream)},"version":`))
      const command = event.commandId === undefined ? "" : `,"commandId":${JSON.stringify(event.commandId)}`
      const actor = event.actor === undefined ? "" : `,"actor":${JSON.stringify(event.actor)}`
      const tail = `,"type":${JSON.stringify(event.type)},"at":${JSON.stringify(event.at)},"epoch":${event.epoch}${command}${actor},"data":${json(event.data)}}`
      // A UTF-16 code unit is at most 3 bytes, so most events need not be measured.
      if ((tail.length + name.length) * 3 > maxEventBytes) {
        const bytes = Buffer.byteLength(tail) + Buffer.byteLength(name) + envelopeSlack
        if (bytes > maxEventBytes)
          return Either.left(
            new EventTooLarge({
              type: event.type,
              bytes,
              limitBytes: maxEventBytes,
              message: `An event of type ${event.type} has ${bytes} bytes; the limit is ${maxEventBytes}. Put the large value into a blob.`
            })
          )
      }
      tails.push(tail)
    }
  }
  return Either.right({
    streams: [...streamJson.keys()],
    blobs: envelopes.flatMap(({ blobs }) => blobs ?? []),
    references: envelopes.flatMap(({ references }) => references ?? []),
    place: place(envelopes, streamJson, tails)
  })
}

/** Forgets the events of the stream in the batch so far, except the last one. */
const forget = (events: Array<PlacedEvent>, stream: string, forgets: Map<string, number>): void => {
  const last = events.findLastIndex((event) => event.stream === stream)
  if (last === -1) throw new Error(`${stream} is forgotten without an event that says so.`)
  forgets.set(stream, events[last]!.offset - 1)
  for (let i = 0; i < last; i++) if (events[i]!.stream === stream) events[i] = forgottenEvent(events[i]!)
}

export const forgottenEvent = (event: PlacedEvent): PlacedEvent => {
  const replaced = forgotten(event)
  return { ...event, ...replaced, bytes: Buffer.byteLength(replaced.json) }
}

const place =
  (envelopes: ReadonlyArray<Envelope>, streamJson: ReadonlyMap<string, string>, tails: ReadonlyArray<string>): Batch["place"] =>
  (head, versionOf) => {
    const versions = new Map<string, number>()
    const events: Array<PlacedEvent> = []
    const receipts: Array<PlacedReceipt> = []
    const committed: Array<Committed> = []
    const rows = new RowFold()
    const forgets = new Map<string, number>()
    let offset = head
    for (const envelope of envelopes) {
      const first = offset + 1
      for (const { stream, type } of envelope.events) {
        offset++
        const version = (versions.get(stream) ?? versionOf(stream)) + 1
        versions.set(stream, version)
        const wire = `{"offset":${offset}${streamJson.get(stream)}${version}${tails[events.length]}`
        events.push({ offset, stream, type, json: wire, version, bytes: Buffer.byteLength(wire) })
      }
      for (const stream of envelope.forget ?? []) forget(events, stream, forgets)
      for (const change of envelope.rows) {
        const [rank, stream] =
          change.op === "put"
            ? [Math.min(first + change.event, offset), (envelope.events[change.event] ?? envelope.events.at(-1))?.stream]
            : [0, undefined]
        rows.add(change, rank, stream)
      }
      if (envelope.receipt !== undefined) receipts.push({ ...envelope.receipt, answer: json(envelope.receipt.answer), offset })
      committed.push({ first, last: offset })
    }
    return { after: head, head: offset, events, versions, ...rows.result(), receipts, committed, forgotten: forgets }
  }
