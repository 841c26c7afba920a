/**
 * What is searched: the completed items of threads, and their titles. A document is derived from the rows of the log and the event at which its item or its
 * thread began, so that an index that followed the log and one that was rebuilt are equal.
 */
import { threadStream, type ThreadId } from "@millrace/contracts/Ids"
import type { ItemView } from "@millrace/contracts/Item"
import { titleKind } from "@millrace/contracts/Search"
import type { ThreadView } from "@millrace/contracts/State"
import { cut } from "@millrace/contracts/Text"
import type { LogUnavailable, Queryable, StoredEvent } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { type Document, maxPassages } from "@millrace/log/search/SearchFile"
import { Effect } from "effect"
import * as Collections from "../readmodel/Collections.ts"
import { type Blobs, withBeginnings } from "../readmodel/WholeText.ts"
import * as Slices from "./Slices.ts"

/** UTF-16 code units. The words of a query are looked for in one passage. */
const passageLength = 16 * 1024
/** Maximum number of bytes of a large value: UTF-8 has at most 4 bytes for a UTF-16 code unit. */
const maxBytes = 4 * passageLength * maxPassages

/** The position of an item, from the rank of its row, or of a thread's title, from the offset of the thread's first event. */
export const positionOf = (offset: number, isTitle: boolean): number => offset * 2 + (isTitle ? 1 : 0)
export const offsetOf = (position: number): number => Math.floor(position / 2)
export const isTitle = (position: number): boolean => position % 2 === 1

/** The searchable text of an item: the message, the command and its output, the changed paths, the tool, the steps of a plan. */
export const textOf = ({ changes, command, output, steps, text, tool }: ItemView): string =>
  [
    text,
    command,
    output,
    tool,
    ...(changes ?? []).flatMap(({ movedTo, path }) => [path, movedTo]),
    ...(steps ?? []).map(({ text }) => text)
  ]
    .filter((part) => part !== undefined && part !== "")
    .join("\n")

/** Cut at the last white space of each, if there is one. What is beyond 64 passages (1 MiB of text) is not searched. */
export const passagesOf = (text: string): ReadonlyArray<string> => {
  const passages: Array<string> = []
  for (let start = 0; start < text.length && passages.length < maxPassages;) {
    const whole = cut(text.slice(start, start + passageLength + 1), passageLength)
    const space = start + whole.length < text.length ? whole.search(/\s\S*$/) : -1
    const passage = space > 0 ? whole.slice(0, space) : whole
    passages.push(passage)
    start += passage.length
  }
  return passages
}

/** The time of an event, or of its deletion from the log: then undefined. */
const timeOf = (event: StoredEvent | undefined, offset?: number): number | undefined => {
  if (event === undefined || event.type.startsWith("log.") || (offset !== undefined && event.offset !== offset)) return undefined
  return Date.parse((JSON.parse(event.json) as { readonly at: string }).at)
}

/** The threads that exist among these. */
export const threadsOf = (
  log: Queryable,
  ids: Iterable<ThreadId>
): Effect.Effect<ReadonlyMap<string, ThreadView>, LogUnavailable> => {
  const keys = new Set(ids)
  return Effect.map(
    log.query({ open: Query.rowsByKey(Collections.thread, keys), archived: Query.rowsByKey(Collections.threadArchived, keys) }),
    ({ archived, open }) => new Map([...archived, ...open].map(([id, { value }]) => [id, value]))
  )
}

/** The time at which the item began. Removed and forgotten events have no time: then the time of the turn. */
export const began = (log: Queryable, { rank, value }: Query.Row<ItemView>, thread: ThreadView) =>
  Effect.map(
    log.query({ events: Query.events({ after: rank - 1, limit: 1 }), turn: Query.row(Collections.turn, value.turnId) }),
    ({ events, turn }) =>
      timeOf(events.events[0], rank) ?? Date.parse(turn?.value.startedAt ?? turn?.value.requestedAt ?? thread.createdAt)
  )

/** The passages of an item, with those parts of large values that are not in its row. */
export const passagesOfItem = (log: Blobs, item: ItemView) =>
  Effect.map(withBeginnings(log, item, maxBytes), (whole) => passagesOf(textOf(whole)))

/** The documents of those items that have ended and have a text. */
export const ofItems = (log: Queryable & Blobs, rows: ReadonlyArray<Query.Row<ItemView>>) =>
  Effect.gen(function* () {
    const ended = rows.filter(({ value }) => value.status !== "open" && textOf(value) !== "")
    const threads = yield* threadsOf(
      log,
      ended.map(({ value }) => value.threadId)
    )
    const documents: Array<Document> = []
    const breathe = Slices.breather()
    for (const row of ended) {
      const { kind, threadId } = row.value
      const thread = threads.get(threadId)
      if (thread === undefined) continue
      documents.push({
        position: positionOf(row.rank, false),
        threadId,
        projectId: thread.projectId,
        kind,
        at: yield* began(log, row, thread),
        passages: yield* passagesOfItem(log, row.value)
      })
      yield* breathe
    }
    return documents
  })

/** The position of a thread's title. */
export const titlePosition = (log: Queryable, threadId: ThreadId) =>
  Effect.map(log.query({ page: Query.events({ stream: threadStream(threadId), after: 0, limit: 1 }) }), ({ page }) =>
    positionOf(page.events[0]?.offset ?? 0, true)
  )

/** The document of a thread's title. */
export const ofTitle = (log: Queryable, { createdAt, projectId, threadId, title }: ThreadView) =>
  Effect.map(titlePosition(log, threadId), (position): Document => ({
    position,
    threadId,
    projectId,
    kind: titleKind,
    at: Date.parse(createdAt),
    passages: [title]
  }))
