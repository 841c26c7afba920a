/** Names of attachments. */

/** Whether the text can name a file: it has no slash and no control character, and is not `.` or `..`. */
export const isFileName = (name: string): boolean => !/[\p{Cc}/\\]/u.test(name) && name !== "." && name !== ".."

/** Maximum number of characters of a corrected name: at most 240 UTF-16 code units, and an attachment's name may have 255. */
const maxCharacters = 120

/** The name with `_` for slashes and control characters, at most 120 characters; `file` if no name is left. */
export const safeName = (name: string): string => {
  const safe = [...name.replaceAll(/[\p{Cc}/\\]/gu, "_")].slice(0, maxCharacters).join("")
  return safe === "" || !isFileName(safe) ? "file" : safe
}
