/** `millrace search WORDS`: searches the text of all threads, in the running server or in a host in this process. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type { TransportError } from "@millrace/client/TransportError"
import { defined } from "@millrace/contracts/Defined"
import { ProjectId, type ThreadId } from "@millrace/contracts/Ids"
import type { Millrace } from "@millrace/contracts/Millrace"
import type { SearchHit, SearchPage } from "@millrace/contracts/Search"
import { Effect, Schema } from "effect"
import * as Connect from "../client/Connect.ts"
import { fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Text from "../terminal/Style.ts"

const isProject = Schema.is(ProjectId)

/** The snippet with its marks as bold text. */
const bold = (style: Text.Style, snippet: string): string =>
  snippet
    .split(/[\u2068\u2069]/)
    .map((part, n) => (n % 2 === 1 ? style.bold(Text.harmless(part)) : Text.harmless(part)))
    .join("")

const shown = (style: Text.Style, { at, kind, snippet, threadId }: SearchHit, title: string | undefined): string =>
  `${style.cyan(threadId)}  ${style.dim(at.slice(0, 16).replace("T", " "))}  ${Text.line(kind, 40)}${
    title === undefined || kind === "title" ? "" : `  ${Text.line(title, 100)}`
  }\n    ${bold(style, snippet)}\n`

/** The thread's title. Empty if the thread cannot be read, because it was deleted in the meantime. */
const titleOf = (millrace: Millrace<TransportError>, threadId: ThreadId) =>
  Effect.match(millrace.thread(threadId), { onSuccess: ({ title }) => title, onFailure: () => "" })

const isBeingBuilt = ({ indexing }: SearchPage): string | undefined =>
  indexing === undefined
    ? undefined
    : `The index is being built: ${Math.floor((100 * indexing.done) / Math.max(1, indexing.of))} %. Older texts are found later.`

export const command = Command.make(
  "search",
  {
    words: Flags.argument("WORDS").pipe(
      Args.withDescription("All of these must be found; the last may be the beginning of a word. '\"a phrase\"', -- -without."),
      Args.atLeast(1)
    ),
    project: Flags.text("project", "PROJECT", "Only threads of this project."),
    thread: Flags.text("thread", "THREAD", "Only this thread."),
    kind: Flags.text("kind", "KIND", "Only items of this kind, such as agent-message or command; title for titles."),
    limit: Flags.integer("limit", { min: 1, max: 100 }).pipe(
      Options.withDescription("Maximum number of hits, newest first. Default 20."),
      Options.withDefault(20)
    ),
    json: Flags.json,
    data: Flags.data,
    url: Flags.url
  },
  (options) =>
    Effect.scoped(
      Effect.gen(function* () {
        const output = yield* Output.Output
        const project = Flags.orUndefined(options.project)
        if (project !== undefined && !isProject(project))
          return yield* usage(`--project: expected a project id, like prj_01HXYZ, got ${JSON.stringify(project)}.`)
        const named = Flags.orUndefined(options.thread)
        const thread = named === undefined ? undefined : yield* Flags.threadId(named)
        const { millrace } = yield* Connect.serverOrEmbedded({ dataDir: options.data, url: Flags.orUndefined(options.url) })
        const request = {
          q: options.words.join(" "),
          limit: options.limit,
          ...defined({ project, thread, kind: Flags.orUndefined(options.kind) })
        }
        let page = yield* Effect.mapError(millrace.search(request), fromError)
        // A page may be empty before the end. Reads on until a page has a hit.
        while (page.hits.length === 0 && page.more !== undefined)
          page = yield* Effect.mapError(millrace.search({ ...request, before: page.more }), fromError)
        if (options.json) return yield* Output.json(page)
        const titles = new Map<string, string>()
        for (const { threadId } of page.hits) if (!titles.has(threadId)) titles.set(threadId, yield* titleOf(millrace, threadId))
        yield* output.out(page.hits.map((hit) => shown(output.outStyle, hit, titles.get(hit.threadId))).join(""))
        if (page.hits.length === 0) yield* output.note("Nothing was found.")
        const building = isBeingBuilt(page)
        if (building !== undefined) yield* output.note(output.style.dim(building))
        if (page.more !== undefined) yield* output.note(output.style.dim("There are more. To list more: --limit N (at most 100)"))
      })
    )
).pipe(Command.withDescription("Search prompts, answers, commands and their output, changed paths and titles."))
