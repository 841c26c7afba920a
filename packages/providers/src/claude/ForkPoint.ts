/** Where a copy of a stored conversation ends: Claude resumes a conversation up to a message of it (`--resume-session-at`). */
import { stringAt } from "../Fields.ts"
import * as TranscriptFile from "./TranscriptFile.ts"
import * as TranscriptTurn from "./TranscriptTurn.ts"

/** The `uuid` of the last message of the turn, in the conversation's file; `undefined`: the conversation does not have the turn. */
export const lastMessageOf = async (path: string, nativeTurnId: string): Promise<string | undefined> => {
  const branch = await TranscriptFile.branchOf(path)
  let inTurn = false
  let last: string | undefined
  for await (const line of TranscriptFile.linesOf(path)) {
    const record = TranscriptFile.recordOf(line)
    const uuid = record === undefined ? undefined : stringAt(record, "uuid")
    if (record === undefined || uuid === undefined || !TranscriptFile.isMain(record) || !branch.has(uuid)) continue
    if (uuid === nativeTurnId) inTurn = true
    else if (inTurn && TranscriptTurn.promptOf(record) !== undefined) return last
    if (inTurn && (record["type"] === "user" || record["type"] === "assistant")) last = uuid
  }
  return last
}
