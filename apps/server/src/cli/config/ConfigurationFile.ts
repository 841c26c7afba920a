/**
 * Reads `millrace.config.json` of the data directory and of a project. The project's values override those of the data directory, except fields that need
 * trust and lack it. Errors name each wrong field.
 */
import { wellFormedJson } from "@millrace/contracts/Text"
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import * as Configuration from "@millrace/host/Configuration"
import { isDeep } from "@millrace/orchestration/state/Truncation"
import { Effect, Either } from "effect"
import { codeOf, messageOf } from "../../NodeError.ts"
import { type CliFailure, failed, usage } from "../Failure.ts"
import * as Style from "../terminal/Style.ts"
import * as Trust from "./Trust.ts"

export const fileName = "millrace.config.json"

export interface Loaded {
  readonly configuration: Configuration.Configuration
  /** Absolute paths of the files that exist. A later file overrides an earlier file. */
  readonly files: ReadonlyArray<string>
  /** The fields of the project's file that `configuration` lacks, because the file is not trusted. */
  readonly untrusted: ReadonlyArray<Trust.Named>
}

interface Read {
  readonly configuration: Configuration.Configuration
  /** Absent when there is no file. */
  readonly file?: string
  readonly text: string
}

/** Decides whether to use the commands and addresses that a project's file names. */
export type Decide = (
  file: string,
  content: Trust.Content,
  named: ReadonlyArray<Trust.Named>
) => Effect.Effect<boolean, CliFailure>

const maxBytes = 1024 * 1024

/** The text of a file; `undefined` when it does not exist. Never blocks: refuses pipes and devices. */
const text = (file: string): Effect.Effect<string | undefined, CliFailure> =>
  Effect.suspend(() => {
    try {
      const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
      try {
        const stat = fstatSync(descriptor)
        if (!stat.isFile()) return Effect.fail(usage(`${file}: it is not a regular file`))
        if (stat.size > maxBytes) return Effect.fail(usage(`${file}: it is larger than ${maxBytes} bytes`))
        // The file can name commands to run: another user's file in a shared directory is refused (X1).
        if (stat.uid !== 0 && process.getuid !== undefined && stat.uid !== process.getuid())
          return Effect.fail(usage(`${file}: it belongs to another user. Make it yours, or use --no-project-config.`))
        return Effect.succeed(readFileSync(descriptor, "utf8"))
      } finally {
        closeSync(descriptor)
      }
    } catch (cause) {
      if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return Effect.as(Effect.void, undefined)
      return Effect.fail(failed(`${file}: it cannot be read: ${messageOf(cause)}`))
    }
  })

/** The line where the JSON becomes invalid. Does not quote the file, because it may hold a secret (X4). */
const whereOf = (json: string, cause: unknown): string => {
  const at = Number(/at position (\d+)/.exec(messageOf(cause))?.[1])
  return Number.isNaN(at) ? "" : ` from line ${json.slice(0, at).split("\n").length} on`
}

/** Exit 2 with one line for each wrong field. */
const read = (directory: string): Effect.Effect<Read, CliFailure> =>
  Effect.gen(function* () {
    const file = join(directory, fileName)
    const found = yield* text(file)
    if (found === undefined) return { configuration: {}, text: "" }
    const value = yield* Effect.try({
      try: (): unknown => JSON.parse(found),
      catch: (cause) => usage(`${file}: it is not JSON${whereOf(found, cause)}`)
    })
    if (isDeep(value)) return yield* usage(`${file}: its lists and objects are nested too deeply`)
    const decoded = Configuration.decode(wellFormedJson(value))
    if (Either.isLeft(decoded)) {
      const lines = decoded.left.map(({ message, path }) => `  ${path === "" ? "" : `${Style.line(path, 200)}: `}${message}`)
      return yield* usage([`${file} is wrong:`, ...lines].join("\n"))
    }
    return { configuration: Configuration.locate(decoded.right, directory), file, text: found }
  })

/** Decides for the fields of a file: yes only if exactly this content was trusted before. */
const kept =
  (dataDir: string): Decide =>
  (_file, content) =>
    Effect.sync(() => Trust.isTrusted(dataDir, content))

const filesOf = (...read: ReadonlyArray<Read>) => read.flatMap(({ file }) => (file === undefined ? [] : [file]))

/**
 * Merges the configurations of the data directory and of `project`, a directory. The commands and addresses of the project's file apply only when it
 * was trusted before or `decide` accepts them (X7).
 */
export const load = (dataDir: string, project?: string, decide: Decide = kept(dataDir)): Effect.Effect<Loaded, CliFailure> =>
  Effect.gen(function* () {
    const dataFile = yield* read(dataDir)
    if (project === undefined || resolve(project) === resolve(dataDir))
      return { configuration: dataFile.configuration, files: filesOf(dataFile), untrusted: [] }
    const its = yield* read(project)
    const { named, rest } = Trust.split(its.configuration)
    const content = { directory: resolve(project), text: its.text }
    const trusted = named.length === 0 || its.file === undefined || (yield* decide(its.file, content, named))
    return {
      configuration: Configuration.merge(dataFile.configuration, trusted ? its.configuration : rest),
      files: filesOf(dataFile, its),
      untrusted: trusted ? [] : named
    }
  })

/** A project's file and its fields that need trust, for `config trust`. Fails when there is no file. */
export const ofProject = (
  project: string
): Effect.Effect<
  { readonly file: string; readonly content: Trust.Content; readonly named: ReadonlyArray<Trust.Named> },
  CliFailure
> =>
  Effect.gen(function* () {
    const { configuration, file, text } = yield* read(project)
    if (file === undefined) return yield* failed(`There is no ${fileName} in ${project}.`)
    return { file, content: { directory: resolve(project), text }, named: Trust.split(configuration).named }
  })

/** The options of `Host.layer` that a configuration sets. */
export const hostOptions = (configuration: Configuration.Configuration) => ({
  reaper: Configuration.reaper(configuration),
  maintenance: Configuration.maintenance(configuration),
  ...(configuration.checkpoints === undefined ? {} : { checkpoints: configuration.checkpoints }),
  ...(configuration.providers === undefined ? {} : { providers: { instances: configuration.providers } })
})
