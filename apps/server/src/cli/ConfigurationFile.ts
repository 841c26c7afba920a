/** `millrace.config.json`: where it is looked for, and what is said when it is wrong. The project's wins over that of the data directory. */
import { wellFormedJson } from "@millrace/contracts/Text"
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import * as Configuration from "@millrace/host/Configuration"
import { isDeep } from "@millrace/orchestration/Limits"
import { Effect, Either } from "effect"
import { codeOf, words } from "../Thrown.ts"
import { type CliFailure, failed, usage } from "./Failure.ts"
import * as Text from "./Style.ts"

export const fileName = "millrace.config.json"

export interface Loaded {
  readonly configuration: Configuration.Configuration
  /** Absolute paths of those that are there; the later one won. */
  readonly files: ReadonlyArray<string>
}

const maxBytes = 1024 * 1024

/** Nothing when there is none. Never waits: a pipe or a device is no file. */
const text = (file: string): Effect.Effect<string | undefined, CliFailure> =>
  Effect.suspend(() => {
    try {
      const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
      try {
        const stat = fstatSync(descriptor)
        if (!stat.isFile()) return Effect.fail(usage(`${file}: it is no file`))
        if (stat.size > maxBytes) return Effect.fail(usage(`${file}: it is larger than ${maxBytes} bytes`))
        // It can name commands to run: a stranger's file in a shared directory is not asked (X1).
        if (stat.uid !== 0 && process.getuid !== undefined && stat.uid !== process.getuid())
          return Effect.fail(usage(`${file}: it belongs to another user. Make it yours, or use --no-project-config.`))
        return Effect.succeed(readFileSync(descriptor, "utf8"))
      } finally {
        closeSync(descriptor)
      }
    } catch (cause) {
      if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return Effect.as(Effect.void, undefined)
      return Effect.fail(failed(`${file}: it cannot be read: ${words(cause)}`))
    }
  })

/** Where it stops to be JSON, without a word of it: it may be a secret (X4). */
const whereOf = (json: string, cause: unknown): string => {
  const at = Number(/at position (\d+)/.exec(words(cause))?.[1])
  return Number.isNaN(at) ? "" : ` from line ${json.slice(0, at).split("\n").length} on`
}

/** Exit 2 with one line for each wrong field. */
const read = (directory: string): Effect.Effect<Loaded, CliFailure> =>
  Effect.gen(function* () {
    const file = join(directory, fileName)
    const found = yield* text(file)
    if (found === undefined) return { configuration: {}, files: [] }
    const value = yield* Effect.try({
      try: (): unknown => JSON.parse(found),
      catch: (cause) => usage(`${file}: it is not JSON${whereOf(found, cause)}`)
    })
    if (isDeep(value)) return yield* usage(`${file}: its lists and objects are too deep in each other`)
    const decoded = Configuration.decode(wellFormedJson(value))
    if (Either.isLeft(decoded)) {
      const lines = decoded.left.map(({ message, path }) => `  ${path === "" ? "" : `${Text.line(path, 200)}: `}${message}`)
      return yield* usage([`${file} is wrong:`, ...lines].join("\n"))
    }
    return { configuration: Configuration.locate(decoded.right, directory), files: [file] }
  })

/** `project`: the directory of a project, whose file is trusted as a program is. */
export const load = (dataDir: string, project?: string): Effect.Effect<Loaded, CliFailure> =>
  Effect.gen(function* () {
    const own = yield* read(dataDir)
    if (project === undefined || resolve(project) === resolve(dataDir)) return own
    const its = yield* read(project)
    return {
      configuration: Configuration.merge(own.configuration, its.configuration),
      files: [...own.files, ...its.files]
    }
  })

/** What the host takes of it. */
export const hostOptions = (configuration: Configuration.Configuration) => ({
  reaper: Configuration.reaper(configuration),
  ...(configuration.providers === undefined ? {} : { providers: { instances: configuration.providers } })
})
