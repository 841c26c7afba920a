/** A file that a person mentions in a prompt, from `@` to the caret. */

export interface Mention {
  /** Where the `@` is in the text. */
  readonly start: number
  /** The text between the `@` and the caret. */
  readonly query: string
}

/** `undefined`: no word that begins with `@` ends at the caret. An address such as `a@b` is no mention. */
export const mentionAt = (text: string, caret: number): Mention | undefined => {
  const query = /(?:^|\s)@([^\s@]{0,200})$/.exec(text.slice(0, caret))?.[1]
  return query === undefined ? undefined : { start: caret - query.length - 1, query }
}

/** The text with the path and a space in place of the mention, and the position after them. A path that has a space is in quotation marks. */
export const withPath = (text: string, { query, start }: Mention, path: string) => {
  const inserted = `${/\s/.test(path) ? `"${path}"` : path} `
  return {
    text: text.slice(0, start) + inserted + text.slice(start + 1 + query.length),
    caret: start + inserted.length
  }
}
