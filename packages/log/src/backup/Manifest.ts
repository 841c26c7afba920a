/**
 * The manifest of a backup, `manifest.json`: names every object of the backup with its checksum. It is written last and renamed into place, so the
 * backup that it describes is complete. The file is rejected if one byte of it was changed.
 */
import { hash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Either, Schema } from "effect"
import { BackupRefused } from "./BackupError.ts"

/** A file in `objects`, named by the SHA-256 of its content in hex. */
export const Stored = Schema.Struct({
  object: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
  bytes: Schema.NonNegativeInt
})
export type Stored = typeof Stored.Type

/** A large value of the database that is a separate object: the column `bytes` of one row. */
export const Part = Schema.Struct({
  ...Stored.fields,
  table: Schema.Literal("segments", "blob_parts"),
  key: Schema.Int,
  /** Changes when the value changes (Stamp.ts). */
  stamp: Schema.String,
  /** Whether the value was damaged in the log when it was copied. The next backup copies it again. */
  damaged: Schema.optionalWith(Schema.Literal(true), { exact: true })
})
export type Part = typeof Part.Type

/** A file of the data directory. */
export const DataFile = Schema.Struct({ ...Stored.fields, path: Schema.String })
export type DataFile = typeof DataFile.Type

export const Manifest = Schema.Struct({
  version: Schema.Literal(1),
  /** ISO 8601. */
  at: Schema.String,
  /** Schema version of the database. */
  schema: Schema.Int,
  logEpoch: Schema.String,
  head: Schema.Int,
  retainedFrom: Schema.Int,
  /** The database without its parts. */
  database: Stored,
  parts: Schema.Array(Part),
  files: Schema.Array(DataFile)
})
export type Manifest = typeof Manifest.Type

export const fileName = "manifest.json"

const encode = Schema.encodeSync(Manifest)

export const render = (manifest: Manifest): string => {
  // Encoded, so that equal manifests have their keys in the same order.
  const encoded = encode(manifest)
  return `${JSON.stringify({ ...encoded, sha256: hash("sha256", JSON.stringify(encoded)) })}\n`
}

const decode = Schema.decodeUnknownEither(Schema.parseJson(Manifest))

const damaged = (file: string) =>
  new BackupRefused({
    reason: "damaged",
    message: `${file} is damaged: it is not the manifest that \`millrace log backup\` wrote.`
  })

/** The manifest in a backup directory; undefined if it has none. Throws errors of the file system. */
export const read = (directory: string): Either.Either<Manifest | undefined, BackupRefused> => {
  const file = join(directory, fileName)
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR"))
      return Either.right(undefined)
    throw cause
  }
  const version = /^\{"version":(\d+),/.exec(text)?.[1]
  if (version !== undefined && Number(version) > 1)
    return Either.left(
      new BackupRefused({
        reason: "newer",
        message: `${file} has format ${version}; this program reads format 1. Use the newer program that wrote it.`
      })
    )
  const manifest = Either.mapLeft(decode(text), () => damaged(file))
  return Either.filterOrLeft(
    manifest,
    (decoded) => render(decoded) === text,
    () => damaged(file)
  )
}

/** The objects that the manifest names, each once. */
export const objectsOf = ({ database, files, parts }: Manifest): ReadonlyMap<string, number> =>
  new Map([database, ...parts, ...files].map(({ bytes, object }) => [object, bytes]))
