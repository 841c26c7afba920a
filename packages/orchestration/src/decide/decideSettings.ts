/** decide for the settings of a thread: what its agent cannot do is rejected by name. */
import { onlyModel, type Settable, unsupported } from "@millrace/contracts/Settable"
import type { CommandRejected } from "@millrace/contracts/Errors"
import { type Changes, differing, settingsOf, type SomeSettings } from "@millrace/contracts/Settings"
import { withSettings } from "@millrace/model/Thread"
import { Either } from "effect"
import { reject } from "./CommandOutcome.ts"
import type { Draft } from "./Draft.ts"

/** What can be set for a thread of this directory. */
export const settableIn = ({ context }: Draft, provider: string, cwd: string | undefined): Settable =>
  (cwd === undefined ? undefined : context.settableIn?.(provider, cwd)) ?? context.providers.get(provider) ?? onlyModel

/** The given settings that differ, with resolved directories. `cwd`: of the thread. `further`: the resolved path of each given directory, if it exists. */
export const changedSettings = (
  draft: Draft,
  provider: string,
  before: SomeSettings,
  given: Changes,
  cwd: string | undefined,
  further: ReadonlyArray<string | undefined>
): Either.Either<Changes, CommandRejected> => {
  const refused = unsupported(provider, given, settableIn(draft, provider, cwd))
  if (refused !== undefined) return reject("Unsupported", refused, provider)
  const missing = (given.directories ?? []).find((_, at) => further[at] === undefined)
  if (missing !== undefined)
    return reject(
      "DirectoryNotFound",
      `There is no directory ${missing} on the server. Give absolute paths of existing directories.`,
      missing
    )
  const directories = given.directories?.flatMap((_, at) => further[at] ?? [])
  const resolved = directories === undefined ? given : { ...given, directories: [...new Set(directories)] }
  const names = differing(settingsOf(before), settingsOf(withSettings(before, resolved)))
  return Either.right(Object.fromEntries(names.map((name) => [name, resolved[name]])))
}
