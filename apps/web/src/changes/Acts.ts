/** The events of a thread after which its work tree may differ, as far as this page has received them. */
import type { DomainEvent, LogEvent } from "@millrace/contracts/Event"
import { domainEvent, isTerminal } from "@millrace/contracts/EventTypes"
import type { ThreadId } from "@millrace/contracts/Ids"
import { useState } from "react"
import { useStore } from "../store/useStore.ts"

const actTypes = ["workspace.committed", "workspace.merged", "workspace.pushed", "workspace.proposed", "thread.rewound"] as const
export type Act = Extract<DomainEvent, { readonly type: (typeof actTypes)[number] }>

const isAct = (event: DomainEvent): event is Act => (actTypes as ReadonlyArray<string>).includes(event.type)
const changesFiles = ({ type }: LogEvent): boolean =>
  isTerminal(type) || type === "checkpoint.taken" || (actTypes as ReadonlyArray<string>).includes(type)

/** The newest event of the thread that this matches. */
const useNewestEvent = (threadId: ThreadId, matches: (event: LogEvent) => boolean): LogEvent | undefined =>
  useStore(({ tail }) => tail.findLast((event) => event.stream === `thread/${threadId}` && matches(event)))

/** A number that grows when a turn of the thread ends, when its checkpoint is stored, and after a commit, merge, push or rewind. */
export const useFilesVersion = (threadId: ThreadId): number => {
  const newest = useNewestEvent(threadId, changesFiles)?.offset ?? 0
  // The store drops old events.
  const [highest, setHighest] = useState(newest)
  if (newest > highest) setHighest(newest)
  return Math.max(newest, highest)
}

const isActEvent = (event: LogEvent) => isAct(domainEvent(event))

/** The newest commit, merge, push, pull request or rewind of the thread, sent by any client. */
export const useLastAct = (threadId: ThreadId): { readonly act: Act; readonly at: string } | undefined => {
  const event = useNewestEvent(threadId, isActEvent)
  const act = event === undefined ? undefined : domainEvent(event)
  return event === undefined || act === undefined || !isAct(act) ? undefined : { act, at: event.at }
}
