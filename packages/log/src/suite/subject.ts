/** The subject of the suite, and helpers for its tests. */
import { describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { Envelope, EventLog, NewEvent, Page, RowChange } from "../EventLog.ts"
import type { StepHook } from "../Storage.ts"

export type Log = typeof EventLog.Service

export interface SubjectOptions {
  readonly ringBytes?: number
  readonly pageBytes?: number
  readonly busyMillis?: number
  readonly onStep?: StepHook
  readonly onWake?: (wake: () => void) => void
}

/** Opens a new, empty log; it lives in the scope. */
export type Open = (options: SubjectOptions) => Effect.Effect<Log, unknown, Scope.Scope>

/** A test on a new log. */
export type Test = (name: string, body: (log: Log) => Effect.Effect<void, unknown, Scope.Scope>, options?: SubjectOptions) => void

export const describeSubject = (name: string, open: Open, parts: ReadonlyArray<(test: Test, open: Open) => void>): void => {
  describe(name, () => {
    const test: Test = (title, body, options = {}) => it.scoped(title, () => Effect.flatMap(open(options), body))
    for (const part of parts) part(test, open)
  })
}

export const at = "2026-11-20T09:00:00.000Z"

export const event = (stream: string, data: unknown = {}, type = "item.delta"): NewEvent => ({ stream, type, at, epoch: 1, data })

export const envelope = (events: ReadonlyArray<NewEvent>, rows: ReadonlyArray<RowChange> = []): Envelope => ({ events, rows })

/** One envelope per event. */
export const events = (stream: string, count: number, data: unknown = {}): ReadonlyArray<Envelope> =>
  Array.from({ length: count }, () => envelope([event(stream, data)]))

export interface Wire {
  readonly offset: number
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly data: unknown
}

export const wire = (pages: Iterable<Page>): ReadonlyArray<Wire> =>
  Array.from(pages).flatMap((page) => page.events.map(({ json }) => JSON.parse(json) as Wire))

export const bytesOf = (pages: Iterable<Page>): ReadonlyArray<string> =>
  Array.from(pages).flatMap((page) => page.events.map(({ json }) => json))

export const range = (first: number, last: number): ReadonlyArray<number> =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)

/** Packs everything up to the head, also into segments that are not full. Returns the number of steps. */
export const packAll = (log: Log) =>
  Effect.gen(function* () {
    const below = (yield* log.head) + 1
    for (let steps = 1; ; steps++) if (!(yield* log.pack({ below, before: "9999", partial: true })).more) return steps
  })
