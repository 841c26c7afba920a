/** The texts of the log that contain the words, newest first, as the server finds them. */
import type { SearchPage } from "@millrace/contracts/Search"
import { useEffect, useState } from "react"
import { request } from "../store/Http.ts"

/** How long, in milliseconds, a person pauses before the words are searched. */
const pauseMillis = 150

interface Hits {
  /** The words of `page` or `error`. */
  readonly q: string
  readonly page?: SearchPage
  readonly error?: string
}

/** `undefined` until the server has answered for these words. Words of one letter are not searched. */
export const useHits = (text: string): Hits | undefined => {
  const q = text.trim().slice(0, 200)
  const [hits, setHits] = useState<Hits>()
  useEffect(() => {
    if (q.length < 2) return
    const abort = new AbortController()
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(30_000)])
    const timer = setTimeout(() => {
      request<SearchPage>(`/api/search?q=${encodeURIComponent(q)}`, {}, signal).then(
        (page) => setHits({ q, page }),
        (cause: unknown) => {
          if (!abort.signal.aborted) setHits({ q, error: cause instanceof Error ? cause.message : String(cause) })
        }
      )
    }, pauseMillis)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [q])
  return hits?.q === q ? hits : undefined
}
