/** Reads the message and the code of a thrown value. */

/** The message of a thrown value, for people. */
export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Node's error code, such as `ENOENT` or `EADDRINUSE`. `undefined` if the error has none. */
export const codeOf = (cause: unknown): string | undefined =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

/** Whether the error means that the file does not exist. */
export const isMissing = (cause: unknown): boolean => codeOf(cause) === "ENOENT"
