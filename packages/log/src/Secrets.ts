/**
 * The secrets of a data directory: values that agents are started with and that never reach the log (X4). One file per secret in `secrets/`, mode 0600,
 * replaced by a rename, so that the server and the command line may write at the same time without a lock. A file's name is a digest of the secret's
 * name, because two names may differ only in case and a file system may not distinguish them.
 */
import { StorageUnavailable } from "@millrace/contracts/Errors"
import { SecretName } from "@millrace/contracts/Settings"
import { Clock, Context, Effect, Layer, Option, Schema } from "effect"
import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto"
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** A secret without its value. */
export interface SecretView {
  readonly name: string
  /** ISO 8601 UTC. */
  readonly setAt: string
  /** True: a plain value in a command was stored under a name that the server chose. */
  readonly given: boolean
}

/** Maximum characters of a value. */
export const maxValue = 8192
/** Maximum secrets of a data directory. */
export const maxSecrets = 10_000

export class Secrets extends Context.Tag("@millrace/log/Secrets")<
  Secrets,
  {
    /** Stores a value under a name and replaces an earlier one. Sessions that run keep the value that they were started with. */
    readonly set: (name: string, value: string) => Effect.Effect<void, StorageUnavailable>
    /** `false`: there was no such secret. */
    readonly remove: (name: string) => Effect.Effect<boolean, StorageUnavailable>
    /** The values by name. */
    readonly list: Effect.Effect<ReadonlyArray<SecretView>, StorageUnavailable>
    readonly get: (name: string) => Effect.Effect<string | undefined, StorageUnavailable>
    /**
     * The name under which a value of a command is stored. The same label and value have the same name, which reveals nothing about the value without a key
     * that stays in the directory.
     */
    readonly nameFor: (label: string, value: string) => Effect.Effect<string, StorageUnavailable>
    /** Stores a value of a command under the name that `nameFor` gave it. */
    readonly give: (name: string, value: string) => Effect.Effect<void, StorageUnavailable>
    /** `nameFor` and `give` at once. */
    readonly keep: (label: string, value: string) => Effect.Effect<string, StorageUnavailable>
    /** The names of the values that commands gave. */
    readonly given: Effect.Effect<ReadonlyArray<string>, StorageUnavailable>
    /** Removes a value that a command gave. A secret that a person set stays. */
    readonly removeGiven: (name: string) => Effect.Effect<void, StorageUnavailable>
  }
>() {}

type Stored = typeof Stored.Type
const Stored = Schema.Struct({
  name: SecretName,
  value: Schema.String,
  setAt: Schema.String,
  given: Schema.optional(Schema.Literal(true))
})
const decode = Schema.decodeUnknownOption(Schema.parseJson(Stored))

/** The name of a given value: the label as far as a name may contain it, and a keyed digest. */
const nameOf = (key: Uint8Array, label: string, value: string): string => {
  const digest = createHmac("sha256", key)
    .update(JSON.stringify([label, value]))
    .digest("base64url")
    .slice(0, 22)
  return `${label.replaceAll(/[^A-Za-z0-9_.-]+/g, "_").slice(0, 60)}-${digest}`
}

/** The operations over a store of records. `read` returns `undefined` for a name that is not stored. */
const serviceOver = (store: {
  readonly key: () => Uint8Array
  readonly read: (name: string) => Stored | undefined
  readonly write: (stored: Stored) => void
  readonly remove: (name: string) => boolean
  readonly all: () => ReadonlyArray<Stored>
  readonly count: () => number
}): typeof Secrets.Service => {
  const attempt = <A>(run: () => A): Effect.Effect<A, StorageUnavailable> =>
    Effect.try({
      try: run,
      catch: (cause) =>
        new StorageUnavailable({
          // Messages of the file system name a path and an operation, never content.
          message: `The secrets cannot be used: ${cause instanceof Error ? cause.message : String(cause)}. Check the data directory, then try again.`,
          retryAfterMillis: 1000
        })
    })
  const put = (stored: Omit<Stored, "setAt">) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      attempt(() => {
        if (store.read(stored.name) === undefined && store.count() >= maxSecrets)
          throw new Error(`there are ${maxSecrets} secrets; remove some with millrace secret remove`)
        store.write({ ...stored, setAt: new Date(now).toISOString() })
      })
    )
  const nameFor = (label: string, value: string) => attempt(() => nameOf(store.key(), label, value))
  const give = (name: string, value: string) =>
    Effect.flatMap(
      attempt(() => store.read(name)),
      (known) => (known === undefined ? put({ name, value, given: true }) : Effect.void)
    )
  return Secrets.of({
    set: (name, value) => put({ name, value }),
    remove: (name) => attempt(() => store.remove(name)),
    list: attempt(() =>
      store
        .all()
        .map(({ given = false, name, setAt }) => ({ name, setAt, given }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    ),
    get: (name) => attempt(() => store.read(name)?.value),
    nameFor,
    give,
    keep: (label, value) => Effect.tap(nameFor(label, value), (name) => give(name, value)),
    given: attempt(() => store.all().flatMap(({ given, name }) => (given === true ? [name] : []))),
    removeGiven: (name) => attempt(() => void (store.read(name)?.given === true && store.remove(name)))
  })
}

const isMissing = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT"
const readOr = <A>(read: () => A, missing: A): A => {
  try {
    return read()
  } catch (cause) {
    if (isMissing(cause)) return missing
    throw cause
  }
}

const suffix = ".json"

/** The secrets in `DATA_DIR/secrets`, with and without a running server. The directory is created with the first secret. */
export const make = (dataDir: string): typeof Secrets.Service => {
  const root = join(dataDir, "secrets")
  const fileOf = (name: string) => join(root, `${createHash("sha256").update(name).digest("hex").slice(0, 40)}${suffix}`)
  const files = () => readOr(() => readdirSync(root), []).filter((name) => name.endsWith(suffix))
  const read = (path: string) => Option.getOrUndefined(decode(readOr(() => readFileSync(path, "utf8"), "")))
  /** The file appears with its whole content. `place` moves or links it. */
  const write = (path: string, content: string | Uint8Array, place: (from: string, to: string) => void) => {
    mkdirSync(root, { recursive: true, mode: 0o700 })
    const temporary = join(root, `.${randomUUID()}.tmp`)
    try {
      writeFileSync(temporary, content, { mode: 0o600, flag: "wx", flush: true })
      place(temporary, path)
    } finally {
      rmSync(temporary, { force: true })
    }
  }
  return serviceOver({
    key: () => {
      const path = join(root, "key")
      const known = readOr(() => readFileSync(path), undefined)
      if (known !== undefined) return known
      try {
        // A link does not replace the key that another process wrote meanwhile.
        write(path, randomBytes(32), linkSync)
      } catch (cause) {
        if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
      }
      return readFileSync(path)
    },
    read: (name) => read(fileOf(name)),
    write: (stored) => write(fileOf(stored.name), JSON.stringify(stored), renameSync),
    remove: (name) => {
      const found = read(fileOf(name)) !== undefined
      rmSync(fileOf(name), { force: true })
      return found
    },
    all: () => files().flatMap((name) => read(join(root, name)) ?? []),
    count: () => files().length
  })
}

export const layer = (dataDir: string): Layer.Layer<Secrets> => Layer.sync(Secrets, () => make(dataDir))

/** Secrets in memory, for tests and for a host without a data directory. */
export const layerMemory: Layer.Layer<Secrets> = Layer.sync(Secrets, () => {
  const stored = new Map<string, Stored>()
  const key = randomBytes(32)
  return serviceOver({
    key: () => key,
    read: (name) => stored.get(name),
    write: (one) => void stored.set(one.name, one),
    remove: (name) => stored.delete(name),
    all: () => [...stored.values()],
    count: () => stored.size
  })
})
