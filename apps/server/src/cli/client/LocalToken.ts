/** The token of this machine's command line: `<data>/cli-token`, created with mode 0600. It stays across restarts, and is replaced if it is missing or revoked. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { type AccessFileError, attempt } from "../../auth/AccessFile.ts"
import * as Tokens from "../../auth/Tokens.ts"
import { isMissing } from "../../NodeError.ts"

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
    const stored = yield* attempt(file, () => read(file))
    const tokens = yield* Tokens.Tokens
    const identified = stored === undefined ? undefined : yield* tokens.identify(stored)
    if (stored !== undefined && identified !== undefined && Either.isRight(identified)) {
      // An older version, without scopes, wrote this file. A user who can read the file owns the data directory, so its token becomes an admin token.
      if (identified.right.scope !== "admin") yield* Tokens.promote(dataDir, identified.right.id)
      return { file, token: stored }
    }
    const { token } = yield* Tokens.create(dataDir, { name: "cli", scope: "admin" })
    yield* attempt(file, () => writeFileSync(file, `${token}\n`, { mode: 0o600 }))
    return { file, token }
  }).pipe(Effect.provide(Tokens.layer(dataDir)))
