/** Bounds of texts and of values of unknown shape, by the bytes of their JSON. */

/** Maximum encoded bytes of one value inside an event; the rest is for the envelope. */
export const maxValueBytes = 224 * 1024

/** UTF-8 bytes of a value's JSON. */
export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? "", "utf8")

/** Whether the JSON of a text has at most `bytes` bytes. JSON needs at most 6 bytes per UTF-16 unit, so a short text is not encoded. */
const fits = (text: string, bytes: number): boolean => text.length * 6 + 2 <= bytes || jsonBytes(text) <= bytes

/** Bytes of one UTF-16 unit in a JSON string; not for surrogates. */
const unitBytes = (code: number): number => {
  if (code < 0x20) return code === 8 || code === 9 || code === 10 || code === 12 || code === 13 ? 2 : 6
  if (code === 0x22 || code === 0x5c) return 2
  return code < 0x80 ? 1 : code < 0x800 ? 2 : 3
}

const isHigh = (code: number): boolean => code >= 0xd800 && code <= 0xdbff
const isLow = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff

/** The longest prefix of a text whose JSON has at most `bytes` bytes; never splits a surrogate pair. One pass. */
export const cutText = (text: string, bytes: number): string => {
  if (fits(text, bytes)) return text
  let sum = 2
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    const pair = isHigh(code) && isLow(text.charCodeAt(at + 1))
    sum += pair ? 4 : isHigh(code) || isLow(code) ? 6 : unitBytes(code)
    if (sum > bytes) break
    at += pair ? 2 : 1
  }
  return text.slice(0, at)
}

/** Splits a text into pieces of at most `bytes` bytes of JSON each; joined they equal the text. */
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

/** Maximum nesting levels of a value, because encoding, checking and rendering recurse once per level. */
const maxDepth = 256

/** Whether a value is nested deeper than `left` levels. `JSON.parse` accepts any depth; `JSON.stringify` overflows the stack. */
export const isDeep = (value: unknown, left = maxDepth): boolean =>
  typeof value === "object" && value !== null && (left === 0 || Object.values(value).some((part) => isDeep(part, left - 1)))

/** The note in place of a value that is too deep. */
export const leftOut = { leftOut: `nested more than ${maxDepth} levels deep` }

/** A value of unknown shape, or a note in its place if it is too large or too deep. For signals, which nothing stores. */
export const fitUnknown = (value: unknown, bytes: number): unknown => {
  if (isDeep(value)) return leftOut
  const json = JSON.stringify(value)
  if (json === undefined) return null
  if (fits(json, bytes)) return value
  const size = Buffer.byteLength(json, "utf8")
  return { truncatedBytes: size, beginning: cutText(json, Math.min(bytes >> 1, 8192)) }
}
