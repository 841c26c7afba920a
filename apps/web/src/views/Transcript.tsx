/** The rows of a thread, virtualized: only rows near the viewport are in the document. Older pages are read on scrolling. */
import { useVirtualizer } from "@tanstack/react-virtual"
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react"
import type { ItemView } from "@millrace/contracts/Item"
import type { ThreadView, TurnView } from "@millrace/contracts/State"
import { loadOlder } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import { rows, type Row } from "@millrace/model/Transcript"
import type { Settled } from "@millrace/model/AppState"
import type { Ready } from "@millrace/react/Transcripts"
import { Icon } from "../ui/Icon.tsx"
import { threadHref } from "../ui/Route.ts"
import { Item } from "./Item.tsx"
import { SettledCard } from "./RequestCard.tsx"
import { TurnEnd } from "./TurnEnd.tsx"

/** The current content of a row. */
const shownBy = ({ items, turns }: Ready["transcript"], row: Row) => {
  if (row.kind === "settled") return { settled: row.settled }
  return row.kind === "item"
    ? { item: items.get(row.item.itemId)?.value ?? row.item }
    : { turn: turns.get(row.turn.turnId)?.value ?? row.turn }
}

const RowView = memo((shown: { readonly item: ItemView } | { readonly turn: TurnView } | { readonly settled: Settled }) => {
  if ("settled" in shown) return <SettledCard settled={shown.settled} />
  return "item" in shown ? <Item item={shown.item} /> : <TurnEnd turn={shown.turn} />
})

/** Estimated height of a row until it is measured, in pixels. */
const estimate = (row: Row | undefined): number => {
  if (row === undefined || row.kind !== "item") return 34
  const { item } = row
  const files = item.attachments === undefined ? 0 : 112
  if (item.kind === "agent-message" || item.kind === "user-message")
    return files + 56 + Math.ceil((item.text ?? "").length / 90) * 22
  return files + (item.kind === "reasoning" ? 36 : 76)
}

/** Whether an element inside the rows can scroll upwards: it then gets the wheel before the transcript does. */
const scrollsUpItself = (target: EventTarget | null, rows: Element): boolean => {
  for (let node = target instanceof Element ? target : null; node !== null && node !== rows; node = node.parentElement)
    if (node.scrollTop > 0) return true
  return false
}

/** Distance from the top, in pixels, at which older items are read in advance. */
const aheadPixels = 1_200

export const Transcript = ({ opened, thread }: { readonly opened: Ready; readonly thread: ThreadView }) => {
  const { transcript } = opened
  // The transcript changes in place: a new version means a change.
  const version = useStore((state) => {
    const now = state.threads.get(thread.threadId)
    return now?.state === "ready" ? now.transcript.version : -1
  })
  // `list` has the number and order of rows. Their content is looked up per row, so that a delta costs the same in a long thread.
  const settled = useStore((state) => state.world?.settled)
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- the structure says that the transcript changed in place
  const list = useMemo(() => rows(transcript, settled), [transcript, transcript.structure, settled])
  // Stable, because the virtualizer lays out every row again for a new function.
  const keyOf = useCallback((at: number) => list[at]?.key ?? at, [list])
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: list.length,
    getScrollElement: () => scroller.current,
    estimateSize: (at) => estimate(list[at]),
    getItemKey: keyOf,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: 80,
    overscan: 8,
    paddingStart: 16,
    paddingEnd: 16
  })
  const shown = list.length > 0
  useEffect(() => {
    if (shown) virtual.scrollToEnd()
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- once for each thread, not for each change of the list
  }, [transcript, shown])

  // A view at the end stays at the end when rows or the dock below them grow. Only a person's scroll leaves the end.
  const atEnd = useRef(true)
  /** Direction of a person's gesture; `any` when the gesture has none. */
  const byPerson = useRef<"up" | "down" | "any">(undefined)
  const top = useRef(0)
  /** The position of the last scroll by the page itself. */
  const ownScrollTop = useRef(-1)
  const [isAway, setAway] = useState(false)
  const height = virtual.getTotalSize()
  const toEnd = () => {
    const node = scroller.current
    if (node === null || !atEnd.current) return
    node.scrollTop = node.scrollHeight
    ownScrollTop.current = node.scrollTop
  }
  const toNewest = () => {
    atEnd.current = true
    toEnd()
  }
  useLayoutEffect(toEnd, [height, version])
  useEffect(() => {
    const node = scroller.current
    if (node === null) return
    const observer = new ResizeObserver(toEnd)
    observer.observe(node)
    // The view leaves the end at once: text that is added before the scroll begins would move it back.
    const leaveEnd = (target: EventTarget | null) => {
      if (node.scrollTop <= 0 || scrollsUpItself(target, node)) return
      byPerson.current = "up"
      atEnd.current = false
    }
    const onWheel = ({ deltaY, target }: WheelEvent) => {
      if (deltaY < 0) leaveEnd(target)
      else byPerson.current = deltaY > 0 ? "down" : "any"
    }
    let finger = 0
    const onTouchStart = ({ touches }: TouchEvent) => {
      finger = touches[0]?.clientY ?? 0
    }
    const onTouchMove = ({ target, touches }: TouchEvent) => {
      const y = touches[0]?.clientY ?? finger
      if (y > finger) leaveEnd(target)
      else if (y < finger) byPerson.current = "down"
      finger = y
    }
    const onPointerDown = ({ offsetX, target }: PointerEvent) => {
      if (target === node && offsetX >= node.clientWidth) byPerson.current = "any"
    }
    const onScrollEnd = () => {
      if (node.scrollTop !== ownScrollTop.current) byPerson.current = undefined
    }
    node.addEventListener("wheel", onWheel, { passive: true })
    node.addEventListener("touchstart", onTouchStart, { passive: true })
    node.addEventListener("touchmove", onTouchMove, { passive: true })
    node.addEventListener("pointerdown", onPointerDown)
    node.addEventListener("scrollend", onScrollEnd)
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "ArrowUp" || event.key === "PageUp") leaveEnd(event.target)
      else byPerson.current = "any"
      if (event.key !== "End" && event.key !== "Home") return
      event.preventDefault()
      atEnd.current = event.key === "End"
      if (atEnd.current) toEnd()
      else node.scrollTop = 0
    }
    node.addEventListener("keydown", onKey)
    return () => {
      observer.disconnect()
      node.removeEventListener("keydown", onKey)
      node.removeEventListener("wheel", onWheel)
      node.removeEventListener("touchstart", onTouchStart)
      node.removeEventListener("touchmove", onTouchMove)
      node.removeEventListener("pointerdown", onPointerDown)
      node.removeEventListener("scrollend", onScrollEnd)
    }
  }, [])
  const isNearTop = (virtual.scrollOffset ?? 0) < aheadPixels && transcript.before !== undefined
  useEffect(() => {
    if (isNearTop) void loadOlder(thread.threadId)
  }, [isNearTop, list.length, thread.threadId])

  return (
    <>
      <div
        className="rows"
        ref={scroller}
        tabIndex={0}
        role="log"
        aria-label="Transcript"
        aria-live="off"
        onScroll={({ currentTarget: node }) => {
          const below = node.scrollHeight - node.scrollTop - node.clientHeight
          // A scroll upwards from the end leaves it at once.
          if (byPerson.current === "down") atEnd.current ||= below < 40
          else if (byPerson.current === "any") atEnd.current = below < (node.scrollTop < top.current ? 1 : 40)
          top.current = node.scrollTop
          setAway(below > 40 && !atEnd.current)
        }}
      >
        {opened.loadingOlder && (
          <p className="older" role="status">
            Reading older items…
          </p>
        )}
        {list.length === 0 && (
          <p className="nothing">
            No messages yet.
            {thread.forkedFrom !== undefined && (
              <>
                {" This is a fork: the agent starts with "}
                <a href={threadHref(thread.forkedFrom)}>the conversation before it</a>.
              </>
            )}
          </p>
        )}
        <div className="canvas" style={{ height }}>
          {virtual.getVirtualItems().map((place) => {
            const row = list[place.index]
            return row === undefined ? null : (
              <div
                key={place.key}
                className="row"
                data-index={place.index}
                ref={virtual.measureElement}
                data-depth={row.kind === "item" ? row.depth : undefined}
                style={{ transform: `translateY(${place.start}px)` }}
              >
                <RowView {...shownBy(transcript, row)} />
              </div>
            )
          })}
        </div>
      </div>
      {isAway && (
        <div className="newest">
          <button type="button" onClick={toNewest}>
            <Icon name="down" />
            Newest
          </button>
        </div>
      )}
    </>
  )
}
