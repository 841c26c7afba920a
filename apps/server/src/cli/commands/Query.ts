/** `millrace threads`, `state`, `requests`, `providers`: queries to the running server, else to a host in this process. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect, Option } from "effect"
import type { RequestView } from "@millrace/contracts/Item"
import { type ProviderStatus, ThreadStatus, type ThreadView } from "@millrace/contracts/State"
import * as Connect from "../client/Connect.ts"
import { fromError } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as ApprovalOptions from "../terminal/ApprovalOptions.ts"
import * as Output from "../Output.ts"
import type { Style } from "../terminal/Style.ts"
import * as Text from "../terminal/Style.ts"

interface QueryOptions {
  readonly data: string
  readonly url: Parameters<typeof Flags.orUndefined<string>>[0]
  readonly json: boolean
}
const common = { json: Flags.json, data: Flags.data, url: Flags.url }
const connect = ({ data, url }: QueryOptions) => Connect.serverOrEmbedded({ dataDir: data, url: Flags.orUndefined(url) })

const coloured = (style: Style, status: ThreadStatus): string =>
  status === "failed"
    ? style.red(status)
    : status === "needs-you"
      ? style.yellow(status)
      : status === "running"
        ? style.green(status)
        : status

const rows = (style: Style, threads: ReadonlyArray<ThreadView>) =>
  threads.map((thread) => [
    thread.threadId,
    coloured(style, thread.status),
    thread.provider + (thread.effective?.permissionMode === "full-access" ? style.yellow(" full access") : ""),
    style.dim(thread.updatedAt.slice(0, 16).replace("T", " ")),
    Text.line(thread.title, 200)
  ])

export const threads = Command.make(
  "threads",
  {
    ...common,
    limit: Flags.integer("limit", { min: 1, max: 500 }).pipe(
      Options.withDescription("Maximum number of threads, newest first. Default 50."),
      Options.withDefault(50)
    ),
    archived: Options.boolean("archived").pipe(Options.withDescription("List the archived threads instead.")),
    search: Flags.text("search", "WORDS", "Only threads whose title has all of these words."),
    label: Flags.text("label", "LABEL", "Only threads that have this label."),
    status: Options.choice("status", ThreadStatus.literals).pipe(
      Options.withDescription("Only threads with this status."),
      Options.optional
    )
  },
  (options) =>
    Effect.scoped(
      Effect.gen(function* () {
        const output = yield* Output.Output
        const { millrace } = yield* connect(options)
        const search = Flags.orUndefined(options.search)
        const label = Flags.orUndefined(options.label)
        const status = Option.getOrUndefined(options.status)
        const filter = { ...(search ? { search } : {}), ...(label ? { label } : {}), ...(status ? { status } : {}) }
        const filtered = Object.keys(filter).length > 0
        const request = { limit: options.limit, ...(options.archived ? { archived: true } : {}), ...filter }
        let page = yield* Effect.mapError(millrace.threads(request), fromError)
        // A page of a search may be empty before the end of the rows. Reads on until a page has a match.
        while (page.items.length === 0 && page.before !== undefined)
          page = yield* Effect.mapError(millrace.threads({ ...request, before: page.before }), fromError)
        if (options.json) return yield* Output.json(page)
        yield* output.out(Output.table(rows(output.outStyle, page.items), output.width))
        if (page.items.length === 0)
          yield* output.note(`${filtered ? "No thread matches." : "No threads yet. Start one: millrace run hello"}`)
        if (page.before !== undefined)
          yield* output.note(output.style.dim("There are more. To list more: --limit N (at most 500)"))
      })
    )
).pipe(Command.withDescription("List threads, newest first."))

export const state = Command.make("state", common, (options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { address, millrace } = yield* connect(options)
      const snapshot = yield* Effect.mapError(millrace.state, fromError)
      if (options.json) return yield* Output.json(snapshot)
      const { outStyle: style } = output
      const count = (status: ThreadStatus) => snapshot.threads.filter((thread) => thread.status === status).length
      const statuses = (["running", "queued", "needs-you", "failed", "idle"] as const).map(
        (status) => `${count(status)} ${status}`
      )
      const lines = [
        ["server", address ?? "none is running"],
        ["log", `${snapshot.offset} events, epoch ${snapshot.logEpoch}`],
        ["projects", String(snapshot.projects.length)],
        ["threads", `${snapshot.threads.length}${snapshot.more ? "+" : ""}: ${statuses.join(", ")}`],
        ["requests", `${snapshot.requests.length} waiting for a person`]
      ]
      yield* output.out(Output.table(lines, output.width))
      const live = snapshot.threads.filter((thread) => thread.status !== "idle")
      if (live.length > 0) yield* output.out(`\n${Output.table(rows(style, live), output.width)}`)
      const asked = snapshot.requests.map((request) => [
        style.yellow(request.requestId),
        request.threadId,
        Text.line(request.ask.title, 200),
        style.dim(Text.line(choices(request), 200))
      ])
      if (asked.length > 0) yield* output.out(`\n${Output.table(asked, output.width)}`)
      if (asked.length > 0) yield* output.note(output.style.dim("Answer one: millrace answer REQUEST ANSWER"))
    })
  )
).pipe(Command.withDescription("Show threads that are not idle, and requests that wait for a person."))

const choices = ({ ask: asked }: RequestView): string => {
  const ask = ApprovalOptions.choosable(asked)
  return ask.kind === "approval"
    ? [asked.kind === "sign-in" ? asked.instructions : undefined, ApprovalOptions.offered(ask).join(" | ")]
        .filter(Boolean)
        .join("  ")
    : ask.questions.flatMap(({ text }) => (text === ask.title ? [] : [text])).join(" / ")
}

export const requests = Command.make("requests", common, (options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { millrace } = yield* connect(options)
      const open = yield* Effect.mapError(millrace.requests, fromError)
      if (options.json) return yield* Output.json(open)
      const { outStyle: style } = output
      const rows = open.map((request) => [
        style.yellow(request.requestId),
        request.threadId,
        style.dim(request.openedAt.slice(0, 16).replace("T", " ")),
        Text.line(request.held === true ? `${request.ask.title} (held: the server restarted)` : request.ask.title, 130),
        style.dim(Text.line(choices(request), 200))
      ])
      if (rows.length === 0) return yield* output.note("No open requests.")
      yield* output.out(Output.table(rows, output.width))
      yield* output.note(output.style.dim("Answer one: millrace answer REQUEST ANSWER"))
    })
  )
).pipe(Command.withDescription("List open requests: approvals and questions that wait for a person."))

const usable = (provider: ProviderStatus) => provider.installed && provider.signedIn !== "no"

const modelsOf = ({ models }: ProviderStatus): string =>
  models === undefined ? "" : models.length === 1 ? (models[0]?.id ?? "") : `${models.length} models`

const providerRows = (style: Style, providers: ReadonlyArray<ProviderStatus>) =>
  providers.map((provider) => [
    usable(provider) ? style.green("ok") : style.yellow("--"),
    provider.provider,
    provider.kind ?? "",
    provider.version ?? (provider.installed ? modelsOf(provider) : provider.kind === "openai" ? "not reached" : "not installed"),
    provider.signedIn === "not-needed" ? "" : `signed in: ${provider.signedIn}`,
    style.dim(provider.capabilities.join(" "))
  ])

export const providers = Command.make("providers", common, (options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { millrace } = yield* connect(options)
      yield* output.progress("probing agents")
      const found = yield* Effect.mapError(millrace.providers, fromError)
      if (options.json) return yield* Output.json(found)
      const lines = Output.table(providerRows(output.outStyle, found), output.width).trimEnd().split("\n")
      const fixes = found.map(({ fix }) => (fix === undefined ? "" : `    ${output.outStyle.dim("→")} ${Text.harmless(fix)}\n`))
      yield* output.out(lines.map((line, n) => `${line}\n${fixes[n] ?? ""}`).join(""))
    })
  )
).pipe(Command.withDescription("Show the agents: installed, version, signed in, capabilities, and how to fix what is wrong."))
