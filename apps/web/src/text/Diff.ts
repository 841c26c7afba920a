/** A unified diff as pairs of lines: each removed line next to the line that replaces it. */
export interface Side {
  readonly kind: "same" | "old" | "new"
  readonly line: number
  readonly text: string
}
export type Pair =
  | { readonly kind: "pair"; readonly left: Side | undefined; readonly right: Side | undefined }
  /** A header or hunk line, unchanged. */
  | { readonly kind: "note"; readonly text: string }

/** One line of the unified form, with its number before and after the change. */
export interface UnifiedLine {
  readonly kind: Side["kind"] | "note"
  readonly before?: number
  readonly after?: number
  readonly text: string
}

/** The same lines in one column: for each change the removed lines, then the added ones. */
export const unified = (lines: ReadonlyArray<Pair>): ReadonlyArray<UnifiedLine> => {
  const out: Array<UnifiedLine> = []
  const added: Array<UnifiedLine> = []
  const flush = () => void out.push(...added.splice(0))
  for (const line of lines) {
    if (line.kind === "note") {
      flush()
      out.push(line)
    } else if (line.left?.kind === "same") {
      flush()
      out.push({ kind: "same", before: line.left.line, ...(line.right && { after: line.right.line }), text: line.left.text })
    } else {
      if (line.left !== undefined) out.push({ kind: "old", before: line.left.line, text: line.left.text })
      if (line.right !== undefined) added.push({ kind: "new", after: line.right.line, text: line.right.text })
    }
  }
  flush()
  return out
}

export const pairs = (diff: string): ReadonlyArray<Pair> => {
  const out: Array<Pair> = []
  let left = 0
  let right = 0
  let inHunk = false
  const removedSides: Array<Side> = []
  const addedSides: Array<Side> = []
  const flush = () => {
    for (let at = 0; at < Math.max(removedSides.length, addedSides.length); at++)
      out.push({ kind: "pair", left: removedSides[at], right: addedSides[at] })
    removedSides.length = 0
    addedSides.length = 0
  }
  const lines = diff.split("\n")
  if (lines.at(-1) === "") lines.pop()
  for (const line of lines) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line)
    if (hunk !== null) {
      flush()
      left = Number(hunk[1])
      right = Number(hunk[2])
      inHunk = true
      out.push({ kind: "note", text: line })
    } else if (inHunk && line.startsWith("-")) removedSides.push({ kind: "old", line: left++, text: line.slice(1) })
    else if (inHunk && line.startsWith("+")) addedSides.push({ kind: "new", line: right++, text: line.slice(1) })
    else if (inHunk && (line.startsWith(" ") || line === "")) {
      flush()
      const text = line.slice(1)
      out.push({ kind: "pair", left: { kind: "same", line: left++, text }, right: { kind: "same", line: right++, text } })
    } else {
      flush()
      if (/^(diff|index|---|\+\+\+)/.test(line)) inHunk = false
      out.push({ kind: "note", text: line })
    }
  }
  flush()
  return out
}
