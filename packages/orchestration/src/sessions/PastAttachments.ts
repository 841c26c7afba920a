/** Writes the copies of the attachments of earlier turns, for an agent that gets the conversation from the log. */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { History, PastAttachment, PastMessage } from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"
import type { AttachmentFiles } from "./AttachmentFiles.ts"

/** Maximum number of copies, newest first. An agent gets only the names of older attachments. */
const most = { files: 64, bytes: 64 * 1024 * 1024 }

/** The paths of the newest attachments. One that cannot be written has no path: its name remains. */
export const place = (files: typeof AttachmentFiles.Service, threadId: ThreadId, history: History): Effect.Effect<History> => {
  const all = history.turns
    .flatMap(({ messages }) => messages)
    .flatMap((message) => attachmentsOf(message))
    .toReversed()
  if (all.length === 0) return Effect.succeed(history)
  let bytes = 0
  const newest = all.filter((one, n) => n < most.files && (bytes += one.bytes) <= most.bytes)
  return Effect.map(
    Effect.forEach(newest, (one) =>
      files.place(threadId, [one]).pipe(
        Effect.map(([placed]) => [one, placed?.path] as const),
        Effect.catchAll(({ message }) => Effect.as(Effect.logWarning(message), [one, undefined] as const))
      )
    ),
    (found) => {
      const paths = new Map<PastAttachment, string | undefined>(found)
      const placed = (one: PastAttachment): PastAttachment => {
        const path = paths.get(one)
        return path === undefined ? one : { ...one, path }
      }
      const withPaths = (message: PastMessage): PastMessage =>
        message.role === "tool" || message.attachments === undefined
          ? message
          : { ...message, attachments: message.attachments.map(placed) }
      return { ...history, turns: history.turns.map((turn) => ({ ...turn, messages: turn.messages.map(withPaths) })) }
    }
  )
}

const attachmentsOf = (message: PastMessage): ReadonlyArray<PastAttachment> =>
  message.role === "tool" ? [] : (message.attachments ?? [])
