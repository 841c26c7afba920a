/**
 * Splits the text of an export into its records as it arrives: the header, each blob and event, the trailer. Accepts lines of JSON, and one JSON document with an
 * `events` array and any white space. Holds one record at a time.
 */
import { maxBlobBytes } from "@millrace/contracts/Blob"
import * as BlobRecord from "./BlobRecord.ts"

export interface Record {
  /** The line in which the record begins, from 1. */
  readonly line: number
  readonly text: string
}

/** Maximum characters of a record: an event is at most 256 KiB on the wire, the header is smaller. */
const maxRecord = 1024 * 1024

/** Maximum characters of the record of a blob, whose content is in base64. */
const maxBlobRecord = Math.ceil(maxBlobBytes / 3) * 4 + 1024
const isTooLarge = (start: string, length: number): boolean =>
  length > (start.startsWith(BlobRecord.start) ? maxBlobRecord : maxRecord)

/** Maximum characters of `"events"`, its colon and the blanks around it. */
const nameLength = 64

const [quote, backslash, newline] = [0x22, 0x5c, 0x0a]
const [open, close, openArray, closeArray] = [0x7b, 0x7d, 0x5b, 0x5d]
const isBlank = (code: number) => code === 0x20 || code === 0x09 || code === 0x0d || code === newline

/** The current record so far, in pieces: joining them at each push would take quadratic time. */
class Held {
  #pieces: Array<string> = []
  #start = ""
  #end = ""
  length = 0

  add(text: string): void {
    if (text === "") return
    this.#pieces.push(text)
    this.length += text.length
    if (this.#start.length < BlobRecord.start.length) this.#start += text.slice(0, BlobRecord.start.length)
    this.#end = (this.#end + text.slice(-nameLength)).slice(-nameLength)
  }

  /** The whole text; afterwards it is empty. */
  take(last: string): string {
    const text = this.#pieces.join("") + last
    this.#pieces = []
    this.#start = this.#end = ""
    this.length = 0
    return text
  }

  /** The last `nameLength` characters of the name. */
  get end(): string {
    return this.#end
  }

  get isTooLarge(): boolean {
    return isTooLarge(this.#start, this.length)
  }

  get text(): string {
    return this.#pieces.join("")
  }
}

export class RecordSplitter {
  private readonly held = new Held()
  private depth = 0
  private inText = false
  private escaped = false
  /** Whether the position is inside the `events` array of a document, whose elements are records. */
  private inEvents = false
  private begins = 1
  /** The current line, from 1. */
  line = 1

  /** The records that this text completes, or `"too-large"`: then the caller stops. */
  push(text: string): ReadonlyArray<Record> | "too-large" {
    const found: Array<Record> = []
    let from = 0
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === newline) this.line++
      if (this.inText) {
        if (this.escaped) this.escaped = false
        else if (code === backslash) this.escaped = true
        else if (code === quote) this.inText = false
        continue
      }
      if (this.depth === 0 && this.held.length === 0 && from === at) {
        // Skips blanks between records, and commas in a document.
        if (isBlank(code) || (this.inEvents && code === 0x2c)) {
          from = at + 1
          continue
        }
        this.begins = this.line
        if (this.inEvents && code === closeArray) {
          // The fields after the `events` array are the trailer, which becomes a separate object.
          this.inEvents = false
          this.held.add("{")
          this.depth = 1
          from = at + 1
          continue
        }
      }
      if (code === quote) this.inText = true
      else if (code === open) this.depth++
      else if (code === openArray) {
        if (this.depth === 1 && /"events"\s*:\s*$/.test(this.before(text, from, at))) {
          const soFar = this.held.take(text.slice(from, at))
          const header = soFar.slice(0, soFar.lastIndexOf('"events"')).trimEnd()
          found.push({ line: this.begins, text: `${header.endsWith(",") ? header.slice(0, -1) : header}}` })
          this.depth = 0
          this.inEvents = true
          from = at + 1
        } else this.depth++
      } else if (code === close || code === closeArray) {
        this.depth--
        if (this.depth <= 0) {
          found.push({ line: this.begins, text: this.held.take(text.slice(from, at + 1)).replace(/^\{\s*,/, "{") })
          this.depth = 0
          from = at + 1
        }
      }
      // Text outside any object is a record too, so that it is rejected with its line.
      else if (this.depth === 0 && code === newline) {
        found.push({ line: this.begins, text: this.held.take(text.slice(from, at)) })
        from = at + 1
      }
    }
    this.held.add(text.slice(from))
    return this.held.isTooLarge || found.some(({ text }) => isTooLarge(text, text.length)) ? "too-large" : found
  }

  /** The last `nameLength` characters before this one: bounded, so that a record with many lists takes linear time. */
  private before(text: string, from: number, at: number): string {
    const nameHere = text.slice(Math.max(from, at - nameLength), at)
    return nameHere.length < nameLength ? this.held.end.slice(nameHere.length - nameLength) + nameHere : nameHere
  }

  /** The unfinished record, if any. */
  get rest(): Record | undefined {
    const { text } = this.held
    return text.trim() === "" && !this.inEvents ? undefined : { line: this.begins, text }
  }
}
