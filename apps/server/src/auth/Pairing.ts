/**
 * One-time pairing codes: a file per code in `<data>/pairing`, named by the code's SHA-256, mode 0600. Removing the file is the
 * compare-and-set: of two clients that use a code at the same time exactly one removes it (X3). Works with and without a running server.
 */
import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, readFileSync, readdirSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Clock, Duration, Effect, Option, Schema } from "effect"
import { TokenScope } from "@millrace/contracts/Access"
import { defined } from "@millrace/contracts/Defined"
import { isMissing } from "../NodeError.ts"
import { type AccessFileError, attempt } from "./AccessFile.ts"

const Stored = Schema.parseJson(
  Schema.Struct({
    name: Schema.String,
    scope: TokenScope,
    /** Name of the token that created the code; `local`: the command line. */
    by: Schema.String,
    /** When the token that the code creates expires, ISO 8601 UTC. Absent: never. */
    until: Schema.optional(Schema.String),
    expiresAt: Schema.Number
  })
)
const decode = Schema.decodeUnknownOption(Stored)

const folder = (dataDir: string) => join(dataDir, "pairing")
const fileOf = (dataDir: string, code: string) => join(folder(dataDir), `${createHash("sha256").update(code).digest("hex")}.json`)

/** Reads and removes a file; `undefined` when it does not exist, or another caller removed it first. */
const take = (path: string): string | undefined => {
  try {
    const text = readFileSync(path, "utf8")
    unlinkSync(path)
    return text
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

const removeExpired = (dataDir: string, now: number) => {
  for (const name of readdirSync(folder(dataDir))) {
    const path = join(folder(dataDir), name)
    const stored = Option.getOrUndefined(decode(readFileSync(path, "utf8")))
    if (stored === undefined || stored.expiresAt <= now) take(path)
  }
}

/** The token that a code creates: its scope, and the time at which it expires. */
export type Paired = Omit<typeof Stored.Type, "expiresAt">

/** Creates a code that works once, within `ttl` (default 10 minutes). `expiresAt`: milliseconds since 1970. Other defaults are those of `Tokens.create`. */
export const create = Effect.fn("Pairing.create")(function* (
  dataDir: string,
  options?: Partial<Paired> & { readonly ttl?: Duration.DurationInput }
) {
  const now = yield* Clock.currentTimeMillis
  const code = randomBytes(18).toString("base64url")
  const expiresAt = now + Duration.toMillis(options?.ttl ?? "10 minutes")
  yield* attempt(folder(dataDir), () => {
    mkdirSync(folder(dataDir), { recursive: true, mode: 0o700 })
    removeExpired(dataDir, now)
    writeFileSync(
      fileOf(dataDir, code),
      Schema.encodeSync(Stored)({
        name: options?.name ?? "browser",
        scope: options?.scope ?? "operate",
        by: options?.by ?? "local",
        ...defined({ until: options?.until }),
        expiresAt
      }),
      {
        mode: 0o600,
        flag: "wx"
      }
    )
  })
  return { code, expiresAt }
})

/** Consumes a code. `None` when it is unknown, used or expired. */
export const consume = (dataDir: string, code: string): Effect.Effect<Option.Option<Paired>, AccessFileError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    attempt(folder(dataDir), () =>
      Option.fromNullable(take(fileOf(dataDir, code))).pipe(
        Option.flatMap((text) => decode(text)),
        Option.filter((stored) => stored.expiresAt > now)
      )
    )
  )

/** The pairing link that a person opens. */
export const link = (url: string, code: string): string => `${url}/pair?code=${code}`
