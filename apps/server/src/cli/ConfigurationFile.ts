/** `millrace.config.json`: where it is looked for, and what is said when it is wrong. The project's wins over that of the data directory. */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import * as Configuration from "@millrace/host/Configuration"
import { Effect, Either } from "effect"
import { codeOf, words } from "../Thrown.ts"
import { type CliFailure, failed, usage } from "./Failure.ts"

export const fileName = "millrace.config.json"

export interface Loaded {
  readonly configuration: Configuration.Configuration
  /** Absolute paths of those that are there; the later one won. */
  readonly files: ReadonlyArray<string>
}

const maxBytes = 1024 * 1024

/** Nothing when there is none. */
const text = (file: string): Effect.Effect<string | undefined, CliFailure> =>
  Effect.suspend(() => {
    try {
      const bytes = readFileSync(file)
      return bytes.length > maxBytes
        ? Effect.fail(usage(`${file}: it is larger than ${maxBytes} bytes`))
        : Effect.succeed(bytes.toString("utf8"))
    } catch (cause) {
      if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return Effect.as(Effect.void, undefined)
      return Effect.fail(failed(`${file}: it cannot be read: ${words(cause)}`))
    }
  })

/** Exit 2 with one line for each wrong field. */
const read = (directory: string): Effect.Effect<Loaded, CliFailure> =>
  Effect.gen(function* () {
    const file = join(directory, fileName)
    const found = yield* text(file)
    if (found === undefined) return { configuration: {}, files: [] }
    const value = yield* Effect.try({
      try: (): unknown => JSON.parse(found),
      catch: (cause) => usage(`${file}: it is not JSON: ${words(cause)}`)
    })
    const decoded = Configuration.decode(value)
    if (Either.isLeft(decoded)) {
      const lines = decoded.left.map(({ message, path }) => `  ${path === "" ? "" : `${path}: `}${message}`)
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
