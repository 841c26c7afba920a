/**
 * Access tokens of one data directory: `tokens.jsonl`, mode 0600, one record per line, append-only, so that the server and the CLI
 * may write at the same time without a lock. Only the SHA-256 of a token is stored; the token itself is shown once, at its creation (X4).
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { appendFileSync, mkdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Clock, Context, Effect, Layer, Option, Schema } from "effect"
import { isMissing } from "../NodeError.ts"
import { type AccessFileError, attempt } from "./AccessFile.ts"

/** `admin`: the command line of this machine, `token create --admin`, and a browser paired by `serve` or `pair --admin`. `client`: every other token. */
export type Role = "admin" | "client"

/** A token without its secret. `session`: created by pairing a browser; `token`: created by `millrace token create`. */
export interface TokenRecord {
  readonly id: string
  readonly name: string
  readonly kind: "token" | "session"
  readonly role: Role
  /** The last 4 characters of the secret, for recognition. */
  readonly last4: string
  /** ISO 8601 UTC. */
  readonly createdAt: string
  readonly revokedAt?: string
}
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
      /** Absent in older files: means `client`. */
      role: Schema.optional(Schema.Literal("admin", "client")),
      last4: Schema.String,
      sha256: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
      at: Schema.String
    }),
    Schema.Struct({ op: Schema.Literal("promote"), id: Schema.String, at: Schema.String }),
    Schema.Struct({ op: Schema.Literal("revoke"), id: Schema.String, at: Schema.String })
  )
)
const decodeLine = Schema.decodeUnknownOption(Line)

/** Every token begins with this, so that one in a wrong place (a URL, a log) can be recognised. */
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
      const { at, name, kind, last4, id, role = "client" } = record
      tokens.set(id, { record: { id, name, kind, role, last4, createdAt: at }, sha256: Buffer.from(record.sha256, "hex") })
    } else {
      const token = tokens.get(record.id)
      const change = record.op === "promote" ? { role: "admin" as const } : { revokedAt: record.at }
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
    // A partial last line (a full disk) must not corrupt this one: a revocation that cannot be read would have no effect.
    const start = endsInLine(fileOf(dataDir)) ? "" : "\n"
    appendFileSync(fileOf(dataDir), `${start}${Schema.encodeSync(Line)(line)}\n`, { mode: 0o600 })
  })

/** Whether a token may have this name, which is printed on terminals and is the actor of commands in the log (X6). */
export const isName = (name: string): boolean => /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,100}$/u.test(name)

/** Creates a token. The result is the only place with its secret. Works with and without a running server. */
export const create = Effect.fn("Tokens.create")(function* (
  dataDir: string,
  options: { readonly name: string; readonly kind?: "token" | "session"; readonly role?: Role }
) {
  const token = `${prefix}${randomBytes(32).toString("base64url")}`
  const at = yield* now
  const record: TokenRecord = {
    id: `tok_${randomBytes(9).toString("base64url")}`,
    name: options.name,
    kind: options.kind ?? "token",
    role: options.role ?? "client",
    last4: token.slice(-4),
    createdAt: at
  }
  const { id, name, kind, role, last4 } = record
  yield* append(dataDir, { op: "create", id, name, kind, role, last4, sha256: digest(token).toString("hex"), at })
  return { token, record }
})

/** Gives a token the role `admin`. */
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
    /** The live token with this secret. Compares every hash, each in constant time. */
    readonly identify: (secret: string) => Effect.Effect<Option.Option<TokenRecord>, AccessFileError>
    /** False once the token is revoked. Reads the state of the last query. */
    readonly isLive: (id: string) => boolean
    /** Rereads the file if it changed. The number increases with every change. */
    readonly revision: Effect.Effect<number, AccessFileError>
  }
>() {}

export const layer = (dataDir: string): Layer.Layer<Tokens> =>
  Layer.sync(Tokens, () => {
    const path = fileOf(dataDir)
    let seen = ""
    let revision = 0
    let tokens: ReadonlyArray<Stored> = []
    const look = attempt(path, () => {
      const stat = statSync(path, { throwIfNoEntry: false })
      const mark = stat === undefined ? "" : `${stat.ino}:${stat.size}:${stat.mtimeMs}`
      if (mark !== seen) {
        tokens = load(path)
        seen = mark
        revision++
      }
      return revision
    })
    return {
      dataDir,
      revision: look,
      identify: (secret) =>
        Effect.map(look, () => {
          const wanted = digest(secret)
          let found = Option.none<TokenRecord>()
          for (const token of tokens) {
            if (timingSafeEqual(token.sha256, wanted) && token.record.revokedAt === undefined) found = Option.some(token.record)
          }
          return found
        }),
      isLive: (id) => tokens.some(({ record }) => record.id === id && record.revokedAt === undefined)
    }
  })
