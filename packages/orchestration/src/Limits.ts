/** Keeps each event under 256 KiB (L4): long text is cut, and the event says by how many bytes. */
import type { ItemContent } from "@millrace/contracts/Item"

/** Encoded bytes that one value inside an event may take; the rest is the envelope. */
export const maxValueBytes = 224 * 1024

/** Bytes of the JSON string of a text. Worst case 6 per UTF-16 unit, so short text is not counted. */
const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? "", "utf8")

const fits = (text: string, bytes: number): boolean => text.length * 6 + 2 <= bytes || jsonBytes(text) <= bytes

/** The longest beginning of a text whose JSON is at most so many bytes; never half a surrogate pair. */
export const cutText = (text: string, bytes: number): string => {
  if (fits(text, bytes)) return text
  let low = 0
  let high = Math.min(text.length, bytes)
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (jsonBytes(text.slice(0, middle)) <= bytes) low = middle
    else high = middle - 1
  }
  const last = text.charCodeAt(low - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? low - 1 : low)
}

/** A text in pieces of at most so many bytes of JSON each; joined they are the text. */
export const split = (text: string, bytes: number): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  let rest = text
  while (!fits(rest, bytes)) {
    const piece = cutText(rest, bytes)
    pieces.push(piece)
    rest = rest.slice(piece.length)
  }
  pieces.push(rest)
  return pieces
}

/** A value of unknown shape, or a note of what it was when it is too large. */
export const fitUnknown = (value: unknown, bytes: number): unknown => {
  const json = JSON.stringify(value)
  if (json === undefined) return null
  if (fits(json, bytes)) return value
  const size = Buffer.byteLength(json, "utf8")
  return { truncatedBytes: size, beginning: cutText(json, Math.min(bytes >> 1, 8192)) }
}

/** Rough bytes of a content without encoding it; never less than the real ones for plain text. */
const isSmall = (content: ItemContent): boolean =>
  ((content.text?.length ?? 0) + (content.output?.length ?? 0) + (content.command?.length ?? 0)) * 6 < 32_768 &&
  content.changes === undefined &&
  content.input === undefined &&
  content.result === undefined &&
  content.steps === undefined

/** The content, cut where it is too large: diffs first, then results, then output and text from their ends. */
export const fitContent = (content: ItemContent): ItemContent => {
  if (isSmall(content)) return content
  const before = jsonBytes(content)
  if (before <= maxValueBytes) return content
  const share = Math.floor(maxValueBytes / 8)
  const diffShare = Math.floor(share / Math.min(200, content.changes?.length ?? 1))
  const changes = content.changes
    ?.slice(0, 200)
    .map((change) => (change.diff === undefined ? change : Object.assign({}, change, { diff: cutText(change.diff, diffShare) })))
  const cut: ItemContent = {
    ...content,
    ...(content.command === undefined ? {} : { command: cutText(content.command, share) }),
    ...(changes === undefined ? {} : { changes }),
    ...(content.input === undefined ? {} : { input: fitUnknown(content.input, share) }),
    ...(content.result === undefined ? {} : { result: fitUnknown(content.result, share) }),
    ...(content.output === undefined ? {} : { output: cutText(content.output, share * 2) }),
    ...(content.text === undefined ? {} : { text: cutText(content.text, share * 2) }),
    ...(content.steps === undefined
      ? {}
      : { steps: content.steps.slice(0, 100).map(({ text, status }) => ({ text: cutText(text, 256), status })) })
  }
  return { ...cut, truncatedBytes: (content.truncatedBytes ?? 0) + before - jsonBytes(cut) }
}
