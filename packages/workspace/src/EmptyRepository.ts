/** A git directory without objects, with which git reads a directory that is in no repository. In the temporary directory; removed with the scope. */
import { Effect, type Scope } from "effect"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Arguments of git that put the work tree into the directory where it runs. */
export const make: Effect.Effect<ReadonlyArray<string>, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(async () => {
    const path = await mkdtemp(join(tmpdir(), "millrace-git-"))
    await mkdir(join(path, "objects"))
    await mkdir(join(path, "refs"))
    await writeFile(join(path, "HEAD"), "ref: refs/heads/main\n")
    return path
  }),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
).pipe(Effect.map((path) => [`--git-dir=${path}`, "--work-tree=."]))
