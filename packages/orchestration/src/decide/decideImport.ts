/** decide for a part of an imported transcript: creates the thread if it does not exist, and writes the events of the part. Starts and ends no turn or session. */
import type { Draft } from "./Draft.ts"
import type { Fact } from "./Fact.ts"

/** `false`: the thread or its project was deleted, so nothing is written. */
export const decideImport = (
  draft: Draft,
  { begin, blobs = [], pieces, threadId }: Extract<Fact, { _tag: "Imported" }>
): boolean => {
  if (draft.thread(threadId) === undefined) {
    if (draft.project(begin.projectId)?.deleted !== false) return false
    draft.emit(threadId, "thread.created", { threadId, ...begin })
  }
  if (draft.thread(threadId)?.deleted !== false) return false
  for (const blob of blobs) draft.blobs.set(blob.hash, blob)
  for (const { data, type } of pieces) draft.emit(threadId, type, data)
  return true
}
