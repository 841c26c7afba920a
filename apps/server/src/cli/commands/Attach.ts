/** `--attach FILE`: files of this machine that a command uploads and names in its turn. */
import { NodeStream } from "@effect/platform-node"
import { type GivenAttachment, maxAttachments } from "@millrace/contracts/Attachment"
import { maxBlobBytes } from "@millrace/contracts/Blob"
import { ofName } from "@millrace/contracts/MediaType"
import { Effect, Stream } from "effect"
import { accessSync, constants, createReadStream, statSync } from "node:fs"
import { basename } from "node:path"
import type { Uploading } from "../client/Connect.ts"
import { type CliFailure, failed, fromError, usage } from "../Failure.ts"
import { messageOf } from "../../NodeError.ts"

const wrong = (path: string): string | undefined => {
  try {
    const { size } = ((found) => (found.isFile() ? found : { size: undefined }))(statSync(path))
    if (size === undefined) return "is not a file"
    accessSync(path, constants.R_OK)
    return size > maxBlobBytes ? `has ${size} bytes; an attachment has at most ${maxBlobBytes}` : undefined
  } catch (cause) {
    return `cannot be read: ${messageOf(cause)}`
  }
}

/** Checks the files before anything is started. Fails with exit code 2. */
export const check = (paths: ReadonlyArray<string>): Effect.Effect<void, CliFailure> =>
  Effect.suspend(() => {
    if (paths.length > maxAttachments) return usage(`--attach: a turn takes at most ${maxAttachments} files`)
    for (const path of paths) {
      const problem = wrong(path)
      if (problem !== undefined) return usage(`--attach: ${path} ${problem}`)
    }
    return Effect.void
  })

/** Uploads the files, one after another. */
export const upload = (
  { putBlob }: Pick<Uploading, "putBlob">,
  paths: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<GivenAttachment>, CliFailure> =>
  Effect.forEach(paths, (path) => {
    const mediaType = ofName(basename(path))
    const content = NodeStream.fromReadable(
      () => createReadStream(path),
      (cause) => failed(`--attach: ${path} cannot be read: ${messageOf(cause)}`)
    ) as Stream.Stream<Uint8Array, CliFailure>
    return Stream.runCollect(content).pipe(
      Effect.flatMap((parts) => Effect.mapError(putBlob(Stream.fromIterable(parts), mediaType), fromError)),
      Effect.map(({ hash }) => ({ blob: hash, name: basename(path), mediaType }))
    )
  })
