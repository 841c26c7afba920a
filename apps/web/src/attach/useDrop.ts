/** Files that are dropped anywhere on the page. Without it the browser would leave the page to show a dropped file. */
import { useEffect, useState } from "react"
import { attach } from "./Drafts.ts"
import { dropped, hasFiles } from "./Transfer.ts"

/** Attaches dropped files to the draft, unless `key` is undefined. Returns whether files are over the page. */
export const useDrop = (key: string | undefined): boolean => {
  const [isOver, setOver] = useState(false)
  useEffect(() => {
    if (key === undefined) return
    const over = (event: DragEvent) => {
      if (!hasFiles(event.dataTransfer)) return
      event.preventDefault()
      event.dataTransfer.dropEffect = "copy"
      setOver(true)
    }
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false)
    }
    const drop = (event: DragEvent) => {
      setOver(false)
      if (!hasFiles(event.dataTransfer)) return
      event.preventDefault()
      const { files, folders } = dropped(event.dataTransfer)
      attach(key, files, folders)
    }
    window.addEventListener("dragover", over)
    window.addEventListener("dragleave", leave)
    window.addEventListener("drop", drop)
    return () => {
      window.removeEventListener("dragover", over)
      window.removeEventListener("dragleave", leave)
      window.removeEventListener("drop", drop)
    }
  }, [key])
  return isOver
}
