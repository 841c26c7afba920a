/**
 * Long texts of events and rows are stored once (docs/decisions/0149): the stored JSON has a reference in the place of the text, and a blob has the text, under
 * its hash. So a prompt that is in an event, in the row of its turn and in the item of the user is one blob, and so is one that several threads have.
 * A reference is a JSON string that begins with `\/`, which `JSON.stringify` never writes. The stream of the event refers to the blob, so that the text is
 * deleted with the thread.
 */
import { createHash } from "node:crypto"
import { deflateRawSync } from "node:zlib"
import { type Blob, partBytes, split } from "./Blob.ts"
import { endOfString } from "./SegmentTemplates.ts"

/** Shorter texts stay in their place: a blob takes about 400 bytes more than its content. */
export const minCharacters = 4 * 1024

const slash = "\\/"
const reference = /\\\/([0-9a-f]{64})"/y

/** Level 3 takes a third of the processor time of level 6, for a tenth more bytes. */
const blobOf = (hash: string, content: Buffer): Blob => {
  const deflated = deflateRawSync(content, { level: 3 })
  const smaller = deflated.byteLength < content.byteLength * 0.95
  return {
    hash,
    bytes: content.byteLength,
    mediaType: "text/plain",
    codec: smaller ? "deflate" : "identity",
    parts: smaller ? [deflated] : split(content)
  }
}

interface Text {
  readonly content: Buffer
  /** The text as it is in the JSON. A copy, because a part of a string keeps the whole string in memory. */
  readonly escaped: string
}

/** A JSON string, given without its quotes, as UTF-8; undefined if `JSON.stringify` would write it in another way. */
const textOf = (escaped: string): Text | undefined => {
  const text = JSON.parse(`"${escaped}"`) as string
  const again = JSON.stringify(text).slice(1, -1)
  if (!text.isWellFormed() || again !== escaped) return undefined
  const content = Buffer.from(text)
  return content.byteLength > partBytes ? undefined : { content, escaped: again }
}

/** The hashes of the texts that were stored last: the row of a turn has its prompt, and is written again at each change of the turn. */
export class Hashes {
  readonly #byText = new Map<string, string>()
  #characters = 0
  /** Maximum characters of the texts that are kept. */
  static readonly maxCharacters = 2 * 1024 * 1024

  get(escaped: string): string | undefined {
    return this.#byText.get(escaped)
  }

  add(escaped: string, hash: string): void {
    if (!this.#byText.has(escaped)) this.#characters += escaped.length
    this.#byText.set(escaped, hash)
    for (const oldest of this.#byText.keys()) {
      if (this.#characters <= Hashes.maxCharacters) return
      this.#byText.delete(oldest)
      this.#characters -= oldest.length
    }
  }
}

/** Where the long string values of a JSON begin and end, without their quotes. */
function* longStrings(json: string): Generator<readonly [start: number, end: number]> {
  for (let quote = json.indexOf('"'); quote >= 0;) {
    const end = endOfString(json, quote + 1)
    if (end - quote > minCharacters && json[end + 1] !== ":") yield [quote + 1, end]
    quote = json.indexOf('"', end + 1)
  }
}

/** The long texts of a batch. `isIntact`: whether the text with this hash is stored and can be read. */
export class SharedTexts {
  readonly blobs: Array<Blob> = []
  readonly references: Array<{ readonly stream: string; readonly hash: string }> = []
  readonly #isIntact: (hash: string) => boolean
  readonly #hashes: Hashes
  readonly #seen = new Set<string>()

  constructor(isIntact: (hash: string) => boolean, hashes: Hashes) {
    this.#isIntact = isIntact
    this.#hashes = hashes
  }

  /** What to store for the JSON, which `JSON.stringify` made, of an event or a row of this stream. */
  take(stream: string, json: string): string {
    if (json.length < minCharacters) return json
    let stored = ""
    let from = 0
    for (const [start, end] of longStrings(json)) {
      const hash = this.#keep(stream, json.slice(start, end))
      if (hash === undefined) continue
      stored += json.slice(from, start) + slash + hash
      from = end
    }
    return from === 0 ? json : stored + json.slice(from)
  }

  /** The hash of a text that is stored as a blob. */
  #keep(stream: string, escaped: string): string | undefined {
    const known = this.#hashes.get(escaped)
    const text = known === undefined ? textOf(escaped) : undefined
    if (known === undefined && text === undefined) return undefined
    const hash = known ?? createHash("sha256").update(text!.content).digest("hex")
    if (text !== undefined) this.#hashes.add(text.escaped, hash)
    if (!this.#seen.has(hash) && !this.#isIntact(hash)) this.blobs.push(blobOf(hash, (text ?? textOf(escaped)!).content))
    this.#seen.add(hash)
    this.references.push({ stream, hash })
    return hash
  }
}

/** The JSON with its texts; undefined if one cannot be read. */
export type Expand = (json: string) => string | undefined

/** `textOf`: the text with this hash; undefined if it cannot be read. */
export const expand =
  (textOf: (hash: string) => string | undefined): Expand =>
  (json) => {
    let whole = ""
    let from = 0
    for (let at = json.indexOf(slash); at >= 0; at = json.indexOf(slash, at + slash.length)) {
      // A slash after a backslash is not escaped, because the backslash itself is.
      if (json[at - 1] !== '"') continue
      reference.lastIndex = at
      const hash = reference.exec(json)?.[1]
      const text = hash === undefined ? undefined : textOf(hash)
      if (text === undefined) return undefined
      whole += json.slice(from, at) + JSON.stringify(text).slice(1, -1)
      from = reference.lastIndex - 1
    }
    return from === 0 ? json : whole + json.slice(from)
  }
