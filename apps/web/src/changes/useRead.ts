import { useEffect, useState } from "react"

interface Answered<A> {
  readonly path: string
  readonly version: string
  readonly value?: A
  readonly error?: string
}

/**
 * What `read` returns for the path; it is read again for another `version`, and until then the old value stays. `path` undefined: nothing is read.
 * `read` is the same function in every call.
 */
export const useRead = <A>(path: string | undefined, version: string, read: (path: string) => Promise<A>) => {
  const [answered, setAnswered] = useState<Answered<A>>()
  useEffect(() => {
    if (path === undefined) return
    let isCurrent = true
    read(path).then(
      (value) => isCurrent && setAnswered({ path, version, value }),
      (cause: Error) => isCurrent && setAnswered({ path, version, error: cause.message })
    )
    return () => {
      isCurrent = false
    }
  }, [path, version, read])
  const own = path !== undefined && answered?.path === path ? answered : undefined
  return { value: own?.value, error: own?.error, busy: path !== undefined && own?.version !== version }
}
