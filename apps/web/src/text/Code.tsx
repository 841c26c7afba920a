/** Highlighted code. The highlighter is loaded with the first code; until then, and for unknown languages, the text is plain. */
import { memo, useEffect, useState } from "react"
import type * as Highlight from "./highlight.ts"

let loaded: typeof Highlight | undefined
const load = async () => (loaded ??= await import("./highlight.ts"))

/** Maximum length, in characters, of highlighted text. */
const maxHighlighted = 60_000

export const Code = memo(({ text, language }: { readonly text: string; readonly language: string | undefined }) => {
  const [highlight, setHighlight] = useState(loaded)
  const wanted = language !== undefined && text.length <= maxHighlighted
  useEffect(() => {
    if (!wanted || highlight !== undefined) return
    let isMounted = true
    void load().then((module) => isMounted && setHighlight(module))
    return () => {
      isMounted = false
    }
  }, [wanted, highlight])
  const pieces = wanted ? highlight?.pieces(text, language) : undefined
  return (
    <code>
      {pieces === undefined
        ? text
        : pieces.map((piece, at) => (
            <span key={at} className={piece.kind}>
              {piece.text}
            </span>
          ))}
    </code>
  )
})
