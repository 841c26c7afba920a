/** A part of the page that is loaded when it is first shown. It shows that it loads; if it cannot be loaded, it shows why and a button to try again. */
import { type ReactNode, useEffect, useState } from "react"

type Component<P> = (props: P) => ReactNode

/** `load` loads it in advance and ignores a failure. */
type Part<P> = Component<P> & { readonly load: () => void }

/** The page as the server has it now. Rejects if the server does not answer. */
const current = async (): Promise<string> => {
  const response = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(10_000) })
  if (!response.ok) throw new Error(`The server answered with ${response.status}`)
  return response.text()
}

/** What a person can do. `newer`: the server was updated since this page was loaded, and no longer has its parts. */
type Failure = "unreachable" | "newer" | "other"

const diagnose = async (): Promise<Failure> => {
  try {
    const script = document.querySelector('script[type="module"]')?.getAttribute("src") ?? ""
    return (await current()).includes(script) ? "other" : "newer"
  } catch {
    return "unreachable"
  }
}

const words: Readonly<Record<Failure, string>> = {
  unreachable: "This part of the page could not be loaded, because the server does not answer. Nothing is lost.",
  newer: "The server has a newer version of this page. Load the page again: nothing is lost.",
  other: "This part of the page could not be loaded. Nothing is lost."
}

const Failed = ({ failure }: { readonly failure: Failure }) => {
  const [state, setState] = useState({ failure, busy: false })
  // A browser remembers that a module failed, so only a page that is loaded again requests it again.
  const retry = async () => {
    setState({ ...state, busy: true })
    const next = await diagnose()
    if (next !== "unreachable") location.reload()
    setState({ failure: next, busy: false })
  }
  return (
    <div className="part failed" role="alert">
      <p>{words[state.failure]}</p>
      <button type="button" className="primary" disabled={state.busy} onClick={() => void retry()}>
        Try again
      </button>
    </div>
  )
}

/** The component that `load` resolves with. */
export const part = <P extends object>(load: () => Promise<Component<P>>): Part<P> => {
  let known: Component<P> | undefined
  const once = async () => (known ??= await load())
  const Loaded = (props: P) => {
    const [Shown, setShown] = useState(() => known)
    const [failure, setFailure] = useState<Failure>()
    useEffect(() => {
      if (Shown !== undefined) return
      let isMounted = true
      once().then(
        (component) => isMounted && setShown(() => component),
        async () => {
          const why = await diagnose()
          if (isMounted) setFailure(why)
        }
      )
      return () => {
        isMounted = false
      }
    }, [Shown])
    if (Shown !== undefined) return <Shown {...props} />
    if (failure !== undefined) return <Failed failure={failure} />
    return (
      <div className="part loading" role="status">
        <span className="water" aria-hidden="true" />
        <p>Loading this part of the page…</p>
      </div>
    )
  }
  return Object.assign(Loaded, { load: () => void once().catch(() => {}) })
}
