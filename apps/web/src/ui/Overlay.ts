/** What is open over the page: the palette, or the sheet of shortcuts; at most one. */
import { useEffect, useSyncExternalStore } from "react"

export type Overlay = "palette" | "shortcuts"

let shown: Overlay | undefined
const listeners = new Set<() => void>()
export const show = (next: Overlay | undefined): void => {
  shown = next
  for (const listener of listeners) listener()
}
const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

export const useOverlay = (): Overlay | undefined => useSyncExternalStore(subscribe, () => shown)

/** Whether the person types text there, so that a letter is not a shortcut. */
const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

/** Ctrl+K or Cmd+K opens the palette anywhere; `?` opens the shortcuts outside of fields. Escape closes them, also if they could not be loaded. */
export const useShortcuts = (): void =>
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && shown !== undefined) return show(undefined)
      const isPalette = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k"
      if (!isPalette && (event.key !== "?" || isField(event.target))) return
      event.preventDefault()
      show(isPalette ? "palette" : "shortcuts")
    }
    window.addEventListener("keydown", onKey)
    return () => window.removeEventListener("keydown", onKey)
  }, [])
