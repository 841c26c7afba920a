/** The parts of git's unified diff: one for each file. */
import type { ChangedFile } from "@millrace/contracts/Workspace"

const escapes: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  '"': '\\"',
  "\\": "\\\\"
}

/** The name as git writes it in a header: in quotes if it has a control character, a quote or a backslash. */
const quoted = (name: string): string => {
  const escaped = name.replaceAll(
    // oxlint-disable-next-line no-control-regex -- git escapes these in names
    /["\\\u0000-\u001f\u007f]/g,
    (one) => escapes[one] ?? `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`
  )
  return escaped === name ? name : `"${escaped}"`
}

/** The first line of the file's part, which names the file. */
export const headerOf = ({ oldPath, path }: Pick<ChangedFile, "path" | "oldPath">): string =>
  `diff --git ${quoted(`a/${oldPath ?? path}`)} ${quoted(`b/${path}`)}`

/**
 * The parts of a diff, by their first line and without it. A file that became a link has two parts in the diff, which are joined. A line of a file never
 * begins in column 0, so a line that begins with `diff --git` is a header.
 */
export const parts = (patch: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const part of patch.split(/^(?=diff --git )/m)) {
    const end = part.indexOf("\n")
    if (!part.startsWith("diff --git ") || end < 0) continue
    const header = part.slice(0, end)
    found.set(header, (found.get(header) ?? "") + part.slice(end + 1))
  }
  return found
}

/** Lines before the first hunk that the view shows in another form. */
const known = /^(index |--- |\+\+\+ |similarity index |dissimilarity index |rename (from|to) |(new|deleted) file mode )/

/** The lines of a part that a person reads: its hunks, a change of the mode, and that a file is binary. */
export const readable = (part: string): string => {
  let inHunk = false
  return part
    .split("\n")
    .filter((line) => {
      if (line.startsWith("@@ ")) inHunk = true
      else if (inHunk && /^(index |new file mode |deleted file mode )/.test(line)) inHunk = false
      return inHunk || !known.test(line)
    })
    .join("\n")
}

/** The number of the first line of the first hunk in the new file. */
export const firstLine = (part: string): number | undefined => {
  const [, line] = /^@@ -\d+(?:,\d+)? \+(\d+)/m.exec(part) ?? []
  return line === undefined ? undefined : Math.max(1, Number(line))
}
