/**
 * The open transcripts of a front end. Each starts with the newest pages of its thread and then applies each later event once, including events that
 * arrive while the pages are loading. The map gets a new value whenever a transcript changes.
 */
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ItemView, RequestView } from "@millrace/contracts/Item"
import type { PageOf, PageRequest } from "@millrace/contracts/Millrace"
import type { TurnView } from "@millrace/contracts/State"
import * as Transcript from "@millrace/model/Transcript"

/** A transcript that is loading, failed to load, or is ready. */
export type Opened = { readonly state: "loading" } | Failed | Ready
export interface Failed {
  readonly state: "failed"
  readonly message: string
  /** Whether another try is useless: the thread does not exist, or the token may not read it. */
  readonly isFinal: boolean
}
export interface Ready {
  readonly state: "ready"
  readonly transcript: Transcript.Transcript
  readonly loadingOlder: boolean
}
export type OpenThreads = ReadonlyMap<ThreadId, Opened>

export interface Source {
  /** Pages of the read model, newest first. If the promise rejects, its message is shown. */
  readonly items: (threadId: ThreadId, page: PageRequest) => Promise<PageOf<ItemView>>
  readonly turns: (threadId: ThreadId, page: PageRequest) => Promise<PageOf<TurnView>>
  /** The open requests after the events that `take` got. */
  readonly requests: () => ReadonlyArray<RequestView>
  readonly onChange: (threads: OpenThreads) => void
}

export interface Transcripts {
  readonly current: () => OpenThreads
  /** Loads the thread unless it is open. Resolves when it is ready or failed; never rejects. */
  readonly open: (threadId: ThreadId) => Promise<void>
  /** Opens the thread and keeps it open until the returned function is called. */
  readonly retain: (threadId: ThreadId) => () => void
  /** Loads the next older page of items, and the turns of those items. One load at a time per thread. */
  readonly loadOlder: (threadId: ThreadId) => Promise<void>
  /** Events in the order of the log, each once. */
  readonly take: (events: ReadonlyArray<LogEvent>) => void
  /** Loads all open threads again: there may be events between the old starting point and the new one. */
  readonly reload: () => void
  /** Loads again every transcript that failed, unless the failure is final. */
  readonly retryFailed: () => void
}

/** Maximum number of open transcripts that nothing retains; the least recently opened one is closed first. */
const maxTranscripts = 6
const pageSize = 100
/** Page size for older items: a person who scrolls back usually continues, so pages are larger. */
const olderPageSize = 400

const finalErrors: ReadonlySet<unknown> = new Set(["NotFound", "Refused"])
const isFinal = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "_tag" in cause && finalErrors.has(cause._tag)

const words = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "message" in cause ? String(cause.message) : String(cause)

export const make = (source: Source): Transcripts => {
  let threads: OpenThreads = new Map()
  /** Events of threads whose pages are loading. The array identifies the load. A load whose array was replaced has no effect. */
  const early = new Map<ThreadId, Array<LogEvent>>()
  const retained = new Map<ThreadId, number>()

  const evict = (next: Map<ThreadId, Opened>, newest?: ThreadId) => {
    for (const id of next.keys()) {
      if (next.size - retained.size <= maxTranscripts) break
      if (id !== newest && !retained.has(id)) next.delete(id)
    }
    threads = next
    source.onChange(threads)
  }
  const set = (threadId: ThreadId, opened: Opened, renew = false) => {
    const next = new Map(threads)
    if (renew) next.delete(threadId)
    next.set(threadId, opened)
    evict(next, threadId)
  }

  const load = async (threadId: ThreadId) => {
    const events: Array<LogEvent> = []
    early.set(threadId, events)
    set(threadId, { state: "loading" }, true)
    const finish = (opened: () => Opened) => {
      if (early.get(threadId) !== events) return
      early.delete(threadId)
      if (threads.has(threadId)) set(threadId, opened())
    }
    const page = { limit: pageSize }
    try {
      const [items, turns] = await Promise.all([source.items(threadId, page), source.turns(threadId, page)])
      finish(() => {
        const transcript = Transcript.make(threadId, items, turns, source.requests())
        for (const event of events) Transcript.apply(transcript, event)
        return { state: "ready", transcript, loadingOlder: false }
      })
    } catch (cause) {
      finish(() => ({ state: "failed", message: words(cause), isFinal: isFinal(cause) }))
    }
  }

  const open = async (threadId: ThreadId) => {
    const known = threads.get(threadId)
    if (known === undefined || known.state === "failed") return load(threadId)
    set(threadId, known, true)
  }

  return {
    current: () => threads,
    open,
    retain: (threadId) => {
      retained.set(threadId, (retained.get(threadId) ?? 0) + 1)
      void open(threadId)
      let released = false
      return () => {
        if (released) return
        released = true
        const left = (retained.get(threadId) ?? 1) - 1
        if (left > 0) return void retained.set(threadId, left)
        retained.delete(threadId)
        evict(new Map(threads))
      }
    },
    loadOlder: async (threadId) => {
      const opened = threads.get(threadId)
      if (opened?.state !== "ready" || opened.loadingOlder) return
      const { transcript } = opened
      const { before: from } = transcript
      if (from === undefined) return
      set(threadId, { ...opened, loadingOlder: true })
      const older = (before: number) => ({ limit: olderPageSize, before })
      try {
        const page = await source.items(threadId, older(from))
        Transcript.addItems(transcript, page)
        const oldest = page.items.at(-1)?.turnId
        const reached = () => oldest === undefined || transcript.turns.has(oldest)
        for (let before = transcript.beforeTurns; before !== undefined && !reached(); before = transcript.beforeTurns)
          Transcript.addTurns(transcript, await source.turns(threadId, older(before)))
      } catch {
        // The loaded rows stay. The next call tries again.
      }
      const now = threads.get(threadId)
      if (now?.state === "ready" && now.transcript === transcript)
        set(threadId, { state: "ready", transcript, loadingOlder: false })
    },
    take: (events) => {
      let next: Map<ThreadId, Opened> | undefined
      for (const event of events) {
        if (!event.stream.startsWith("thread/")) continue
        const threadId = event.stream.slice("thread/".length) as ThreadId
        early.get(threadId)?.push(event)
        const opened = (next ?? threads).get(threadId)
        if (opened?.state !== "ready") continue
        const { version } = opened.transcript
        Transcript.apply(opened.transcript, event)
        if (opened.transcript.version !== version) (next ??= new Map(threads)).set(threadId, { ...opened })
      }
      if (next === undefined) return
      threads = next
      source.onChange(threads)
    },
    reload: () => {
      for (const threadId of threads.keys()) void load(threadId)
    },
    retryFailed: () => {
      for (const [threadId, opened] of threads) if (opened.state === "failed" && !opened.isFinal) void load(threadId)
    }
  }
}
