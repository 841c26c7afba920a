/** The newest turn and item of threads, which the state of all threads does not have. Read once for each key while the page is connected. */
import type { ItemView } from "@millrace/contracts/Item"
import type { PageOf } from "@millrace/contracts/Millrace"
import type { ThreadView, TurnView } from "@millrace/contracts/State"
import { useEffect, useRef, useState } from "react"
import { link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"

export interface Detail {
  /** The active turn, else the newest one. */
  readonly turn?: TurnView
  /** The newest item. */
  readonly item?: ItemView
  /** The thread's last change when they were read. */
  readonly updatedAt: string
}

/** Maximum number of details in memory; the oldest ones are read again when they are shown again. */
const maxDetails = 100
/** The server's largest page. */
const maxTurns = 100

/** The same key has the same details: of an active turn, or of a thread since its last change. */
export const keyOf = ({ activeTurnId, threadId, updatedAt }: ThreadView): string => `${threadId} ${activeTurnId ?? updatedAt}`

/** An active turn was read before it started, and the thread has changed since. */
const isStale = ({ turn, updatedAt }: Detail, thread: ThreadView): boolean =>
  turn?.startedAt === undefined && updatedAt !== thread.updatedAt

const load = async ({ activeTurnId, queuedTurnIds, threadId, updatedAt }: ThreadView): Promise<Detail> => {
  const limit = Math.min(maxTurns, queuedTurnIds.length + 1)
  const [turns, items] = await Promise.all([
    link.call<PageOf<TurnView>>({ name: "turns", threadId, page: { limit } }),
    link.call<PageOf<ItemView>>({ name: "items", threadId, page: { limit: 1 } })
  ])
  const turn = activeTurnId === undefined ? turns.items[0] : turns.items.find(({ turnId }) => turnId === activeTurnId)
  const [item] = items.items
  return { ...(turn !== undefined && { turn }), ...(item !== undefined && { item }), updatedAt }
}

/** By `keyOf`. `threads`: the same array while they are the same. A thread whose details could not be read is asked for again at the next connection. */
export const useDetails = (threads: ReadonlyArray<ThreadView>): ReadonlyMap<string, Detail> => {
  const [details, setDetails] = useState<ReadonlyMap<string, Detail>>(new Map())
  const asked = useRef(new Set<string>())
  const isLive = useStore((state) => state.connection.state === "live")
  useEffect(() => {
    if (!isLive) return
    for (const thread of threads) {
      const key = keyOf(thread)
      const known = details.get(key)
      const read = `${key} ${thread.updatedAt}`
      if (asked.current.has(read) || (known !== undefined && !isStale(known, thread))) continue
      asked.current.add(read)
      load(thread).then(
        (detail) => {
          asked.current.delete(read)
          setDetails((before) => new Map([...before, [key, detail] as const].slice(-maxDetails)))
        },
        () => asked.current.delete(read)
      )
    }
  }, [threads, details, isLive])
  return details
}
