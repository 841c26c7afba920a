/** The messages between the bench and a server process. One request at a time. */

export type Ask =
  /** The whole path: an agent in this process emits events at this rate, one by one, for some seconds. */
  | { readonly op: "pace"; readonly rate: number; readonly seconds: number; readonly kind: "event" | "text" }
  /** Appends `events` events to the log, `batch` per commit. */
  | { readonly op: "append"; readonly events: number; readonly batch: number }
  /** Processor time of the process since its start. */
  | { readonly op: "cpu" }
  /** Bytes in use after a garbage collection. */
  | { readonly op: "memory" }
  /** Bare only. `load` reads these rows of a log's file and makes the frames of each batch; `fan-out` writes all of them to all connected readers. */
  | { readonly op: "load"; readonly file: string; readonly after: number; readonly events: number; readonly batch: number }
  | { readonly op: "fan-out"; readonly store: boolean }
  /** Bare only: latencies of single durable commits. */
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

/** Timestamp in the text of an event: nanoseconds of the machine's monotonic clock, which all processes share. */
export const mark = (): string => `@${process.hrtime.bigint()}@`
