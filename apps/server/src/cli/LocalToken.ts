/** The token of this machine's own command line: `<data>/cli-token`, mode 0600. Kept over restarts, made anew when it was revoked. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Option } from "effect"
import { type AccessFileError, attempt } from "../auth/AccessFile.ts"
import * as Tokens from "../auth/Tokens.ts"
import { isMissing } from "../Thrown.ts"

export interface LocalToken {
  readonly file: string
  readonly token: string
}

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8").trim()
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

export const ensure = (dataDir: string): Effect.Effect<LocalToken, AccessFileError> =>
  Effect.gen(function* () {
    const file = join(dataDir, "cli-token")
    const kept = yield* attempt(file, () => read(file))
    const tokens = yield* Tokens.Tokens
    if (kept !== undefined && Option.isSome(yield* tokens.identify(kept))) return { file, token: kept }
    const { token } = yield* Tokens.create(dataDir, { name: "cli" })
    yield* attempt(file, () => writeFileSync(file, `${token}\n`, { mode: 0o600 }))
    return { file, token }
  }).pipe(Effect.provide(Tokens.layer(dataDir)))
