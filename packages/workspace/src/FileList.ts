/**
 * The files of a directory, as git sees them: tracked and untracked ones that exist, without ignored ones. A directory outside of a repository is read by
 * git too, over an empty repository, so that its `.gitignore` files count. Repositories in it, submodules among them, are read separately.
 */
import { Effect } from "effect"
import { index, type Indexed } from "./PathRank.ts"

export interface FileList {
  readonly files: ReadonlyArray<Indexed>
  /** There are more files: the output of git was too large, or there are more than `maxFiles`. */
  readonly truncated: boolean
  /** Files that are left out because their names are not UTF-8. */
  readonly unnamed: number
}

/** Most files of a list. */
const maxFiles = 200_000
/** Paths that are read without a pause: 1 to 3 ms. */
const slice = 500
/** Maximum repositories inside of a directory that are read, at any depth. */
const maxNested = 100

export interface Output {
  readonly stdout: Uint8Array
  /** False: git was ended before it had written all, because its output was too large. */
  readonly complete: boolean
  /** The directory is in no repository that git can read. Only with `inRepository`. */
  readonly outside?: boolean
}

/** Lists the files of a directory, relative to it, by `git ls-files` with these arguments. `inRepository` false: over an empty repository. */
export type Git<E> = (options: {
  readonly cwd: string
  readonly args: ReadonlyArray<string>
  readonly inRepository: boolean
}) => Effect.Effect<Output, E>

/** Status letters in front, stage entries, NUL as the end of each line. */
const tracked = ["ls-files", "-z", "-t", "-s", "-c", "-d", "-o", "--exclude-standard"]
const untracked = ["ls-files", "-z", "-t", "-o", "--exclude-standard"]

/** One line: `H 100644 HASH 0<TAB>PATH` of a tracked file, `? PATH` of another one. `undefined`: not a line of `ls-files`. */
const lineOf = (line: string): { readonly status: string; readonly isModule: boolean; readonly path: string } | undefined => {
  const status = line.charAt(0)
  if (line.charAt(1) !== " ") return undefined
  if (status === "?") return { status, isModule: false, path: line.slice(2) }
  const tab = line.indexOf("\t")
  return tab < 0 ? undefined : { status, isModule: line.startsWith("160000", 2), path: line.slice(tab + 1) }
}

/** Status letters of tracked files that are not in the directory: removed ones, and those that a sparse checkout leaves out. */
const absent: ReadonlySet<string> = new Set(["R", "S"])

/** Runs a slice and lets the event loop turn, until a slice returns false. */
const inSlices = (run: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (run() ? Effect.zipRight(Effect.yieldNow(), inSlices(run)) : Effect.void))

interface Parsed {
  readonly present: ReadonlySet<string>
  /** Directories that are repositories, without a slash at the end. */
  readonly nested: ReadonlyArray<string>
  readonly unnamed: number
  readonly truncated: boolean
}

/** Reads the lines, in slices. */
const parse = ({ complete, stdout }: Output): Effect.Effect<Parsed> =>
  Effect.suspend(() => {
    const bytes = Buffer.from(stdout.buffer, stdout.byteOffset, stdout.byteLength)
    const present = new Set<string>()
    const missing = new Set<string>()
    const nested = new Set<string>()
    let [at, unnamed] = [0, 0]
    let isFull = false
    const add = (line: string) => {
      if (line.includes("\ufffd")) return void unnamed++
      const found = lineOf(line)
      if (found === undefined) return
      const { isModule, path, status } = found
      if (path.endsWith("/")) nested.add(path.slice(0, -1))
      else if (isModule) nested.add(path)
      else if (absent.has(status)) missing.add(path)
      else if (present.size < maxFiles) present.add(path)
      else isFull = true
    }
    const some = () => {
      for (let done = 0; done < slice; done++) {
        if (isFull) return false
        const end = bytes.indexOf(0, at)
        if (end < 0) return false
        add(bytes.toString("utf8", at, end))
        at = end + 1
      }
      return true
    }
    return Effect.map(inSlices(some), () => {
      for (const path of missing) {
        present.delete(path)
        nested.delete(path)
      }
      return { present, nested: [...nested], unnamed, truncated: isFull || !complete }
    })
  })

/** Adds the paths of a directory to a list, in slices. */
const addAll = (files: Array<Indexed>, prefix: string, paths: ReadonlySet<string>): Effect.Effect<void> =>
  Effect.suspend(() => {
    const next = paths.values()
    return inSlices(() => {
      for (let done = 0; done < slice; done++) {
        const { done: isLast, value } = next.next()
        if (isLast === true || files.length >= maxFiles) return false
        files.push(index(prefix + value))
      }
      return true
    })
  })

/** Reads the list, one repository after the other. `isOwn`: whether a path in the root leads through no link, which could lead out of it. */
export const read = <E>(
  root: string,
  git: Git<E>,
  isOwn: (path: string) => Effect.Effect<boolean, E>
): Effect.Effect<FileList, E> =>
  Effect.gen(function* () {
    const files: Array<Indexed> = []
    let [unnamed, truncated] = [0, false]
    const waiting: Array<string> = [""]
    for (let count = 0; waiting.length > 0 && !truncated; count++) {
      if (count > maxNested) {
        truncated = true
        break
      }
      const prefix = waiting.shift() ?? ""
      if (prefix !== "" && !(yield* isOwn(prefix))) continue
      const cwd = prefix === "" ? root : `${root}/${prefix}`
      const output = yield* git({ cwd, args: tracked, inRepository: true })
      // An ignored directory of a larger repository has no files of it; then its own files count.
      const isIgnored = prefix === "" && output.complete && output.stdout.length === 0
      const parsed = yield* parse(
        isIgnored || output.outside === true ? yield* git({ cwd, args: untracked, inRepository: false }) : output
      )
      yield* addAll(files, prefix, parsed.present)
      for (const directory of parsed.nested) waiting.push(`${prefix}${directory}/`)
      unnamed += parsed.unnamed
      truncated = parsed.truncated || files.length >= maxFiles
    }
    return { files, unnamed, truncated }
  })
