/** The files of a thread's directory for front ends: a ranked search in their paths, reading one of them, and the state of the repository. */
import type { FoundFile, FoundFiles, GitSummary } from "@millrace/contracts/Workspace"
import { Context, Effect, Layer, Scope } from "effect"
import { lstat, realpath, stat } from "node:fs/promises"
import { join } from "node:path"
import * as EmptyRepository from "./EmptyRepository.ts"
import * as FileCalls from "@millrace/contracts/FileCalls"
import { FilesUnavailable } from "@millrace/contracts/FileCalls"
import * as FileList from "./FileList.ts"
import { Git } from "./Git.ts"
import * as Kept from "./Kept.ts"
import * as PathRank from "./PathRank.ts"
import * as ReadFile from "./ReadFile.ts"
import * as Summary from "./Summary.ts"

export interface Search {
  /** Words that a path must match; empty: every path. */
  readonly query: string
  readonly limit: number
  /** When an agent last changed the directory, in milliseconds since 1970. Absent: not known, or it changes now. */
  readonly changedAt?: number
}

/** `root`: the absolute path of a directory. */
export class Files extends Context.Tag("@millrace/workspace/Files")<
  Files,
  {
    /** The first search of a directory waits for the list of its files. A later search waits only if an agent has changed the directory since. */
    readonly search: (root: string, search: Search) => Effect.Effect<FoundFiles, FilesUnavailable>
    /** As `ReadFile.read`. */
    readonly read: (root: string, path: string) => Effect.Effect<ReadFile.FoundFile | ReadFile.Refusal, FilesUnavailable>
    /** The state of the repository, at most 2 seconds old. */
    readonly summary: (root: string, changedAt?: number) => Effect.Effect<GitSummary, FilesUnavailable>
  }
>() {}

/** Time limit of each call of git. A list of 100,000 files takes about 0.3 s. */
const deadline = "10 seconds"
/** 200,000 tracked files with paths of 100 characters take 32 MB. */
const maxBytes = 64 * 1024 * 1024
/** Paths that are ranked without a pause: 1 to 2 ms. */
const slice = 2000

const lists = { most: 8, maxSize: 400_000, fresh: "2 seconds", old: "serve" } as const
const summaries = { most: 1000, fresh: "2 seconds", old: "wait" } as const

const isDirectory = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false
  )

/** False also for a directory that does not exist. `path` ends with a slash. */
const leadsThroughNoLink = async (root: string, path: string): Promise<boolean> => {
  const [base, found] = await Promise.all([realpath(root), realpath(join(root, path)).catch(() => undefined)])
  return found !== undefined && `${found}/` === join(base, path)
}

/** A path with its kind and size; none if it was removed since the list was read, or is neither file nor link. */
const described = async (root: string, path: string): Promise<ReadonlyArray<FoundFile>> => {
  const found = await lstat(join(root, path)).catch(() => undefined)
  if (found?.isSymbolicLink() === true) return [{ path, kind: "link" }]
  return found?.isFile() === true ? [{ path, kind: "file", bytes: found.size }] : []
}

const unavailable = ({ message }: { readonly message: string }) => new FilesUnavailable({ reason: "failed", message })

/** The best paths of a list. Lets the event loop turn between slices. */
export const best = (files: ReadonlyArray<PathRank.Indexed>, query: string, limit: number) =>
  Effect.gen(function* () {
    const found = new PathRank.Best(PathRank.terms(query), limit)
    for (let at = 0; at < files.length; at += slice) {
      if (at > 0) yield* Effect.yieldNow()
      for (const indexed of files.slice(at, at + slice)) found.add(indexed)
    }
    return found.paths
  })

export const make = Effect.gen(function* () {
  const git = yield* Git
  const calls = FileCalls.ofProcess
  // Made when it is first needed, so that a start touches no disk.
  const emptyRepository = yield* Effect.cached(Scope.extend(EmptyRepository.make, yield* Effect.scope))
  /** First of all, because the start of a process in a directory that hangs would hold the event loop. */
  const existing = (root: string) =>
    Effect.filterOrFail(
      calls.run(root, () => isDirectory(root)),
      (exists) => exists,
      () => new FilesUnavailable({ reason: "absent", message: `There is no directory ${root} on the server.` })
    )
  const lsFiles: FileList.Git<FilesUnavailable> = ({ args, cwd, inRepository }) =>
    Effect.flatMap(inRepository ? Effect.succeed([]) : emptyRepository, (outside) =>
      git.run([...outside, ...args], { cwd, deadline, maxBytes, codes: inRepository ? [0, 128] : [0] })
    ).pipe(
      Effect.map(({ code, stdout, truncated }) => ({ stdout, complete: !truncated, outside: code !== 0 })),
      Effect.mapError(unavailable)
    )
  const list = (root: string) => FileList.read(root, lsFiles, (path) => calls.run(root, () => leadsThroughNoLink(root, path)))
  const listOf = yield* Kept.make((root) => Effect.zipRight(existing(root), list(root)), {
    ...lists,
    sizeOf: ({ files }: FileList.FileList) => files.length
  })
  const summaryOf = yield* Kept.make(
    (root) => Effect.zipRight(existing(root), Effect.mapError(Effect.provideService(Summary.read(root), Git, git), unavailable)),
    summaries
  )
  return Files.of({
    search: (root, { changedAt, limit, query }) =>
      Effect.gen(function* () {
        const { files, truncated, unnamed } = yield* listOf(root, changedAt)
        const paths = yield* best(files, query, limit)
        const found = yield* calls.run(root, () => Promise.all(paths.map((path) => described(root, path))))
        return { files: found.flat(), ...(truncated ? { truncated } : {}), ...(unnamed === 0 ? {} : { unnamed }) }
      }),
    read: (root, path) => calls.run(root, () => ReadFile.read(root, path)),
    summary: summaryOf
  })
})

/** Needs `Git`. */
export const layer = Layer.scoped(Files, make)
