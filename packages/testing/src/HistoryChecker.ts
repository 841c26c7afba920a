/**
 * Compares the histories of readers with the log. It is pure, so it can check any recorded history. The connections of a reader, joined, must equal
 * the log or its filtered part, once, in order, wherever a connection was cut and resumed (D2). Every other rule names its invariant.
 */
import { isTerminal } from "@millrace/contracts/Event"

/** A committed row, as read from the log at the end. */
export interface Row {
  readonly offset: number
  readonly stream: string
  readonly type: string
  /** The JSON text as sent to clients. */
  readonly json: string
}

/** A frame or page that one connection delivered. Frames are in order of arrival. */
export type Seen =
  /** `offset`: from the frame's id. */
  | { readonly _tag: "event"; readonly offset: number; readonly json: string }
  | { readonly _tag: "caught-up"; readonly head: number; readonly replayed?: number }
  | { readonly _tag: "heartbeat"; readonly head: number }
  | { readonly _tag: "bye"; readonly resumeAfter: number }
  | { readonly _tag: "end" }
  /** Best effort: the server omitted `skipped` events of `from`..`to`. */
  | { readonly _tag: "lagged"; readonly from: number; readonly to: number; readonly skipped: number }
  /** One page. `since` is from the request, `upTo` from the response header. Events are in the order of the body. */
  | {
      readonly _tag: "page"
      readonly since: number
      readonly upTo: number
      readonly limit?: number
      readonly jsons: ReadonlyArray<string>
    }

/** One connection, from the requested position to its end. */
export interface Attach {
  readonly after: number
  readonly seen: ReadonlyArray<Seen>
  /** Whether the connection is still open and nothing is in flight. */
  readonly live: boolean
}

export interface History {
  readonly reader: string
  /** Set if the reader requested only this stream. */
  readonly stream?: string
  /** The offset at which the reader began. */
  readonly start: number
  readonly attaches: ReadonlyArray<Attach>
}

export type Rule =
  | "D2 hole"
  | "D2 repeat or disorder"
  | "D2 differs from the log"
  | "L2 not in the log"
  | "D3 cursor went back"
  | "D4 header below body"
  | "D4 header beyond body"
  | "D4 limit"
  | "D5 id"
  | "D6 caught-up twice"
  | "D6 caught-up early"
  | "D6 caught-up missing"
  | "D6 caught-up count"
  | "S3 bye"
  | "D13 terminal lost"
  | "D13 end"
  | "D7 lagged"
  | "D1 behind"

export interface Violation {
  readonly reader: string
  readonly rule: Rule
  readonly detail: string
}

/** The last event in the stream of a deleted thread. */
const deletion = "thread.deleted"

interface Position {
  readonly offset?: unknown
  readonly stream?: unknown
  readonly version?: unknown
  readonly at?: unknown
}

/**
 * Whether an event that was delivered before its thread was deleted equals the event in the log today (L14): its position and time are the same, and its
 * content is forgotten. Any other event must be unchanged.
 */
const asHeld = (log: ReadonlyArray<Row>, json: string): string => {
  const { at, offset, stream, version } = JSON.parse(json) as Position
  const held = typeof offset === "number" ? log[offset - 1] : undefined
  if (held?.type !== "log.forgotten") return json
  const position = JSON.parse(held.json) as Position
  return position.stream === stream && position.version === version && position.at === at ? held.json : json
}

const checkHistory = (log: ReadonlyArray<Row>, history: History, settled: boolean): ReadonlyArray<Violation> => {
  const found: Array<Violation> = []
  const report = (rule: Rule, detail: string) => void found.push({ reader: history.reader, rule, detail })
  const head = log.length
  const wanted = log.filter(
    (row) => row.offset > history.start && (history.stream === undefined || row.stream === history.stream)
  )
  const deletedAt =
    history.stream === undefined ? undefined : log.find((row) => row.stream === history.stream && row.type === deletion)?.offset
  /** Number of delivered events of `wanted`: `wanted[next]` is due next. */
  let next = 0
  let ended = false
  /** Offsets that a best-effort reader skipped. */
  const skipped = new Set<number>()

  const deliver = (offset: number | undefined, delivered: string): void => {
    const json = asHeld(log, delivered)
    const due = wanted[next]
    if (due !== undefined && due.json === json) {
      if (offset !== undefined && offset !== due.offset) report("D5 id", `event ${due.offset} came with the id of ${offset}`)
      next++
      return
    }
    const at = wanted.findIndex((row) => row.json === json)
    if (at < 0) {
      const claimed = offset === undefined ? undefined : log[offset - 1]
      if (claimed === undefined)
        report("L2 not in the log", `${offset ?? "an event"} was delivered but is not in the log: ${json}`)
      else report("D2 differs from the log", `at ${offset}: delivered ${json}, the log holds ${claimed.json}`)
    } else if (at < next) report("D2 repeat or disorder", `event ${wanted[at]?.offset} was repeated or came late`)
    else {
      const lost = wanted.slice(next, at)
      report("D2 hole", `events ${lost.map(({ offset }) => offset).join(", ")} were skipped`)
      for (const row of lost) if (isTerminal(row.type)) report("D13 terminal lost", `${row.type} at ${row.offset}`)
      next = at + 1
    }
  }
  /** Whether everything up to this offset has been delivered. */
  const complete = (upTo: number): boolean => wanted[next] === undefined || (wanted[next]?.offset ?? 0) > upTo
  const lastDelivered = (): number => wanted[next - 1]?.offset ?? history.start

  for (const [n, attach] of history.attaches.entries()) {
    // A reader that reconnects must get the skipped events after its cursor.
    while (next > 0 && (wanted[next - 1]?.offset ?? 0) > attach.after && skipped.delete(wanted[next - 1]?.offset ?? 0)) next--
    let caughtUps = 0
    let came = 0
    let hasEnded = false
    for (const seen of attach.seen) {
      const where = `attach ${n + 1} after ${attach.after}`
      if (hasEnded) report("D13 end", `${where}: ${seen._tag} after the end`)
      switch (seen._tag) {
        case "event":
          came++
          deliver(seen.offset, seen.json)
          break
        case "page": {
          if (seen.upTo < seen.since) report("D3 cursor went back", `requested since ${seen.since}, header ${seen.upTo}`)
          if (seen.limit !== undefined && seen.jsons.length > seen.limit)
            report("D4 limit", `${seen.jsons.length} events, limit ${seen.limit}`)
          for (const json of seen.jsons) deliver(undefined, json)
          if (!complete(seen.upTo))
            report(
              "D4 header beyond body",
              `since ${seen.since}: header ${seen.upTo}, event ${wanted[next]?.offset} was not in the body`
            )
          if (lastDelivered() > seen.upTo)
            report("D4 header below body", `since ${seen.since}: header ${seen.upTo}, the body ends at ${lastDelivered()}`)
          break
        }
        case "caught-up":
          if (++caughtUps > 1) report("D6 caught-up twice", where)
          if (!complete(seen.head))
            report("D6 caught-up early", `${where}: head ${seen.head}, next expected event ${wanted[next]?.offset}`)
          if (seen.head < attach.after || seen.head < lastDelivered())
            report("D6 caught-up early", `${where}: head ${seen.head} is below the last delivered event`)
          if (seen.replayed !== undefined && seen.replayed !== came)
            report("D6 caught-up count", `${where}: its count is ${seen.replayed}, ${came} events were replayed`)
          break
        case "lagged": {
          const left = wanted.slice(next).filter(({ offset }) => offset <= seen.to)
          next += left.length
          for (const { offset } of left) skipped.add(offset)
          if (caughtUps === 0) report("D7 lagged", `${where}: events before the attach were skipped, from ${seen.from}`)
          if (left.length !== seen.skipped || left[0]?.offset !== seen.from || left.at(-1)?.offset !== seen.to)
            report("D7 lagged", `${where}: it counts ${seen.skipped} of ${seen.from} to ${seen.to}, expected ${left.length}`)
          for (const { offset, type } of left)
            if (isTerminal(type) || type === deletion) report("D13 terminal lost", `${type} at ${offset} was skipped`)
          break
        }
        case "heartbeat":
          if (!complete(seen.head))
            report("D1 behind", `${where}: a heartbeat has head ${seen.head}, next expected event ${wanted[next]?.offset}`)
          break
        case "bye":
          hasEnded = true
          if (!complete(seen.resumeAfter))
            report("S3 bye", `${where}: resume after ${seen.resumeAfter}, but ${wanted[next]?.offset} was not delivered`)
          if (seen.resumeAfter < lastDelivered())
            report("S3 bye", `${where}: resume after ${seen.resumeAfter} repeats ${lastDelivered()}`)
          break
        case "end":
          hasEnded = true
          ended = true
          if (deletedAt === undefined || !complete(deletedAt)) report("D13 end", `${where}: the stream has more events`)
          break
      }
    }
    const isStream = !attach.seen.some(({ _tag }) => _tag === "page")
    if (settled && attach.live && isStream && caughtUps === 0) report("D6 caught-up missing", `attach ${n + 1}`)
  }

  if (settled) {
    const due = wanted.slice(next)
    if (due.length > 0)
      report("D1 behind", `at rest with head ${head}, ${due.map(({ offset }) => offset).join(", ")} were not delivered`)
    for (const row of due) if (isTerminal(row.type)) report("D13 terminal lost", `${row.type} at ${row.offset}`)
    const isStream = history.attaches.some(({ seen }) => seen.some(({ _tag }) => _tag === "caught-up"))
    if (isStream && deletedAt !== undefined && !ended) report("D13 end", `deleted at ${deletedAt}, but the reader still waits`)
  }
  return found
}

/** Checks L1: offsets are 1..n and the versions of each stream 1..m, in the order of the rows. */
export const checkLog = (log: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const found: Array<string> = []
  const versions = new Map<string, number>()
  for (const [i, row] of log.entries()) {
    const wire = JSON.parse(row.json) as { readonly offset: number; readonly version: number; readonly stream: string }
    const version = (versions.get(row.stream) ?? 0) + 1
    versions.set(row.stream, version)
    if (row.offset !== i + 1 || wire.offset !== row.offset) found.push(`offset ${row.offset} is at position ${i + 1}`)
    if (wire.version !== version || wire.stream !== row.stream)
      found.push(`${row.stream} version ${wire.version} where ${version} was expected`)
  }
  return found
}

/**
 * Returns every violation, in the order of the histories; empty if the invariants hold. `settled`: writers and faults have been idle long enough for
 * all readers to have received everything. `log` is the whole log, from offset 1.
 */
export const check = (
  log: ReadonlyArray<Row>,
  histories: ReadonlyArray<History>,
  options: { readonly settled: boolean }
): ReadonlyArray<Violation> => histories.flatMap((history) => checkHistory(log, history, options.settled))
