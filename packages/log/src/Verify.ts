/**
 * Checks a log: offsets 1..n and each stream's versions 1..m without holes, every event readable and equal to its columns, the head as
 * recorded. One pass over the events in pages; memory: one number per stream. SqliteCheck checks the database file itself.
 */
import { Effect, Stream } from "effect"
import { corruptType, EventLog, type Page, unreadableStream } from "./EventLog.ts"

export interface Problem {
  /** Offset of the event, or of the first one, if the problem concerns events. */
  readonly offset?: number
  readonly stream?: string
  /** `unreadable`: consecutive events that cannot be read for the same reason, such as those of a damaged segment. */
  readonly problem: "offset" | "version" | "unreadable" | "mismatch" | "head" | "file" | "projection"
  readonly message: string
}

export interface Report {
  readonly logEpoch: string
  readonly head: number
  readonly retainedFrom: number
  readonly events: number
  readonly bytes: number
  readonly streams: number
  /** The first 100 `unreadable`, and the first 100 others. */
  readonly problems: ReadonlyArray<Problem>
  readonly problemCount: number
}

/**
 * An additional check by the caller, for example of the projections: receives each page once, in order; returns the problems of each page, and at the
 * end.
 */
export interface Check {
  readonly page: (page: Page) => Effect.Effect<ReadonlyArray<Problem>>
  readonly end: (head: number) => Effect.Effect<ReadonlyArray<Problem>>
}

const kept = 100

interface Wire {
  readonly offset?: unknown
  readonly stream?: unknown
  readonly version?: unknown
  readonly type?: unknown
  readonly data?: { readonly reason?: unknown }
}

const parse = (json: string): Wire | undefined => {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === "object" && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

interface Unreadable {
  readonly first: number
  last: number
  readonly stream: string
  readonly reason: string
}

const unreadable = ({ first, last, reason, stream }: Unreadable): Problem => ({
  offset: first,
  stream,
  problem: "unreadable",
  message:
    first === last
      ? `event ${first} cannot be read: ${reason}`
      : `events ${first} to ${last} (${last - first + 1}) cannot be read: ${reason}`
})

/**
 * Checks up to the head at the start; an engine may keep appending. `onProgress` gets the offset reached, once per page.
 */
export const verify = Effect.fn("Verify.verify")(function* (
  options: {
    readonly checks?: ReadonlyArray<Check>
    readonly onProgress?: (offset: number, head: number) => Effect.Effect<void>
  } = {}
) {
  const log = yield* EventLog
  const head = yield* log.head
  const retainedFrom = yield* log.retainedFrom
  const problems: Array<Problem> = []
  let problemCount = 0
  const left = { unreadable: kept, others: kept }
  /** A restore accepts unreadable events and no other problem, so many of them must not hide one. */
  const report = (problem: Problem) => {
    problemCount++
    const kind = problem.problem === "unreadable" ? "unreadable" : "others"
    if (left[kind] === 0) return
    left[kind]--
    problems.push(problem)
  }
  /** For each stream: the version of its last event, and the number of events of unknown streams before it. */
  const versions = new Map<string, { readonly version: number; readonly lost: number }>()
  let lost = 0
  let run: Unreadable | undefined
  const endRun = () => {
    if (run !== undefined) report(unreadable(run))
    run = undefined
  }
  let events = 0
  let bytes = 0
  let expected = retainedFrom + 1

  const look = (page: Page): void => {
    for (const event of page.events) {
      const { offset, stream } = event
      if (offset > head) return
      events++
      bytes += Buffer.byteLength(event.json)
      if (offset !== expected) report({ offset, stream, problem: "offset", message: `offset ${offset} follows ${expected - 1}` })
      expected = offset + 1
      const wire = parse(event.json)
      if (wire === undefined || event.type === corruptType) {
        const reason = String(wire?.data?.reason ?? "its JSON is damaged")
        if (run !== undefined && run.last === offset - 1 && run.stream === stream && run.reason === reason) run.last = offset
        else {
          endRun()
          run = { first: offset, last: offset, stream, reason }
        }
        if (stream === unreadableStream) lost++
        // The version is doubtful. The check continues with the next event of the stream.
        else if (typeof wire?.version === "number" && wire.version > 0) versions.set(stream, { version: wire.version, lost })
        continue
      }
      endRun()
      if (wire.offset !== offset || wire.stream !== stream || wire.type !== event.type)
        report({
          offset,
          stream,
          problem: "mismatch",
          message: `the JSON of event ${offset} differs from its columns: offset ${String(wire.offset)}, stream ${String(wire.stream)}, type ${String(wire.type)}`
        })
      const version = Number(wire.version)
      const before = versions.get(stream) ?? (retainedFrom === 0 ? { version: 0, lost: 0 } : undefined)
      // After a trim, the first retained version of a stream is unknown. Events of unknown streams may belong to it.
      const missing = before === undefined ? 0 : version - before.version - 1
      if (before !== undefined && (missing < 0 || missing > lost - before.lost))
        report({ offset, stream, problem: "version", message: `version ${version} of ${stream} follows ${before.version}` })
      versions.set(stream, { version, lost })
    }
  }

  yield* log.follow({ after: retainedFrom }).pipe(
    Stream.takeUntil((page) => page.upTo >= head),
    Stream.runForEach((page) =>
      Effect.gen(function* () {
        look(page)
        for (const check of options.checks ?? []) (yield* check.page(page)).forEach(report)
        if (options.onProgress !== undefined) yield* options.onProgress(Math.min(page.upTo, head), head)
      })
    ),
    Effect.when(() => head > retainedFrom)
  )
  endRun()
  if (expected !== head + 1) report({ problem: "head", message: `the head is ${head}, the last event read is ${expected - 1}` })
  for (const check of options.checks ?? []) (yield* check.end(head)).forEach(report)
  const result: Report = {
    logEpoch: log.epoch,
    head,
    retainedFrom,
    events,
    bytes,
    streams: versions.size,
    problems,
    problemCount
  }
  return result
})
