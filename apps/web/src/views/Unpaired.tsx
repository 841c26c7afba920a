/** Shown when this browser has no session: explains how to pair it. */
import { useState } from "react"
import { link } from "../store/Store.ts"

export const Unpaired = () => {
  const [code, setCode] = useState("")
  // Accepts a whole link or only its code.
  const open = () => location.assign(`/pair?code=${encodeURIComponent(/code=([\w-]+)/.exec(code)?.[1] ?? code.trim())}`)
  return (
    <main className="gate">
      <span className="water" aria-hidden="true" />
      <h1>This browser is not paired</h1>
      <p>You need a session to use this server. On the server's machine, run:</p>
      <pre className="code">millrace pair</pre>
      <p>Open the link that it prints, or paste it here. A paired device can also create a link: Settings, Pair a device.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          open()
        }}
      >
        <input
          aria-label="Pairing link or code"
          placeholder="Pairing link or code"
          value={code}
          onChange={(event) => setCode(event.target.value)}
        />
        <button type="submit" disabled={code.trim() === ""}>
          Pair
        </button>
        <button type="button" className="quiet" onClick={link.retry}>
          Try again
        </button>
      </form>
    </main>
  )
}
