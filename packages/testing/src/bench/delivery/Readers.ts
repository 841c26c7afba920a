/** Many readers at the head of a server, and statistics of what they received. */
import type { Child } from "./Child.ts"
import * as Reader from "./Reader.ts"

export const percentile = (sorted: ReadonlyArray<number>, p: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
export const median = (values: ReadonlyArray<number>) =>
  percentile(
    values.toSorted((a, b) => a - b),
    0.5
  )

export const eventsUrl = ({ ready }: Child) => `${ready.url}/api/events`
export const cursor = ({ ready }: Child, offset: number) => `${ready.epoch}-${offset}`
export const headOf = async (server: Child) => (await server.ask({ op: "append", events: 0, batch: 1 })).head ?? 0

export const openMany = (count: number, options: (n: number) => Reader.Options) =>
  Promise.all(Array.from({ length: count }, (_, n) => Reader.open(options(n))))
export const closeAll = (readers: ReadonlyArray<Reader.Reader>) => {
  for (const reader of readers) reader.close()
}

/** Opens readers; returns when they have received `caught-up`. */
export const atHead = async (server: Child, count: number, onData?: (n: number) => (chunk: Buffer) => void) => {
  const head = await headOf(server)
  const readers = await openMany(count, (n) => ({
    url: `${eventsUrl(server)}?after=${cursor(server, head)}`,
    ...(onData === undefined ? {} : { onData: onData(n) })
  }))
  await Promise.all(readers.map((reader) => reader.until("event: caught-up")))
  return { head, readers }
}
