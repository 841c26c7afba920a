/** What the bench asks of a server process, and what it answers. One question at a time. */

export type Ask =
  /** The whole way: an agent in this process says events at this rate, one by one, for some seconds. */
  | { readonly op: "pace"; readonly rate: number; readonly seconds: number; readonly kind: "event" | "text" }
  /** Straight into the log: so many events, so many per commit. */
  | { readonly op: "append"; readonly events: number; readonly batch: number }
  /** After a collection: bytes in use. */
  | { readonly op: "memory" }
  /** Bare only: reads these rows of a log's file and makes the frames of each batch; then writes all of them to all who are connected. */
  | { readonly op: "load"; readonly file: string; readonly after: number; readonly events: number; readonly batch: number }
  | { readonly op: "fan-out"; readonly store: boolean }
  /** Bare only: times of single durable commits. */
  | { readonly op: "commits" }
  | { readonly op: "stop" }

export interface Answer {
  readonly url?: string
  readonly file?: string
  readonly epoch?: string
  readonly head?: number
  readonly millis?: number
  readonly events?: number
  readonly bytes?: number
  readonly heapBytes?: number
  readonly rssBytes?: number
  readonly cpuMillis?: number
  readonly loopMaxMillis?: number
  readonly times?: ReadonlyArray<number>
  readonly error?: string
}

/** In a text of an event: when it was written, nanoseconds of the machine's monotonic clock, the same for all processes. */
export const mark = (): string => `@${process.hrtime.bigint()}@`
