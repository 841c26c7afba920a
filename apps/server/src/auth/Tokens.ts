/**
 * Access tokens of one data directory: `tokens.jsonl`, mode 0600, one record per line, append-only, so that the server and the CLI
 * may write at the same time without a lock. Only the SHA-256 of a token is stored; the token itself is shown once, at its creation (X4).
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { appendFileSync, mkdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Clock, Context, Effect, Either, Layer, Option, Schema } from "effect"
import { TokenScope } from "@millrace/contracts/Access"
import { defined } from "@millrace/contracts/Defined"
import { isMissing } from "../NodeError.ts"
import { type AccessFileError, attempt } from "./AccessFile.ts"

/** A token without its secret. `session`: created by pairing a browser; `token`: created by `millrace token create`. */
export interface TokenRecord {
  readonly id: string
  readonly name: string
  readonly kind: "token" | "session"
  /** `admin` for the scope `admin`, `client` for any other. */
  readonly role: "admin" | "client"
  readonly scope: TokenScope
  /** The last 4 characters of the secret, for recognition. */
  readonly last4: string
  /** ISO 8601 UTC. */
  readonly createdAt: string
  /** Name of the token that created it; `local`: the command line of this machine. Absent in older files. */
  readonly createdBy?: string
  /** The server rejects the token after this time. Absent: the token does not expire. */
  readonly expiresAt?: string
  readonly revokedAt?: string
}
/** Why a token is no longer valid. */
export type End = "revoked" | "expired"

/** Why the token is not valid at this time, in milliseconds since 1970; `undefined` while it is. */
export const endOf = ({ expiresAt, revokedAt }: TokenRecord, now: number): End | undefined =>
  revokedAt !== undefined ? "revoked" : expiresAt !== undefined && Date.parse(expiresAt) <= now ? "expired" : undefined
interface Stored {
  readonly record: TokenRecord
  readonly sha256: Buffer
}

export class TokenNotFound extends Schema.TaggedError<TokenNotFound>()("TokenNotFound", {
  token: Schema.String,
  message: Schema.String
}) {}

const Line = Schema.parseJson(
  Schema.Union(
    Schema.Struct({
      op: Schema.Literal("create"),
      id: Schema.String,
      name: Schema.String,
      kind: Schema.Literal("token", "session"),
      /** The role in files without `scope`: `admin` or `operate`. */
      role: Schema.optional(Schema.Literal("admin", "client")),
      scope: Schema.optional(TokenScope),
      by: Schema.optional(Schema.String),
      expiresAt: Schema.optional(Schema.String.pipe(Schema.filter((text) => !Number.isNaN(Date.parse(text))))),
      last4: Schema.String,
      sha256: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
      at: Schema.String
    }),
    Schema.Struct({ op: Schema.Literal("promote"), id: Schema.String, at: Schema.String }),
    Schema.Struct({ op: Schema.Literal("revoke"), id: Schema.String, at: Schema.String })
  )
)
const decodeLine = Schema.decodeUnknownOption(Line)

const roleOf = (scope: TokenScope) => (scope === "admin" ? "admin" : "client")

/** Every token begins with this, so that a token in a wrong place (a URL, a log) can be recognised. */
export const prefix = "mlr_"
const digest = (secret: string) => createHash("sha256").update(secret).digest()
const fileOf = (dataDir: string) => join(dataDir, "tokens.jsonl")
const now = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis).toISOString())

const load = (path: string): ReadonlyArray<Stored> => {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (cause) {
    if (isMissing(cause)) return []
    throw cause
  }
  const tokens = new Map<string, Stored>()
  for (const line of text.split("\n")) {
    const record = Option.getOrUndefined(decodeLine(line))
    if (record === undefined) continue
    if (record.op === "create") {
      const { at, by, expiresAt, id, kind, last4, name, role, scope = role === "admin" ? "admin" : "operate" } = record
      tokens.set(id, {
        record: {
          id,
          name,
          kind,
          role: roleOf(scope),
          scope,
          last4,
          createdAt: at,
          ...defined({ createdBy: by, expiresAt })
        },
        sha256: Buffer.from(record.sha256, "hex")
      })
    } else {
      const token = tokens.get(record.id)
      const change = record.op === "promote" ? { role: "admin" as const, scope: "admin" as const } : { revokedAt: record.at }
      if (token !== undefined) tokens.set(record.id, { ...token, record: { ...token.record, ...change } })
    }
  }
  return [...tokens.values()]
}

const endsInLine = (path: string): boolean => {
  try {
    const text = readFileSync(path, "utf8")
    return text === "" || text.endsWith("\n")
  } catch (cause) {
    if (isMissing(cause)) return true
    throw cause
  }
}

const append = (dataDir: string, line: typeof Line.Type) =>
  attempt(fileOf(dataDir), () => {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    // A partial last line (a full disk) must not corrupt the new line: an unreadable revocation would have no effect.
    const start = endsInLine(fileOf(dataDir)) ? "" : "\n"
    appendFileSync(fileOf(dataDir), `${start}${Schema.encodeSync(Line)(line)}\n`, { mode: 0o600 })
  })

/** Whether a token may have this name, which is printed on terminals and is the actor of commands in the log (X6). */
export const isName = (name: string): boolean => /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,100}$/u.test(name)

/**
 * Creates a token. The result is the only place with its secret. Works with and without a running server. Defaults: kind `token`, scope `operate`,
 * created by `local`, never expires.
 */
export const create = Effect.fn("Tokens.create")(function* (
  dataDir: string,
  options: {
    readonly name: string
    readonly kind?: "token" | "session"
    readonly scope?: TokenScope
    readonly by?: string
    /** ISO 8601 UTC. */
    readonly expiresAt?: string | undefined
  }
) {
  const token = `${prefix}${randomBytes(32).toString("base64url")}`
  const at = yield* now
  const record: TokenRecord = {
    id: `tok_${randomBytes(9).toString("base64url")}`,
    name: options.name,
    kind: options.kind ?? "token",
    role: roleOf(options.scope ?? "operate"),
    scope: options.scope ?? "operate",
    last4: token.slice(-4),
    createdAt: at,
    createdBy: options.by ?? "local",
    ...defined({ expiresAt: options.expiresAt })
  }
  const { createdAt, createdBy: by, ...stored } = record
  yield* append(dataDir, { op: "create", ...stored, ...defined({ by }), sha256: digest(token).toString("hex"), at: createdAt })
  return { token, record }
})

/** Gives a token the scope `admin`. */
export const promote = (dataDir: string, id: string): Effect.Effect<void, AccessFileError> =>
  Effect.flatMap(now, (at) => append(dataDir, { op: "promote", id, at }))

/** All tokens, oldest first, the revoked ones included. */
export const list = (dataDir: string): Effect.Effect<ReadonlyArray<TokenRecord>, AccessFileError> =>
  attempt(fileOf(dataDir), () => load(fileOf(dataDir)).map(({ record }) => record))

/**
 * Revokes a token by its id, its name or its last 4 characters; a running server ends its live streams within a second (X3).
 * Revokes every live token that matches, and returns them.
 */
export const revoke = Effect.fn("Tokens.revoke")(function* (dataDir: string, which: string) {
  const fits = (yield* list(dataDir)).filter(
    (token) => token.revokedAt === undefined && (token.id === which || token.name === which || token.last4 === which)
  )
  if (fits.length === 0)
    return yield* new TokenNotFound({
      token: which,
      message: `No live token has the id, name or last 4 characters "${which}". See: millrace token list`
    })
  const at = yield* now
  yield* Effect.forEach(fits, ({ id }) => append(dataDir, { op: "revoke", id, at }), { discard: true })
  return fits
})

/** The tokens as a running server reads them. Each query sees changes that other processes made. */
export class Tokens extends Context.Tag("@millrace/server/Tokens")<
  Tokens,
  {
    readonly dataDir: string
    /** The valid token with this secret, or the reason for which there is none. Compares every hash, each in constant time. */
    readonly identify: (secret: string) => Effect.Effect<Either.Either<TokenRecord, "unknown" | End>, AccessFileError>
    /** Why the token is no longer valid; `undefined` while it is. Reads the file's state of the last query, and the clock. */
    readonly endOf: (id: string) => End | undefined
    /** Rereads the file if it changed. The number increases with every change, and when a token expires. */
    readonly revision: Effect.Effect<number, AccessFileError>
  }
>() {}

export const layer = (dataDir: string): Layer.Layer<Tokens> =>
  Layer.effect(
    Tokens,
    Effect.map(Effect.clock, (clock) => {
      const path = fileOf(dataDir)
      let seen = ""
      let revision = 0
      let tokens: ReadonlyArray<Stored> = []
      let expired = 0
      const ended = (token: TokenRecord) => endOf(token, clock.unsafeCurrentTimeMillis())
      const look = attempt(path, () => {
        const stat = statSync(path, { throwIfNoEntry: false })
        const mark = stat === undefined ? "" : `${stat.ino}:${stat.size}:${stat.mtimeMs}`
        if (mark !== seen) {
          tokens = load(path)
          seen = mark
          revision++
        }
        let now = 0
        for (const { record } of tokens) if (ended(record) === "expired") now++
        if (now !== expired) revision++
        expired = now
        return revision
      })
      return {
        dataDir,
        revision: look,
        identify: (secret) =>
          Effect.map(look, () => {
            const wanted = digest(secret)
            let found: Either.Either<TokenRecord, "unknown" | End> = Either.left("unknown")
            for (const { record, sha256 } of tokens) {
              if (!timingSafeEqual(sha256, wanted)) continue
              const end = ended(record)
              found = end === undefined ? Either.right(record) : Either.left(end)
            }
            return found
          }),
        endOf: (id) => {
          const found = tokens.find(({ record }) => record.id === id)
          // A token that is not in the file was removed from it.
          return found === undefined ? "revoked" : ended(found.record)
        }
      }
    })
  )
