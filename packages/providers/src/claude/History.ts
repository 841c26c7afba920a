/** The conversations that Claude Code stores (2.1): the files `projects/DIR/ID.jsonl` of its configuration directory. No process is started. */
import { defined } from "@millrace/contracts/Defined"
import type { NativeThread } from "@millrace/contracts/Import"
import { ProviderError, type NativeHistory, type NativeTurn } from "@millrace/contracts/ProviderAdapter"
import { cut } from "@millrace/contracts/Text"
import type { Dirent } from "node:fs"
import { open, readdir, stat } from "node:fs/promises"
import { homedir } from "node:os"
import { basename, join } from "node:path"
import { Effect, Stream } from "effect"
import { type Fields, stringAt } from "../Fields.ts"
import * as ForkPoint from "./ForkPoint.ts"
import * as Process from "./Process.ts"
import * as TranscriptFile from "./TranscriptFile.ts"
import * as TranscriptTurn from "./TranscriptTurn.ts"
import { resultsOf } from "./Wire.ts"

/** Bytes at the beginning and at the end of a file that are read for its title, directory and times. */
const headBytes = 256 * 1024
const tailBytes = 64 * 1024

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const failed = (operation: string, message: string) =>
  new ProviderError({ provider: "claude", operation, outcome: "failed", failure: { kind: "unknown", message } })
const attempt = <A>(operation: string, run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (cause) => failed(operation, `Claude's conversations: ${messageOf(cause)}`) })

interface Stored {
  readonly id: string
  readonly path: string
  readonly modified: number
}

/** An id is a file name: a path or a name that Claude does not use is not accepted. */
const isId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)

/** Names in a directory; empty if it does not exist. */
const entries = (path: string): Promise<ReadonlyArray<Dirent>> => readdir(path, { withFileTypes: true }).catch(() => [])

const conversationsIn = async (root: string): Promise<ReadonlyArray<Stored>> => {
  const found: Array<Stored> = []
  for (const project of await entries(join(root, "projects"))) {
    if (!project.isDirectory()) continue
    for (const file of await entries(join(root, "projects", project.name))) {
      const id = basename(file.name, ".jsonl")
      if (!file.isFile() || !file.name.endsWith(".jsonl") || !isId(id)) continue
      const path = join(root, "projects", project.name, file.name)
      const known = await stat(path).catch(() => undefined)
      if (known !== undefined) found.push({ id, path, modified: known.mtimeMs })
    }
  }
  return found.toSorted((a, b) => b.modified - a.modified)
}

/** The records of the first and the last bytes of a file; a line that is cut off is left out. */
const edgesOf = async (path: string): Promise<ReadonlyArray<Fields>> => {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const part = async (from: number, length: number) => {
      const bytes = Buffer.alloc(Math.max(0, length))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
      return bytes.subarray(0, bytesRead).toString("utf8").split("\n")
    }
    const from = Math.max(headBytes, size - tailBytes)
    const lines = [...(await part(0, Math.min(size, headBytes))), ...(await part(from, size - from))]
    return lines.flatMap((line): ReadonlyArray<Fields> => {
      const record = TranscriptFile.recordOf(line)
      return record === undefined ? [] : [record]
    })
  } finally {
    await file.close()
  }
}

/** `undefined`: the file contains no conversation. */
const threadOf = async ({ id, modified, path }: Stored): Promise<NativeThread | undefined> => {
  const records = (await edgesOf(path)).filter(TranscriptFile.isMain)
  const cwd = records.flatMap((record) => stringAt(record, "cwd") ?? [])[0]
  const prompt = records.flatMap((record) => TranscriptTurn.promptOf(record) ?? [])[0]
  if (cwd === undefined || prompt === undefined) return undefined
  const last = (key: string) => records.flatMap((record) => stringAt(record, key) ?? []).at(-1)
  const model = records.flatMap((record) => stringAt(record["message"], "model") ?? []).findLast((name) => !name.startsWith("<"))
  const title = last("customTitle") ?? last("aiTitle") ?? last("summary") ?? prompt
  return {
    nativeThreadId: id,
    title: cut(title.replaceAll(/\s+/g, " ").trim(), 200),
    cwd,
    ...defined({ model, createdAt: records.flatMap((record) => stringAt(record, "timestamp") ?? [])[0] }),
    updatedAt: new Date(modified).toISOString()
  }
}

const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`

/** What an import leaves out, as a sentence. */
const omittedOf = (damaged: number, long: number, cut: number, agents: number): string | undefined => {
  const parts = [
    ...(damaged > 0 ? [`${plural(damaged, "line")} of the conversation's file could not be read`] : []),
    ...(long > 0 ? [`the long texts and the images of ${plural(long, "line")} over 8 MiB were cut`] : []),
    ...(cut > 0 ? [`the content of ${plural(cut, "item")} is too large`] : []),
    ...(agents > 0 ? [`the steps of ${plural(agents, "sub-agent")} are not imported, only their results`] : [])
  ]
  return parts.length === 0 ? undefined : `Of this conversation, ${parts.join("; ")}.`
}

const rootOf = (options: Process.ClaudeOptions): string => {
  const env = Process.environment(options, process.env)
  return env["CLAUDE_CONFIG_DIR"] ?? join(options.home ?? process.env["HOME"] ?? homedir(), ".claude")
}

/** The `uuid` of the last message of a turn; `undefined`: no stored conversation of that id has the turn. */
export const lastMessageOf = (options: Process.ClaudeOptions, conversation: string, nativeTurnId: string) =>
  attempt("open", async () => {
    const stored = (await conversationsIn(rootOf(options))).find(({ id }) => id === conversation)
    return stored === undefined ? undefined : ForkPoint.lastMessageOf(stored.path, nativeTurnId)
  })

export const make = (options: Process.ClaudeOptions): NativeHistory => {
  const root = () => rootOf(options)
  return {
    list: Effect.fn("Claude.history.list")(function* ({ cwd, limit }) {
      return yield* attempt("list", async () => {
        const found: Array<NativeThread> = []
        for (const stored of await conversationsIn(root())) {
          if (found.length >= limit) break
          // A file that another program removed meanwhile is skipped.
          const thread = await threadOf(stored).catch(() => undefined)
          if (thread !== undefined && (cwd === undefined || thread.cwd === cwd)) found.push(thread)
        }
        return found
      })
    }),
    read: Effect.fn("Claude.history.read")(function* (nativeThreadId) {
      const stored = (yield* attempt("read", () => conversationsIn(root()))).find(({ id }) => id === nativeThreadId)
      const thread = stored === undefined ? undefined : yield* attempt("read", () => threadOf(stored))
      if (stored === undefined || thread === undefined)
        return yield* failed("read", `Claude has no conversation ${cut(nativeThreadId, 100)}. List them: millrace import --list.`)
      const { path } = stored
      const branch = yield* attempt("read", () => TranscriptFile.branchOf(path))
      const subagents = yield* attempt("read", () => entries(join(path.slice(0, -".jsonl".length), "subagents")))
      const turns = TranscriptTurn.make()
      async function* read(): AsyncGenerator<NativeTurn> {
        for await (const line of TranscriptFile.linesOf(path)) {
          const record = TranscriptFile.recordOf(line)
          if (record === undefined || !TranscriptFile.isMain(record)) continue
          // A result of parallel calls is not on the branch itself: it belongs to the call, which is.
          const of = [
            stringAt(record, "uuid"),
            ...(resultsOf(record["message"]).length > 0
              ? [stringAt(record, "sourceToolAssistantUUID"), stringAt(record, "parentUuid")]
              : [])
          ]
          const ended = of.some((uuid) => uuid !== undefined && branch.has(uuid)) ? turns.take(record) : undefined
          if (ended !== undefined) yield ended
        }
        const ended = turns.end()
        if (ended !== undefined) yield ended
      }
      const agents = subagents.filter(({ name }) => name.endsWith(".jsonl")).length
      return {
        thread,
        turns: Stream.fromAsyncIterable(read(), (cause) => failed("read", messageOf(cause))),
        omitted: Effect.sync(() => omittedOf(branch.damaged, branch.cut, turns.cut(), agents))
      }
    })
  }
}
