/**
 * Cuts an export into its records as its text comes: the header, each event, the trailer. Reads lines of JSON, and the one JSON document whose
 * `events` are an array, however it is indented. Holds one record, never the document.
 */

export interface Record {
  /** The line that it begins in, from 1. */
  readonly line: number
  readonly text: string
}

/** Characters that one record may have: an event is at most 256 KiB on the wire, the header is smaller. */
const maxRecord = 1024 * 1024

/** Characters of `"events"`, its colon and the blanks around that. */
const nameLength = 64

const [quote, backslash, newline] = [0x22, 0x5c, 0x0a]
const [open, close, openArray, closeArray] = [0x7b, 0x7d, 0x5b, 0x5d]
const isBlank = (code: number) => code === 0x20 || code === 0x09 || code === 0x0d || code === newline

export class Records {
  /** Where the record that is being read has come to; without it text is between records. */
  private held = ""
  private depth = 0
  private inText = false
  private escaped = false
  /** In the `events` of one document: its elements are records. */
  private inEvents = false
  private begins = 1
  /** The line that was reached. */
  line = 1

  /** The records that are complete with this text; `"too-large"` ends it. */
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
      if (this.depth === 0 && this.held === "" && from === at) {
        // Between records: blanks, and in a document the commas.
        if (isBlank(code) || (this.inEvents && code === 0x2c)) {
          from = at + 1
          continue
        }
        this.begins = this.line
        if (this.inEvents && code === closeArray) {
          // What follows the events is a record too: the trailer, as an object of its own.
          this.inEvents = false
          this.held = "{"
          this.depth = 1
          from = at + 1
          continue
        }
      }
      if (code === quote) this.inText = true
      else if (code === open) this.depth++
      else if (code === openArray) {
        if (this.depth === 1 && /"events"\s*:\s*$/.test(this.before(text, from, at))) {
          const so = this.held + text.slice(from, at)
          const above = so.slice(0, so.lastIndexOf('"events"')).trimEnd()
          found.push({ line: this.begins, text: `${above.endsWith(",") ? above.slice(0, -1) : above}}` })
          this.held = ""
          this.depth = 0
          this.inEvents = true
          from = at + 1
        } else this.depth++
      } else if (code === close || code === closeArray) {
        this.depth--
        if (this.depth <= 0) {
          found.push({ line: this.begins, text: (this.held + text.slice(from, at + 1)).replace(/^\{\s*,/, "{") })
          this.held = ""
          this.depth = 0
          from = at + 1
        }
      }
      // A word outside of any object is its own record: it is refused, with its line.
      else if (this.depth === 0 && code === newline) {
        found.push({ line: this.begins, text: this.held + text.slice(from, at) })
        this.held = ""
        from = at + 1
      }
    }
    this.held += text.slice(from)
    return this.held.length > maxRecord || found.some((record) => record.text.length > maxRecord) ? "too-large" : found
  }

  /** The last characters before this one: enough for a name and its colon, so that a record of many lists costs no more than its length. */
  private before(text: string, from: number, at: number): string {
    const own = text.slice(Math.max(from, at - nameLength), at)
    return own.length < nameLength ? this.held.slice(own.length - nameLength) + own : own
  }

  /** What was begun and did not end. */
  get rest(): Record | undefined {
    return this.held.trim() === "" && !this.inEvents ? undefined : { line: this.begins, text: this.held }
  }
}
