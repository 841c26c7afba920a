/** The log in memory: the same behaviour, without durability. For tests, simulations, and embedders that need no durability. */
import { Effect, Layer, Random } from "effect"
import { forgottenEvent, type PlacedReceipt, type PlacedEvent, type Batch, type Placed } from "./Batch.ts"
import { EventLog, type Page, type ReadOptions, type StoredEvent, type StoredReceipt } from "./EventLog.ts"
import { MemoryBlobs } from "./MemoryBlobs.ts"
import { RowTable } from "./RowTable.ts"
import * as StoredLog from "./StoredLog.ts"
import { epochOf, type StepHook, type Storage, StorageFailure, type StorageView } from "./Storage.ts"

export interface Options extends StoredLog.Options {
  readonly onStep?: StepHook
}

/** Random from the Random service, so that a simulation with the same seed has the same epoch. */
const newEpoch = Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, 32), 26), epochOf)

/** First index whose event lies after the offset. */
const indexAfter = (events: ReadonlyArray<StoredEvent>, offset: number): number => {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (events[middle]!.offset > offset) high = middle
    else low = middle + 1
  }
  return low
}

/** The storage of a log in memory. To simulate a restart, call `StoredLog.make` again with the same storage. */
export const storage = (epoch: string, onStep: StepHook = () => {}): Storage => {
  let events: Array<PlacedEvent> = []
  const streams = new Map<string, { version: number; events: Array<PlacedEvent> }>()
  const rows = new RowTable()
  const receipts = new Map<string, PlacedReceipt>()
  const blobs = new MemoryBlobs()
  let head = 0
  let retainedFrom = 0
  let generation = 0
  /** The number of steps. Each step stands for an SQL statement of the log on disk, so that a test can compare costs. */
  let statements = 0

  const step: StepHook = (name) => {
    statements++
    onStep(name)
  }

  const forget = (name: string, upTo: number): void => {
    blobs.forget(name)
    const stream = streams.get(name)
    if (stream === undefined) return
    stream.events = stream.events.map((event) => (event.offset <= upTo ? forgottenEvent(event) : event))
    const replaced = new Map(stream.events.map((event) => [event.offset, event] as const))
    events = events.map((event) => (event.stream === name ? (replaced.get(event.offset) ?? event) : event))
  }

  const apply = (placed: Placed): void => {
    for (const event of placed.events) {
      events.push(event)
      let stream = streams.get(event.stream)
      if (stream === undefined) streams.set(event.stream, (stream = { version: 0, events: [] }))
      stream.version = event.version
      stream.events.push(event)
    }
    for (const [name, upTo] of placed.forgotten) forget(name, upTo)
    if (placed.forgotten.size > 0) generation++
    for (const { collection, parent } of placed.childDeletes) rows.deleteChildren(collection, parent)
    for (const put of placed.puts) rows.put(put)
    for (const { collection, key } of placed.deletes) rows.delete(collection, key)
    for (const receipt of placed.receipts) receipts.set(receipt.commandId, receipt)
    head = placed.head
  }

  const commit = (batch: Batch): Placed => {
    step("begin")
    let committed = false
    try {
      step("streams")
      const placed = batch.place(head, (stream) => streams.get(stream)?.version ?? 0)
      if (batch.blobs.length + batch.references.length > 0) step("blobs")
      if (placed.events.length > 0) step("events")
      if (placed.childDeletes.length > 0) step("children")
      if (placed.puts.length > 0) step("rows")
      if (placed.deletes.length > 0) step("deletes")
      if (placed.receipts.length > 0) step("receipts")
      for (const { commandId } of placed.receipts)
        if (receipts.has(commandId)) throw new Error(`Command ${commandId} already has a receipt.`)
      step("commit")
      blobs.write(batch.blobs, batch.references)
      apply(placed)
      committed = true
      onStep("committed")
      return placed
    } catch (cause) {
      if (committed && cause instanceof StorageFailure) return lastPlaced(batch)
      throw cause
    }
  }
  /** The batch was committed, but the caller saw a failure. Computes the positions that the batch got, by counting back from the head. */
  const lastPlaced = (batch: Batch): Placed => {
    const probe = batch.place(0, () => 0)
    return batch.place(head - probe.head, (stream) => (streams.get(stream)?.version ?? 0) - (probe.versions.get(stream) ?? 0))
  }

  const readEvents = (options: ReadOptions): Page => {
    const list = options.stream === undefined ? events : (streams.get(options.stream)?.events ?? [])
    const limit = options.limit ?? 1_000
    const maxBytes = options.maxBytes ?? 1024 * 1024
    const page: Array<StoredEvent> = []
    let bytes = 0
    let i = options.stream === undefined ? Math.max(0, options.after - retainedFrom) : indexAfter(list, options.after)
    for (; i < list.length && page.length < limit; i++) {
      const event = list[i]!
      if (page.length > 0 && bytes + event.bytes > maxBytes) break
      bytes += event.bytes
      page.push(event)
    }
    const upTo = i >= list.length ? Math.max(head, options.after) : (page.at(-1)?.offset ?? options.after)
    return { after: options.after, upTo, head, events: page, generation }
  }

  const view: StorageView = {
    get head() {
      return head
    },
    get retainedFrom() {
      return retainedFrom
    },
    get generation() {
      return generation
    },
    row: (collection, key) => rows.get(collection, key),
    rankOf: ({ collection, key }) => rows.rankOf(collection, key),
    rows: (scan) => rows.page(scan),
    count: (collection, parent) => rows.count(collection, parent),
    events: readEvents
  }

  return {
    epoch,
    commit,
    view: (read) => read(view),
    receipts: (commandIds) => {
      const found = new Map<string, StoredReceipt>()
      for (const id of commandIds) {
        const receipt = receipts.get(id)
        if (receipt !== undefined) found.set(id, { ...receipt, answer: JSON.parse(receipt.answer) as unknown })
      }
      return found
    },
    blobs,
    trim: (upTo) => {
      events = events.slice(Math.max(0, upTo - retainedFrom))
      for (const stream of streams.values()) stream.events = stream.events.slice(indexAfter(stream.events, upTo))
      retainedFrom = upTo
    },
    statements: () => statements,
    lost: () => undefined
  }
}

export const make = (options: Options = {}) =>
  Effect.flatMap(newEpoch, (epoch) => StoredLog.make(storage(epoch, options.onStep), options))

/** A new log. It cannot fail to open. */
export const layer = (options: Options = {}): Layer.Layer<EventLog> => Layer.effect(EventLog, Effect.orDie(make(options)))
