/**
 * Checks a log against itself: offsets and versions without holes, and every read model equal to a fresh fold of the whole log (L1, L11).
 * Reads the events page by page; keeps only the folded threads and a hash per row in memory.
 */
import { createHash } from "node:crypto"
import { type DomainEvent, domainEvent, EventData, type LogEvent } from "@millrace/contracts/Event"
import type { ProjectId } from "@millrace/contracts/Ids"
import { corruptType, EventLog, unreadableStream } from "@millrace/log/EventLog"
import type { Row } from "@millrace/log/Query"
import { Effect } from "effect"
import { evolve } from "../state/evolve.ts"
import * as Collections from "./Collections.ts"
import type { Change } from "./RowChanges.ts"
import { projectProject, projectThread } from "./Projection.ts"
import { evolveProject, projectOf, type ProjectState } from "../state/ProjectState.ts"
import * as RowPaging from "./RowPaging.ts"
import type { ThreadState } from "../state/ThreadState.ts"
import { violations } from "../state/violations.ts"

export interface Report {
  readonly events: number
  readonly rows: number
  /** Whether every event from the first one on can be read, so that the read models were compared; else only the order of the events was checked. */
  readonly complete: boolean
  /** Problems as text, at most 100. Empty = the log is sound. */
  readonly problems: ReadonlyArray<string>
}

const maxProblems = 100
const page = 1000

const hash = (value: unknown): string =>
  createHash("sha1")
    .update(JSON.stringify(value) ?? "")
    .digest("base64")

interface Expected {
  readonly parent: string
  readonly rank: number
  readonly hash: string
  /** The hash of the value that versions without `lastTurnFailed` wrote. */
  readonly olderHash: string | undefined
}

const olderHash = (value: unknown): string | undefined => {
  if (typeof value !== "object" || value === null || !("lastTurnFailed" in value)) return undefined
  const { lastTurnFailed: _, ...older } = value
  return hash(older)
}

/** The read models as a fresh fold builds them. */
class Fold {
  readonly rows = new Map<string, Map<string, Expected>>(Collections.all.map(({ name }) => [name, new Map()]))
  readonly problems: Array<string> = []
  private readonly threads = new Map<string, ThreadState>()
  private readonly projects = new Map<ProjectId, ProjectState>()
  private readonly versions = new Map<string, number>()
  events = 0
  /** The last offset seen. */
  offset: number
  /** Whether the rows equal the rows of the whole history. */
  complete: boolean

  constructor(retained: number) {
    this.offset = retained
    this.complete = retained === 0
  }

  problem(text: string): void {
    if (this.problems.length < maxProblems) this.problems.push(text)
  }

  add(event: LogEvent): void {
    this.events++
    if (event.offset !== ++this.offset) this.problem(`offset ${event.offset} found, ${this.offset} expected`)
    if (event.type === corruptType) this.complete = false
    // The event may belong to any stream.
    if (event.stream === unreadableStream) return void this.versions.clear()
    const known = this.versions.get(event.stream) ?? (this.complete ? 0 : event.version - 1)
    const version = known + 1
    this.versions.set(event.stream, version)
    if (event.version !== version) this.problem(`${event.stream} has version ${event.version}, ${version} expected`)
    // Unknown event types change no state (L6).
    if (this.complete && event.type in EventData) this.fold(event, domainEvent(event))
  }

  private fold(event: LogEvent, domain: DomainEvent): void {
    const before = this.threads.get(event.stream)
    const projectId = projectOf(domain, before?.projectId)
    if (event.stream.startsWith("thread/")) {
      const after = evolve(before, domain, event.at)
      if (after !== undefined) this.threads.set(event.stream, after)
      for (const change of projectThread(before, domain, after, event.at)) this.apply(change, event.offset)
    }
    if (projectId === undefined) return
    const project = this.projects.get(projectId)
    const changed = evolveProject(project, domain, event.at)
    if (changed !== undefined) this.projects.set(projectId, changed)
    for (const change of projectProject(project, changed)) this.apply(change, event.offset)
  }

  private apply(change: Change, offset: number): void {
    const rows = this.rows.get(change.collection)
    if (rows === undefined) return this.problem(`no such collection: ${change.collection}`)
    if (change.op === "delete-children") {
      for (const [key, { parent }] of rows) if (parent === change.parent) rows.delete(key)
    } else if (change.op === "delete") rows.delete(change.key)
    else {
      const rank = change.rank === "keep" ? (rows.get(change.key)?.rank ?? offset) : offset
      rows.set(change.key, { parent: change.parent, rank, hash: hash(change.value), olderHash: olderHash(change.value) })
    }
  }

  /** At the end of the log: checks the invariants of every thread. */
  checkThreads(): void {
    for (const state of this.threads.values())
      for (const text of violations(state)) this.problem(`thread/${state.threadId}: ${text}`)
  }
}

/** Reads the log up to its head at the start, then all rows. Run it on a log that is not appended to: rows of later events are reported as problems. */
export const run = Effect.gen(function* () {
  const log = yield* EventLog
  const retained = yield* log.retainedFrom
  const fold = new Fold(retained)
  const head = yield* log.head
  let after = retained
  while (after < head) {
    const { events, upTo } = yield* log.read({ after, limit: Math.min(page, head - after) })
    for (const event of events) if (event.offset <= head) fold.add(JSON.parse(event.json) as LogEvent)
    if (upTo <= after) break
    after = upTo
    yield* Effect.yieldNow()
  }
  if (fold.offset !== head) fold.problem(`the last event is ${fold.offset}, the head is ${head}`)
  const { complete } = fold
  if (complete) fold.checkThreads()
  let rows = 0
  for (const collection of complete ? Collections.all : []) {
    const { name } = collection
    const expected = fold.rows.get(name) ?? new Map<string, Expected>()
    const compare = (row: Row) => {
      rows++
      const known = expected.get(row.key)
      expected.delete(row.key)
      if (known === undefined) fold.problem(`${name} ${row.key}: a row that no event made`)
      else if (![known.hash, known.olderHash].includes(hash(row.value)))
        fold.problem(`${name} ${row.key}: its value differs from a fresh fold of the events`)
      else if (known.rank !== row.rank || known.parent !== row.parent)
        fold.problem(
          `${name} ${row.key}: its parent and rank are ${row.parent} ${row.rank}, expected ${known.parent} ${known.rank}`
        )
    }
    const isRead = yield* RowPaging.eachPage(log, collection, (found) => Effect.sync(() => found.forEach(compare))).pipe(
      Effect.as(true),
      Effect.catchIf(
        ({ reason }) => reason === "corrupt",
        ({ message }) =>
          Effect.as(
            Effect.sync(() => fold.problem(`${name}: ${message}`)),
            false
          )
      )
    )
    // The rows of the damaged page, and those after it, are unknown.
    if (!isRead) continue
    for (const key of expected.keys()) fold.problem(`${name} ${key}: the row is missing`)
  }
  return { events: fold.events, rows, complete, problems: fold.problems } satisfies Report
}).pipe(Effect.withSpan("Verify.run"))
