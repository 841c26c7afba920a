/** Resolves the directories that commands name. I/O before a decision, like the queries for blobs and secrets. */
import { stat, realpath } from "node:fs/promises"
import { isAbsolute } from "node:path"
import { StorageUnavailable } from "@millrace/contracts/Errors"
import { Context, Effect, Layer } from "effect"
import * as FileCalls from "@millrace/contracts/FileCalls"

export class Directories extends Context.Tag("@millrace/orchestration/Directories")<
  Directories,
  {
    /** The canonical absolute path (links resolved, so that one directory is one project), or `undefined` if there is no such directory. Fails if the file system does not answer in time. */
    readonly resolve: (path: string) => Effect.Effect<string | undefined, StorageUnavailable>
  }
>() {}

const canonical = async (path: string): Promise<string | undefined> => {
  const found = await realpath(path).catch(() => undefined)
  if (found === undefined) return undefined
  return (await stat(found).catch(() => undefined))?.isDirectory() === true ? found : undefined
}

/** The file system of this machine. A relative path is not resolved: it would depend on the server's working directory. */
export const layer = Layer.succeed(Directories, {
  resolve: (path) =>
    isAbsolute(path)
      ? Effect.mapError(
          FileCalls.ofProcess.run(path, () => canonical(path)),
          ({ message }) =>
            new StorageUnavailable({ message: `The directory ${path} cannot be used. ${message}`, retryAfterMillis: 5000 })
        )
      : Effect.void.pipe(Effect.as(undefined))
})

/** For tests: only these directories exist. */
export const layerMemory = (...paths: ReadonlyArray<string>) =>
  Layer.succeed(Directories, { resolve: (path) => Effect.succeed(paths.includes(path) ? path : undefined) })
