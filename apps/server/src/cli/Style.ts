/** Colours, only for a terminal, and never against NO_COLOR. */

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

// oxlint-disable-next-line no-control-regex -- agents' output may carry any control character; a line shows none
const controls = /[\u0000-\u001F\u007F-\u009F]+/g
/** One line of at most `width` characters, without control characters. */
export const line = (text: string, width: number): string => {
  const flat = strip(text).replaceAll(controls, " ").trim()
  return flat.length <= width ? flat : `${flat.slice(0, Math.max(1, width - 1))}…`
}

const harmful =
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  /\u001B\[[0-?]*[ -/]*[@-~]|\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g
/** What an agent says must not move the cursor, set the title of a terminal or fill its clipboard. Keeps line ends and tabs. */
export const harmless = (text: string): string => text.replaceAll(harmful, "")
