/** Output of a command with every character. Escape sequences are hidden elements; colours are drawn. */
import { memo, useEffect, useRef } from "react"

export interface Piece {
  readonly text: string
  /** The class; `m` hides the piece. */
  readonly kind: string
}

// Control sequences, and operating-system commands up to their end.
// oxlint-disable-next-line no-control-regex -- escape sequences are control characters
const escapes = /\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?/g

const colour = (codes: string, before: string): string => {
  let now = before
  for (const code of codes === "" ? ["0"] : codes.split(";")) {
    const n = Number(code)
    if (n === 0 || n === 39) now = ""
    else if (n >= 30 && n <= 37) now = `ansi-${n - 30}`
    else if (n >= 90 && n <= 97) now = `ansi-${n - 90}`
  }
  return now
}

/** Splits a text into pieces whose concatenation is the text. */
export const pieces = (text: string): ReadonlyArray<Piece> => {
  const out: Array<Piece> = []
  let at = 0
  let kind = ""
  for (const match of text.matchAll(escapes)) {
    if (match.index > at) out.push({ text: text.slice(at, match.index), kind })
    out.push({ text: match[0], kind: "m" })
    // oxlint-disable-next-line no-control-regex -- the same
    const codes = /^\x1b\[([0-9;]*)m$/.exec(match[0])?.[1]
    if (codes !== undefined) kind = colour(codes, kind)
    at = match.index + match[0].length
  }
  if (at < text.length) out.push({ text: text.slice(at), kind })
  return out
}

export const Terminal = memo(({ text }: { readonly text: string }) => {
  const box = useRef<HTMLPreElement>(null)
  const atEnd = useRef(true)
  useEffect(() => {
    const node = box.current
    if (node !== null && atEnd.current) node.scrollTop = node.scrollHeight
  }, [text])
  return (
    <pre
      className="terminal"
      ref={box}
      tabIndex={0}
      aria-label="Output"
      data-text
      onScroll={({ currentTarget: node }) => {
        atEnd.current = node.scrollHeight - node.scrollTop - node.clientHeight < 24
      }}
    >
      {text.includes("\u001b")
        ? pieces(text).map((piece, at) => (
            <span key={at} className={piece.kind}>
              {piece.text}
            </span>
          ))
        : text}
    </pre>
  )
})
