/**
 * Paths as git reports them: any bytes except NUL. A raw path is a string with one character for each byte, so that it can be compared, sorted and used
 * as a key without loss.
 */
export type RawPath = string

export const fromBytes = (bytes: Uint8Array): RawPath => Buffer.from(bytes).toString("latin1")
export const toBytes = (path: RawPath): Buffer => Buffer.from(path, "latin1")
/** For people and JSON: UTF-8; each byte that is no UTF-8 reads as U+FFFD. */
export const shown = (path: RawPath): string => toBytes(path).toString("utf8")

/** The fields of output with `-z`. */
export const fields = (output: Uint8Array): Array<RawPath> => {
  const text = fromBytes(output)
  if (text === "") return []
  return (text.endsWith("\0") ? text.slice(0, -1) : text).split("\0")
}

/** The input of `--stdin -z`. */
export const input = (paths: ReadonlyArray<RawPath>): Buffer => toBytes(paths.map((path) => `${path}\0`).join(""))
