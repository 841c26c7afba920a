/** Resolves the directories that commands name. I/O before a decision, like the queries for blobs and secrets. */
import { stat, realpath } from "node:fs/promises"
import { isAbsolute } from "node:path"
import { Context, Effect, Layer } from "effect"

export class Directories extends Context.Tag("@millrace/orchestration/Directories")<
  Directories,
  {
    /** The canonical absolute path (links resolved, so that one directory is one project), or `undefined` if there is no such directory. */
    readonly resolve: (path: string) => Effect.Effect<string | undefined>
  }
>() {}

/** The file system of this machine. A relative path is not resolved: it would depend on the server's working directory. */
export const layer = Layer.succeed(Directories, {
  resolve: (path) =>
    isAbsolute(path)
      ? Effect.tryPromise(async () => {
          const canonical = await realpath(path)
          return (await stat(canonical)).isDirectory() ? canonical : undefined
        }).pipe(Effect.orElseSucceed(() => undefined))
      : Effect.void.pipe(Effect.as(undefined))
})

/** For tests: exactly these directories exist. */
export const layerMemory = (...paths: ReadonlyArray<string>) =>
  Layer.succeed(Directories, { resolve: (path) => Effect.succeed(paths.includes(path) ? path : undefined) })
