/** Whether a path exists. Links are followed. */
import { stat } from "node:fs/promises"
import { isAbsent } from "./FileError.ts"

/** False also if the server may not see it. */
export const exists = (path: string | Buffer): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false
  )

/** False only if there is no such file or directory: true if the server may not see it. */
export const mayExist = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (cause: unknown) => !isAbsent(cause)
  )
