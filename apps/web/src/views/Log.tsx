/** The log: every event by its offset, live, with its raw JSON. Pages are read on scrolling. */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { shorten } from "@millrace/contracts/Text"
import { useVirtualizer } from "@tanstack/react-virtual"
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react"
import type { LogEvent } from "@millrace/contracts/Event"
import { Code } from "../text/Code.tsx"
import { link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import { Disk } from "./Disk.tsx"

const pageSize = 200
/** Maximum number of cached pages; the oldest page is evicted first. */
const maxPages = 40
/** How many events a new filter searches; a button continues the search. */
const maxScanned = 4_000

const none: ReadonlyArray<LogEvent> = []

const summary = (event: LogEvent): string => {
  const text = JSON.stringify(event.data) ?? ""
  return shorten(text, 300)
}

const isMatch = (event: LogEvent, words: ReadonlyArray<string>): boolean => {
  if (words.length === 0) return true
  const text = `${event.offset} ${event.stream} ${event.type} ${event.actor ?? ""} ${JSON.stringify(event.data)}`.toLowerCase()
  return words.every((word) => text.includes(word))
}

const Line = memo(
  ({
    event,
    chosen,
    choose
  }: {
    readonly event: LogEvent
    readonly chosen: boolean
    readonly choose: (event: LogEvent) => void
  }) => (
    <button
      type="button"
      className={`line of-${event.type.split(".")[0] ?? ""}`}
      aria-pressed={chosen}
      onClick={() => choose(event)}
    >
      <span className="offset">{event.offset}</span>
      <time dateTime={event.at}>{event.at.slice(11, 23)}</time>
      <span className="type">{event.type}</span>
      <span className="stream">{event.stream}</span>
      <span className="data">{summary(event)}</span>
    </button>
  )
)

/** The events of the log by offset, read in pages; live ones come from the tail. */
const usePages = () => {
  const tail = useStore((state) => state.tail)
  const [pages, setPages] = useState<ReadonlyMap<number, ReadonlyArray<LogEvent>>>(new Map())
  const requested = useRef(new Set<number>())
  const live = useMemo(() => new Map(tail.map((event) => [event.offset, event])), [tail])
  const read = useCallback(async (page: number): Promise<ReadonlyArray<LogEvent>> => {
    const events = await link.call<ReadonlyArray<LogEvent>>({ name: "events", since: page * pageSize, limit: pageSize })
    setPages((before) => new BoundedMap(maxPages, before).renew(page, events))
    return events
  }, [])
  const ensurePage = useCallback(
    (page: number) => {
      if (requested.current.has(page)) return
      requested.current.add(page)
      // A page may be requested again later, because the last page grows.
      read(page).then(
        () => requested.current.delete(page),
        () => requested.current.delete(page)
      )
    },
    [read]
  )
  const at = (offset: number): LogEvent | undefined =>
    live.get(offset) ?? pages.get(Math.floor((offset - 1) / pageSize))?.[(offset - 1) % pageSize]
  return { at, ensurePage, read, tail }
}

export const Log = () => {
  const head = useStore((state) => state.world?.offset ?? 0)
  const { at, read, tail, ensurePage } = usePages()
  const [filter, setFilter] = useState("")
  const [chosen, setChosen] = useState<LogEvent>()
  const [disk, setDisk] = useState(false)
  const choose = useCallback((event: LogEvent) => {
    setChosen(event)
    setDisk(false)
  }, [])
  const [found, setFound] = useState<{ readonly events: ReadonlyArray<LogEvent>; readonly from: number }>()
  const words = useMemo(() => filter.toLowerCase().split(/\s+/).filter(Boolean), [filter])
  const scroller = useRef<HTMLDivElement>(null)

  const scan = useCallback(
    async (from: number, before: ReadonlyArray<LogEvent>, stillWanted: () => boolean) => {
      const found: Array<ReadonlyArray<LogEvent>> = [before]
      let page = Math.floor((from - 1) / pageSize)
      const last = Math.max(0, page - maxScanned / pageSize + 1)
      for (; page >= last && stillWanted(); page--) {
        found.push((await read(page)).filter((event) => event.offset <= from && isMatch(event, words)))
        setFound({ events: found.toReversed().flat(), from: page * pageSize })
      }
    },
    [read, words]
  )
  useEffect(() => {
    setFound(undefined)
    if (words.length === 0) return
    let isCurrent = true
    // Waits until the person stops typing. Without a connection the search fails; the next change of the filter starts a new search.
    const timer = setTimeout(() => void scan(head, [], () => isCurrent).catch(() => {}), 200)
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- not for a new head: new events come from the tail
  }, [words, scan])
  const matches = useMemo(() => {
    if (found === undefined) return none
    const last = found.events.at(-1)?.offset ?? 0
    return [...found.events, ...tail.filter((event) => event.offset > last && isMatch(event, words))]
  }, [found, tail, words])

  const filtered = words.length > 0
  const count = filtered ? matches.length : head
  // Stable, because the virtualizer lays out every row again for a new function.
  const keyOf = useCallback((index: number) => (filtered ? (matches[index]?.offset ?? index) : index + 1), [filtered, matches])
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => 26,
    getItemKey: keyOf,
    anchorTo: "end",
    followOnAppend: true,
    overscan: 20
  })
  const places = virtual.getVirtualItems()
  const first = places[0]?.index
  const final = places.at(-1)?.index
  useEffect(() => {
    if (filtered || first === undefined || final === undefined) return
    for (let page = Math.floor(first / pageSize); page <= Math.floor(final / pageSize); page++) {
      const top = Math.max(page * pageSize, first)
      const bottom = Math.min((page + 1) * pageSize - 1, final)
      let missing = false
      for (let index = top; index <= bottom && !missing; index++) missing = at(index + 1) === undefined
      if (missing) ensurePage(page)
    }
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- when other rows are shown, not when one of their pages arrives
  }, [first, final, filtered, head])
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- once for each filter
  useEffect(() => virtual.scrollToEnd(), [filtered])

  return (
    <div className="log">
      <header>
        <h1>Log</h1>
        <label className="search">
          <input
            type="search"
            aria-label="Filter events"
            placeholder="Filter: offset, stream, type, text"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
        </label>
        <span className="figures" role="status">
          {filtered
            ? `${matches.length.toLocaleString("en")} of ${(head - (found?.from ?? head)).toLocaleString("en")} events searched`
            : `${head.toLocaleString("en")} events`}
        </span>
        {filtered && found !== undefined && found.from > 0 && (
          <button type="button" className="quiet" onClick={() => void scan(found.from, found.events, () => true)}>
            Search further back
          </button>
        )}
        <button type="button" className="quiet" aria-pressed={disk} onClick={() => setDisk(!disk)}>
          Disk
        </button>
      </header>
      <div className="split">
        <div className="lines" ref={scroller} tabIndex={0} role="log" aria-label="Events" aria-live="off">
          <div className="canvas" style={{ height: virtual.getTotalSize() }}>
            {places.map((place) => {
              const event = filtered ? matches[place.index] : at(place.index + 1)
              return (
                <div key={place.key} className="row" style={{ transform: `translateY(${place.start}px)` }}>
                  {event === undefined ? (
                    <span className="line pending">
                      <span className="offset">{place.index + 1}</span>
                    </span>
                  ) : (
                    <Line event={event} chosen={chosen?.offset === event.offset} choose={choose} />
                  )}
                </div>
              )
            })}
          </div>
        </div>
        {disk && <Disk close={() => setDisk(false)} />}
        {!disk && chosen !== undefined && (
          <section className="raw" aria-label={`Event ${chosen.offset}`}>
            <header>
              <b>{chosen.type}</b>
              <button type="button" className="quiet" onClick={() => setChosen(undefined)}>
                Close
              </button>
            </header>
            <pre className="code" tabIndex={0} data-text>
              <Code text={JSON.stringify(chosen, undefined, 2)} language="json" />
            </pre>
          </section>
        )}
      </div>
    </div>
  )
}
