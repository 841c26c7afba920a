/**
 * Files of the thread's directory in a prompt. While the word before the caret begins with `@`, a list shows the paths that the server finds for the rest
 * of the word. Arrow keys move, Enter and Tab replace the word by the path, Escape closes.
 */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { FoundFile, FoundFiles } from "@millrace/contracts/Workspace"
import { useEffect, useId, useLayoutEffect, useRef, useState } from "react"
import { write } from "../attach/Drafts.ts"
import { request } from "../store/Http.ts"
import { mentionAt, withPath } from "../text/Mention.ts"
import "./mention.css"
import type { Completion } from "./useSlash.tsx"

/** How long, in milliseconds, a person pauses before the files are searched. */
const pauseMillis = 100
/** Maximum files in the list. Further letters find the others. */
const maxShown = 20

interface Found {
  readonly query: string
  readonly files: ReadonlyArray<FoundFile>
  readonly error?: string
}

const reasonOf = (cause: unknown): string =>
  // What `fetch` throws if there is no connection.
  cause instanceof TypeError ? "The server does not answer." : cause instanceof Error ? cause.message : String(cause)

/** `undefined` until the first answer. The files of the last query stay until the next answer. */
const useFiles = (threadId: ThreadId, query: string | undefined): Found | undefined => {
  const [found, setFound] = useState<Found>()
  useEffect(() => {
    if (query === undefined) {
      setFound(undefined)
      return
    }
    const abort = new AbortController()
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(30_000)])
    const path = `/api/threads/${threadId}/files?query=${encodeURIComponent(query)}&limit=${maxShown}`
    const timer = setTimeout(() => {
      request<FoundFiles>(path, {}, signal).then(
        ({ files }) => setFound({ query, files }),
        (cause: unknown) => {
          if (!abort.signal.aborted) setFound({ query, files: [], error: reasonOf(cause) })
        }
      )
    }, pauseMillis)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [threadId, query])
  return found
}

const wordsOf = (found: Found | undefined, query: string): string => {
  if (found === undefined || found.query !== query) return "Searching the files…"
  if (found.error !== undefined) return `The files cannot be searched: ${found.error}`
  return found.files.length === 0 ? "No file has this in its path." : ""
}

export const useMention = (threadId: ThreadId, text: string) => {
  const id = useId()
  const [caret, setCaret] = useState<number>()
  const [place, setPlace] = useState({ text, at: 0 })
  /** The text for which the list was closed. */
  const [closed, setClosed] = useState<string>()
  const area = useRef<HTMLTextAreaElement>(null)
  /** Where the caret belongs after the text was replaced. */
  const next = useRef<number>(undefined)
  useLayoutEffect(() => {
    if (next.current === undefined) return
    area.current?.setSelectionRange(next.current, next.current)
    next.current = undefined
  }, [text])
  const mention = caret === undefined || closed === text ? undefined : mentionAt(text, caret)
  const found = useFiles(threadId, mention?.query)
  const onSelect = (field: HTMLTextAreaElement) => {
    area.current = field
    setCaret(field.selectionStart === field.selectionEnd ? field.selectionStart : undefined)
  }
  const none: Completion = { onKeyDown: () => false, field: {}, list: null }
  if (mention === undefined) return { ...none, onSelect }
  const files = found?.files ?? []
  const at = place.text === text ? Math.min(place.at, files.length - 1) : 0
  const optionId = (n: number) => `${id}-${n}`
  const move = (by: number) => {
    const to = (at + by + files.length) % files.length
    setPlace({ text, at: to })
    document.getElementById(optionId(to))?.scrollIntoView({ block: "nearest" })
  }
  const choose = (n: number) => {
    const file = files[n]
    if (file === undefined) return
    const replaced = withPath(text, mention, file.path)
    next.current = replaced.caret
    setCaret(replaced.caret)
    write(threadId, replaced.text)
  }
  const close = () => setClosed(text)
  const keys: Readonly<Record<string, () => void>> =
    files.length === 0
      ? { Escape: close }
      : {
          ArrowDown: () => move(1),
          ArrowUp: () => move(-1),
          Enter: () => choose(at),
          Tab: () => choose(at),
          Escape: close
        }
  const words = wordsOf(found, mention.query)
  const completion: Completion = {
    onKeyDown: (event) => {
      const act = event.shiftKey || event.nativeEvent.isComposing ? undefined : keys[event.key]
      if (act === undefined) return false
      event.preventDefault()
      act()
      return true
    },
    field: files.length === 0 ? {} : { "aria-autocomplete": "list", "aria-controls": id, "aria-activedescendant": optionId(at) },
    list: (
      <div className="slash mention">
        {files.length > 0 && (
          <div role="listbox" id={id} aria-label="Files">
            {files.map(({ path }, n) => (
              <div
                key={path}
                id={optionId(n)}
                role="option"
                tabIndex={-1}
                aria-selected={n === at}
                // Before the field loses the focus.
                onMouseDown={(event) => {
                  event.preventDefault()
                  choose(n)
                }}
              >
                <b>{path.slice(path.lastIndexOf("/") + 1)}</b>
                <span>{path.slice(0, Math.max(0, path.lastIndexOf("/")))}</span>
              </div>
            ))}
          </div>
        )}
        <p role="status" className={found?.error === undefined ? undefined : "refusal"}>
          {words}
        </p>
      </div>
    )
  }
  return { ...completion, onSelect }
}
