/**
 * Copies of attachments, which agents read: `ROOT/THREAD/NAME`, mode 0600. The content is a blob of the log, so a copy that is missing is written again.
 */
import type { Attachment } from "@millrace/contracts/Attachment"
import { ThreadId } from "@millrace/contracts/Ids"
import type { Failure } from "@millrace/contracts/Item"
import { extensionOf } from "@millrace/contracts/MediaType"
import type { PlacedAttachment } from "@millrace/contracts/ProviderAdapter"
import { cutBytes } from "@millrace/contracts/Text"
import { EventLog } from "@millrace/log/EventLog"
import { Context, Effect, Layer, Schema, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { rmSync } from "node:fs"
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, extname, join } from "node:path"

export class AttachmentFiles extends Context.Tag("@millrace/orchestration/AttachmentFiles")<
  AttachmentFiles,
  {
    /** Absolute path of the thread's attachment directory, which exists once the thread has an attachment. */
    readonly directoryOf: (threadId: ThreadId) => string
    /** Writes the copies that are missing. The failure is a sentence for the person who sent the attachment. */
    readonly place: (
      threadId: ThreadId,
      attachments: ReadonlyArray<Attachment>
    ) => Effect.Effect<ReadonlyArray<PlacedAttachment>, Failure>
    /** Removes the thread's directory. Logs a failure: the next start tries again. */
    readonly remove: (threadId: ThreadId) => Effect.Effect<void>
    /**
     * Removes the copies that a server that was killed left unfinished, and the files `ROOT/HASH.EXT` of versions that did not know their thread. Logs a
     * failure: the next start tries again.
     */
    readonly removeRemains: Effect.Effect<void>
    /** The threads that have a directory. */
    readonly threads: Effect.Effect<ReadonlyArray<ThreadId>>
  }
>() {}

/** Maximum bytes of an attachment's name in the name of its copy. */
const maxNameBytes = 100

/**
 * The name of the copy: the beginning of the hash, which keeps names apart, then the attachment's name with only letters, digits, `.`, `_` and `-`.
 * Agents know images by their extension, so a name without one gets that of its type.
 */
export const fileName = ({ blob, mediaType, name }: Attachment): string => {
  const safe = name.replaceAll(/[^\p{L}\p{N}._-]+/gu, "_")
  const extension = cutBytes(extname(safe) || (extensionOf(mediaType) ?? ""), 20)
  const stem = cutBytes(safe.slice(0, safe.length - extname(safe).length), maxNameBytes)
  return `${blob.slice(0, 12)}-${stem}${extension}`
}

const sentence = (name: string, cause: string): Failure => ({
  kind: "unknown",
  message: `The attachment ${name} could not be written for the agent: ${cause}. Check the disk of the server, then send the turn again.`
})

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
/** Fails with the text of the cause. */
const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, string> => Effect.tryPromise({ try: run, catch: messageOf })

const isThreadId = Schema.is(ThreadId)
const isThread = (name: string): name is ThreadId => isThreadId(name)

const unfinished = /^\..*\.tmp$/
const ofEarlierVersion = /^[0-9a-f]{64}\./

/** The files of a directory. Empty if the directory does not exist. */
const filesIn = (directory: string): Promise<ReadonlyArray<string>> =>
  readdir(directory, { withFileTypes: true }).then(
    (entries) => entries.filter((entry) => entry.isFile()).map(({ name }) => name),
    () => []
  )

/** `root` is created with the first copy. */
const serviceOver = (root: string) =>
  Effect.map(EventLog, (log) => {
    /** Begins the names of the unfinished copies of this server. No finished copy begins with a dot. */
    const prefix = `.${randomUUID()}-`
    let written = 0
    const directoryOf = (threadId: ThreadId) => join(root, threadId)

    /** The file appears with its whole content or not at all. */
    const write = (path: string, content: Stream.Stream<Uint8Array, string>) => {
      const temporary = join(dirname(path), `${prefix}${written++}.tmp`)
      return Effect.acquireUseRelease(
        attempt(() => open(temporary, "wx", 0o600)),
        (file) =>
          Effect.zipRight(
            Stream.runForEach(content, (part) => attempt(() => file.writeFile(part))),
            attempt(() => rename(temporary, path))
          ),
        (file) => Effect.promise(() => Promise.allSettled([file.close(), rm(temporary, { force: true })]))
      )
    }

    const placeOne = (threadId: ThreadId, attachment: Attachment): Effect.Effect<PlacedAttachment, Failure> =>
      Effect.gen(function* () {
        const path = join(directoryOf(threadId), fileName(attachment))
        const known = yield* Effect.promise(() => stat(path).catch(() => undefined))
        if (known?.size === attachment.bytes) return { ...attachment, path }
        const found = yield* Effect.mapError(log.getBlob(attachment.blob), messageOf)
        if (found === undefined) return yield* Effect.fail("its content was deleted")
        yield* attempt(() => mkdir(directoryOf(threadId), { recursive: true, mode: 0o700 }))
        yield* write(path, Stream.mapError(found.content, messageOf))
        return { ...attachment, path }
      }).pipe(Effect.mapError((cause) => sentence(attachment.name, cause)))

    const threads = Effect.map(
      Effect.promise((): Promise<ReadonlyArray<string>> => readdir(root).catch(() => [])),
      (names) => names.filter(isThread)
    )

    const removeFiles = (directory: string, isRemains: (name: string) => boolean) =>
      attempt(async () => {
        for (const name of await filesIn(directory)) if (isRemains(name)) await rm(join(directory, name), { force: true })
      }).pipe(Effect.catchAll((cause) => Effect.logWarning(`Old files in ${directory} could not be removed: ${cause}`)))

    return AttachmentFiles.of({
      directoryOf,
      place: (threadId, attachments) => Effect.forEach(attachments, (attachment) => placeOne(threadId, attachment)),
      remove: (threadId) =>
        attempt(() => rm(directoryOf(threadId), { recursive: true, force: true })).pipe(
          Effect.catchAll((cause) => Effect.logWarning(`The attachments of ${threadId} could not be removed: ${cause}`))
        ),
      removeRemains: Effect.zipRight(
        removeFiles(root, (name) => ofEarlierVersion.test(name)),
        Effect.flatMap(threads, (found) =>
          Effect.forEach(
            found,
            (threadId) => removeFiles(directoryOf(threadId), (name) => unfinished.test(name) && !name.startsWith(prefix)),
            { discard: true }
          )
        )
      ),
      threads
    })
  })

/** Copies under this directory. */
export const layer = (root: string): Layer.Layer<AttachmentFiles, never, EventLog> =>
  Layer.effect(AttachmentFiles, serviceOver(root))

/** Copies in a temporary directory, which is removed when the scope closes. For a server without a data directory. */
export const layerTemporary: Layer.Layer<AttachmentFiles, never, EventLog> = Layer.scoped(
  AttachmentFiles,
  Effect.gen(function* () {
    // The name is unique. `over` makes the directory with the first copy.
    const root = join(tmpdir(), `millrace-attachments-${randomUUID()}`)
    // Without a pause: after the deadline of a shutdown, the layers above still close in order.
    yield* Effect.addFinalizer(() => Effect.ignoreLogged(Effect.try(() => rmSync(root, { recursive: true, force: true }))))
    return yield* serviceOver(root)
  })
)
