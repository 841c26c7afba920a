/** Finds the work tree of a directory by asking git. Git is not started if no directory from this one upward can be in a repository. */
import { cut } from "@millrace/contracts/Text"
import { Effect } from "effect"
import { realpath } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import * as Exists from "./Exists.ts"
import { Git, NotARepository, RepositoryRefused } from "./Git.ts"

export interface Repository {
  /** Absolute path of the work tree's root, links resolved. */
  readonly root: string
  /** The git directory of this work tree: of a linked work tree, its own. Absolute. */
  readonly gitDir: string
  /** The git directory that all work trees of the repository share. Absolute. Refs and objects are there. */
  readonly commonDir: string
  /** The directory of its objects. Absolute. */
  readonly objects: string
  /** `sha1` or `sha256`. */
  readonly objectFormat: string
  /** It is no repository of a person: see `Shadow`. */
  readonly shadow?: true
}

const lines = (output: Buffer): ReadonlyArray<string> => output.toString("utf8").replace(/\n$/, "").split("\n")

/** The errors of `find`. */
export type FindError = Effect.Effect.Error<ReturnType<typeof find>>

/**
 * False only where git finds no repository: the directory and those above it have neither `.git` nor, as a git directory itself has, `HEAD`. The server's
 * git gets no `GIT_DIR`, so it looks nowhere else.
 */
const mayBeIn = async (directory: string): Promise<boolean> => {
  // Git looks in the directories above the real one.
  const start = await realpath(directory).catch(() => undefined)
  if (start === undefined) return true
  for (let at = start; ; at = dirname(at)) {
    if ((await Exists.mayExist(join(at, ".git"))) || (await Exists.mayExist(join(at, "HEAD")))) return true
    if (dirname(at) === at) return false
  }
}

/** False only if the directory exists and is in no repository, which is found without a process of git. */
export const mayExist = (directory: string): Effect.Effect<boolean> =>
  // A file system that does not answer holds git only up to its deadline.
  Effect.promise(() => mayBeIn(directory)).pipe(
    Effect.timeoutTo({ duration: "5 seconds", onTimeout: () => true, onSuccess: (found) => found })
  )

/** What git writes where there is no work tree. */
const isNone = /^$|not a git repository|must be run in a work tree/

/** The directory below the root of its work tree; empty: the root. Links are followed, as git does: where the project was, a link to it can be now. */
export const belowRoot = ({ root }: Pick<Repository, "root">, directory: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => realpath(directory).catch(() => directory)),
    (real) => relative(root, real)
  )

/** Fails with `NotARepository` if the directory is in no work tree. */
export const find = (directory: string) =>
  Effect.gen(function* () {
    if (!(yield* mayExist(directory)))
      return yield* new NotARepository({ directory, message: "The directory is in no git repository." })
    const git = yield* Git
    const asked = git.run(
      [
        "rev-parse",
        "--path-format=absolute",
        "--show-toplevel",
        "--git-dir",
        "--git-common-dir",
        "--git-path",
        "objects",
        "--show-object-format"
      ],
      { cwd: directory, deadline: "10 seconds" }
    )
    const { stdout } = yield* Effect.catchTag(asked, "GitFailed", ({ stderr }) =>
      Effect.fail(
        isNone.test(stderr)
          ? new NotARepository({
              directory,
              message: `The directory is in no work tree of a git repository${stderr === "" ? "." : `: ${cut(stderr, 500)}`}`
            })
          : new RepositoryRefused({
              directory,
              message: `Git refuses to read the repository of ${directory}: ${cut(stderr, 1000)}`
            })
      )
    )
    const [root, gitDir, commonDir, objects, objectFormat, more] = lines(stdout)
    // More lines: a path has a newline, and it is not known where the paths end.
    if (
      root === undefined ||
      gitDir === undefined ||
      commonDir === undefined ||
      objects === undefined ||
      objectFormat === undefined ||
      more !== undefined
    )
      return yield* new NotARepository({ directory, message: "git did not name a work tree of this directory." })
    return { root, gitDir, commonDir, objectFormat, objects } satisfies Repository
  })
