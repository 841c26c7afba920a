/** The codes of errors of the file system. */

/** The code of the error, such as `ENOENT`. Empty: it has none. */
export const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

/** Whether the error says that there is no such file, and not that the server cannot see it. */
export const isAbsent = (cause: unknown): boolean => ["ENOENT", "ENOTDIR"].includes(codeOf(cause))

/** For `catch`: `undefined` if there is no such file. Any other error is thrown again. */
export const unlessAbsent = (cause: unknown): undefined => {
  if (isAbsent(cause)) return undefined
  throw cause
}
