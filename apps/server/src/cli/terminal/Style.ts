/** Colours for a terminal, unless NO_COLOR is set, and the filters of text that a terminal shows. */
import { shorten } from "@millrace/contracts/Text"

export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly cyan: (text: string) => string
}

const paint = (open: number, close: number) => (text: string) => `\u001B[${open}m${text}\u001B[${close}m`
const same = (text: string) => text

export const plain: Style = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }
const coloured: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  red: paint(31, 39),
  green: paint(32, 39),
  yellow: paint(33, 39),
  cyan: paint(36, 39)
}

/** `NO_COLOR` of any value but the empty one turns colours off (no-color.org). */
export const of = (terminal: boolean, environment: Readonly<Record<string, string | undefined>>): Style =>
  terminal && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb" ? coloured : plain

// oxlint-disable-next-line no-control-regex -- the escape character is what this is about
const escapes = /\u001B\[[0-9;]*m/g
export const strip = (text: string): string => text.replaceAll(escapes, "")

/** Bidirectional control characters: they can make a text look like a different one. */
const directions = "\\u061C\\u200E\\u200F\\u202A-\\u202E\\u2066-\\u2069"

/** Escape sequences, also in their C1 form: CSI sequences, strings (OSC, DCS and others) up to their terminator, and sequences without parameters. */
const sequences =
  "(?:\\u001B\\[|\\u009B)[0-?]*[ -/]*[@-~]" +
  "|(?:\\u001B[\\]PX^_]|[\\u0090\\u0098\\u009D-\\u009F])[^\\u0007\\u001B\\u009C]*(?:\\u0007|\\u001B\\\\|\\u009C)" +
  "|\\u001B[ -/]*[0-Z\\\\-~]"

const whole = new RegExp(sequences, "g")
const controls = new RegExp(`[\\u0000-\\u001F\\u007F-\\u009F\\u2028\\u2029${directions}]+`, "g")
/** One line of at most `width` characters, without control characters. */
export const line = (text: string, width: number): string =>
  shorten(text.replaceAll(whole, "").replaceAll(controls, " ").trim(), Math.max(2, width))

const harmful = new RegExp(`${sequences}|[\\u0000-\\u0008\\u000B-\\u001F\\u007F-\\u009F${directions}]`, "g")
/**
 * Removes from an agent's text what could move the cursor, set a terminal's title, fill its clipboard or reverse the text's direction (X8). Keeps line
 * ends and tabs, but no colours.
 */
export const harmless = (text: string): string => text.replaceAll(harmful, "")

// oxlint-disable-next-line no-control-regex -- the escape character is what this is about
const colour = /^\u001B\[(?:(?:[0-47]|2[2-47]|3[0-79]|4[0-79]|9[0-7]);?)*m$/
/**
 * The last filter of everything that a terminal is given: colours of this program, line ends and tabs pass; every other escape sequence and control
 * character is removed (X8). `8`, which hides text, is not a colour.
 */
export const shown = (text: string): string => text.replaceAll(harmful, (found) => (colour.test(found) ? found : ""))

const hidden = new RegExp(`[\\u007F-\\u009F\\u2028\\u2029${directions}]`, "g")
/** Equivalent JSON whose invisible characters are escaped as `\uXXXX`. */
export const escaped = (json: string): string =>
  json.replaceAll(hidden, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`)
