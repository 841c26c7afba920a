/**
 * A directory that is in no git repository has its checkpoints in a repository in the data directory, if that is asked for: a shadow repository. It is
 * the private directory of `WorkTree`, with objects and refs. Nothing is written to the directory itself. It is removed with its last thread.
 */
import { Effect } from "effect"
import { realpath } from "node:fs/promises"
import { join } from "node:path"
import { isBelowDataDirectory } from "./DataDirectory.ts"
import { Git, NotARepository } from "./Git.ts"
import * as Repository from "./Repository.ts"
import { placeOf } from "./WorkTree.ts"

/** Which directories have checkpoints: those in a git repository, or all. */
export type Reach = "repositories" | "everywhere"

/** The shadow repository of a directory. `root`: absolute, links resolved. */
const of = (root: string, home: string): Repository.Repository => {
  const shadow = { root, gitDir: "", commonDir: "", objects: "", objectFormat: "sha1", shadow: true } as const
  const { privateDir } = placeOf(shadow, home)
  return { ...shadow, gitDir: privateDir, commonDir: privateDir, objects: join(privateDir, "objects") }
}

/** Where the checkpoints of a directory are. `home`: the directory of all private directories. */
export const find = (directory: string, home: string, reach: Reach) =>
  Effect.gen(function* () {
    const isOutside = reach === "everywhere" && !(yield* Repository.mayExist(directory))
    if (!isOutside) {
      const found: Repository.Repository = yield* Repository.find(directory)
      return found
    }
    const root = yield* Effect.promise(() => realpath(directory))
    if (yield* Effect.promise(() => isBelowDataDirectory(root)))
      return yield* new NotARepository({ directory, message: "The directory is in a data directory of Millrace." })
    return of(root, home)
  })

/** Loose objects from which a start packs them. */
const manyObjects = 2000

/**
 * Packs the objects and removes those that no ref has had for an hour. `auto`: only if there are many. A person's repository is never packed. Call it
 * when no capture of the directory runs.
 */
export const collect = (repository: Repository.Repository, auto: boolean) => {
  const how = auto ? ["--quiet", "--auto"] : ["--quiet"]
  return repository.shadow === undefined
    ? Effect.void
    : Effect.flatMap(Git, (git) =>
        git.run(["-c", `gc.auto=${manyObjects}`, "-c", "gc.autoDetach=false", "-c", "gc.pruneExpire=1.hour.ago", "gc", ...how], {
          cwd: repository.gitDir,
          env: { GIT_DIR: repository.gitDir },
          deadline: "10 minutes",
          long: true
        })
      ).pipe(Effect.asVoid)
}
