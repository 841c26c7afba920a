/** Reads the new events of the log for the reference, the client and the checks of a model run, and counts them. */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Storage } from "@millrace/log/Storage"
import type { Noted } from "./Checks.ts"
import type { Client } from "./Client.ts"
import type { Reference } from "./Reference.ts"
import { parse, rows } from "./Server.ts"

/** The counter that each type of event increments. */
const counters = {
  "turn.requested": "turns",
  "request.opened": "requests",
  "request.held": "held",
  "request.repeated": "repeated"
} as const
const isCounted = (type: string): type is keyof typeof counters => Object.hasOwn(counters, type)

export class LogFeed {
  readonly counts = { events: 0, turns: 0, requests: 0, held: 0, repeated: 0 }
  /** All events so far, one line each. */
  readonly lines: Array<string> = []
  /** The offset of the last event that was read. */
  head = 0
  private readonly storage: Storage
  private readonly observers: { readonly reference: Reference; readonly client: Client; readonly noted: Noted }
  private readonly onThread: (threadId: ThreadId) => void

  /** `onThread` is called for each created thread. */
  constructor(storage: Storage, sides: LogFeed["observers"], onThread: (threadId: ThreadId) => void) {
    this.storage = storage
    this.observers = sides
    this.onThread = onThread
  }

  /** Reads the new events. The reference checks each event, and the client checks each command in the state in which it was decided. Returns the violations. */
  read(): ReadonlyArray<string> {
    const { client, noted, reference } = this.observers
    const wrong: Array<string> = []
    for (const { json } of rows(this.storage, this.head)) {
      const event = parse(json)
      this.head = event.offset
      this.counts.events++
      if (isCounted(event.type)) this.counts[counters[event.type]]++
      this.lines.push(`${event.offset} ${event.stream} ${event.type} ${JSON.stringify(event.data)}`)
      client.before(event)
      wrong.push(...reference.read(event))
      client.after()
      const { threadId } = event.data as { readonly threadId?: ThreadId }
      noted.note(event, threadId === undefined ? undefined : reference.threads.get(threadId))
      if (event.type === "thread.created" && threadId !== undefined) this.onThread(threadId)
    }
    client.hear(this.head)
    return wrong
  }
}
