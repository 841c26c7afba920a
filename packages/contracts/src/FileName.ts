/** Names of attachments. */

/** Whether it names a file of some directory: no slash, no control character, not `.` and not `..`. */
export const isFileName = (name: string): boolean => !/[\p{Cc}/\\]/u.test(name) && name !== "." && name !== ".."

/** Most characters that a corrected name keeps: an attachment's name has at most 255 UTF-16 code units. */
const maxCharacters = 120

/** The name with `_` for slashes and control characters, at most 120 characters; `file` if no name is left. */
export const safeName = (name: string): string => {
  const safe = [...name.replaceAll(/[\p{Cc}/\\]/gu, "_")].slice(0, maxCharacters).join("")
  return safe === "" || !isFileName(safe) ? "file" : safe
}
