/** This browser has no session here: how to get one. */
import { useState } from "react"
import { link } from "../store/Store.ts"

export const Unpaired = () => {
  const [code, setCode] = useState("")
  // A whole link, or the code in it.
  const open = () => location.assign(`/pair?code=${encodeURIComponent(/code=([\w-]+)/.exec(code)?.[1] ?? code.trim())}`)
  return (
    <main className="gate">
      <span className="water" aria-hidden="true" />
      <h1>This browser is not paired</h1>
      <p>Nothing of this server is shown without a session. On the machine that runs it:</p>
      <pre className="code">millrace pair</pre>
      <p>and open the link it prints, or paste it here. A device that is in already can make one too: Settings, Pair a device.</p>
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
