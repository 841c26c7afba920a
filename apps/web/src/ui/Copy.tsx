/** A button that copies a text. */
import { useState } from "react"
import { Icon } from "./Icon.tsx"

export const Copy = ({ label = "Copy", text }: { readonly label?: string; readonly text: string }) => {
  const [done, setDone] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      // The browser did not permit it: the button does not show "Copied".
      return
    }
    setDone(true)
    setTimeout(() => setDone(false), 1_500)
  }
  // A page from another machine without TLS has no clipboard.
  if (typeof navigator === "undefined" || typeof navigator.clipboard === "undefined") return null
  return (
    <button
      type="button"
      className="quiet icon-only copy"
      aria-label={done ? "Copied" : label}
      title={label}
      onClick={() => void copy()}
    >
      <Icon name="copy" />
    </button>
  )
}
