/**
 * Reads the file of a conversation that Claude Code stores: one JSON value per line, in `projects/DIR/ID.jsonl` of its configuration directory. The
 * lines are a tree (`parentUuid`); the conversation is the branch that ends at the last message, and the others were rewound. Memory holds one line
 * and the ids of all lines, for a file of any size.
 */
import { createReadStream } from "node:fs"
import * as LongLine from "./LongLine.ts"
import { type Fields, isRecord, stringAt } from "../Fields.ts"

/** Maximum bytes of one line; a longer one is skipped and counted as damaged. */
export const maxLineBytes = 64 * 1024 * 1024

/**
 * Yields each line; `undefined` for one that is too long. The last line may have no newline. The texts of a line over `LongLine.maxDecodedBytes` are cut
 * (`onCut`).
 */
export async function* linesOf(path: string, limit = maxLineBytes, onCut = () => {}): AsyncGenerator<Buffer | undefined> {
  for await (const line of wholeLinesOf(path, limit)) {
    if (line === undefined || line.length <= LongLine.maxDecodedBytes) yield line
    else {
      const short = await LongLine.shorten(line)
      if (short !== undefined) onCut()
      yield short
    }
  }
}

async function* wholeLinesOf(path: string, limit: number): AsyncGenerator<Buffer | undefined> {
  let parts: Array<Buffer> = []
  let held = 0
  const take = (last: Buffer): Buffer | undefined => {
    const line = held + last.length > limit ? undefined : Buffer.concat([...parts, last])
    parts = []
    held = 0
    return line
  }
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    let from = 0
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, from)) {
      yield take(chunk.subarray(from, at))
      from = at + 1
    }
    const rest = chunk.subarray(from)
    held += rest.length
    // The bytes of a line that is too long are not kept.
    if (held <= limit) parts.push(rest)
    else parts = []
  }
  if (held > 0) yield take(Buffer.alloc(0))
}

/** The record of a line; `undefined`: the line is damaged. */
export const recordOf = (line: Buffer | string | undefined): Fields | undefined => {
  try {
    const value: unknown = line === undefined ? undefined : JSON.parse(line.toString("utf8"))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether the record is part of the main conversation, not of a sub-agent. */
export const isMain = (record: Fields): boolean => record["isSidechain"] !== true

export interface Branch {
  /** Whether the line with this `uuid` is part of the conversation. */
  readonly has: (uuid: string) => boolean
  /** Lines that could not be read. */
  readonly damaged: number
  /** Lines whose texts were cut. */
  readonly cut: number
}

/** Reads the file once and finds the conversation's branch. If the line before another one is damaged, the next older line takes its place. */
export const branchOf = async (path: string): Promise<Branch> => {
  const at = new Map<string, number>()
  /** For each line: the index of its parent. -1: no parent. */
  const parents: Array<number> = []
  let damaged = 0
  let cut = 0
  let leaf = -1
  for await (const line of linesOf(path, maxLineBytes, () => cut++)) {
    if (line?.length === 0) continue
    const record = recordOf(line)
    if (record === undefined) {
      damaged++
      continue
    }
    const uuid = stringAt(record, "uuid")
    if (uuid === undefined || !isMain(record)) continue
    // After a compaction the conversation continues from the logical parent.
    const parent = stringAt(record, "parentUuid") ?? stringAt(record, "logicalParentUuid")
    at.set(uuid, parents.length)
    parents.push(parent === undefined ? -1 : (at.get(parent) ?? parents.length - 1))
    if (record["type"] === "user" || record["type"] === "assistant") leaf = parents.length - 1
  }
  const kept = new Uint8Array(parents.length)
  for (let index = leaf; index >= 0 && kept[index] === 0; index = parents[index] ?? -1) kept[index] = 1
  return { damaged, cut, has: (uuid) => kept[at.get(uuid) ?? -1] === 1 }
}
