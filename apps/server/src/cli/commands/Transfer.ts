/** `millrace export THREAD` and `millrace import FILE`. */
import { randomUUID } from "node:crypto"
import { createReadStream, existsSync, statSync } from "node:fs"
import { open, rename, rm } from "node:fs/promises"
import { resolve } from "node:path"
import { Readable } from "node:stream"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect, Option, Stream } from "effect"
import type { ImportResult, NativeThread } from "@millrace/contracts/Import"
import { isMissing, messageOf } from "../../NodeError.ts"
import { plural } from "../terminal/Amounts.ts"
import * as Connect from "../client/Connect.ts"
import { failed, fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Style from "../terminal/Style.ts"

/** Writes the whole document to a new file, or no file at all. Refuses to replace an existing file. */
const toFile = (file: string, document: Stream.Stream<Uint8Array, { readonly _tag: string; readonly message: string }>) =>
  Effect.gen(function* () {
    if (existsSync(file)) return yield* failed(`${file} already exists. Choose another file name.`)
    // The name is unpredictable and the file is created exclusively, so that no other user can plant a link there.
    const part = `${file}.${randomUUID()}.part`
    const wrong = (cause: unknown) => failed(`${file}: ${messageOf(cause)}`)
    const out = yield* Effect.acquireRelease(Effect.tryPromise({ try: () => open(part, "wx", 0o600), catch: wrong }), (out) =>
      Effect.promise(() => out.close().then(() => rm(part, { force: true })))
    )
    yield* document.pipe(
      Stream.mapError(fromError),
      Stream.runForEach((bytes) => Effect.tryPromise({ try: () => out.writeFile(bytes), catch: wrong }))
    )
    yield* Effect.tryPromise({ try: () => rename(part, file), catch: wrong })
  })

export const exportThread = Command.make(
  "export",
  {
    thread: Flags.thread,
    format: Options.choice("format", ["json", "markdown", "ndjson"] as const).pipe(
      Options.withDescription("json (default) and ndjson can be imported again; markdown is for people."),
      Options.withDefault("json" as const)
    ),
    out: Flags.text("out", "FILE", "The file to write; an existing file is not replaced. Default: standard output."),
    data: Flags.data,
    url: Flags.url
  },
  ({ data, format, out, thread, url }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const output = yield* Output.Output
        const transfer = yield* Connect.transfer({ dataDir: data, url: Flags.orUndefined(url) })
        const document = transfer.exportThread(thread, format)
        const file = Option.map(out, (path) => resolve(path))
        if (Option.isSome(file)) {
          yield* toFile(file.value, document)
          return yield* output.note(`Exported to ${file.value}`)
        }
        yield* document.pipe(
          Stream.mapError(fromError),
          Stream.decodeText(),
          Stream.runForEach((part) => output.out(output.outIsTerminal ? Style.harmless(part) : part))
        )
      })
    )
).pipe(Command.withDescription("Export a thread as JSON, lines of JSON, or Markdown."))

const summaryOf = (result: ImportResult): string =>
  result.written === 0 && !result.created
    ? `Nothing new: ${result.threadId} is up to date`
    : `${result.created ? "Imported as" : "Added to"} ${result.threadId}: ${plural(result.turns, "turn")}, ${plural(result.items, "item")}, ${result.written} new`

/**
 * The options that import a conversation of this provider. For a provider with another name, `--codex` only passes the conversation id; `--provider` names
 * the provider.
 */
const importing = (provider: string): string =>
  provider === "codex" || provider === "claude" ? `--${provider}` : `--provider ${provider} --codex`

const listed = (threads: ReadonlyArray<NativeThread>) =>
  threads.map(({ cwd, nativeThreadId, title, updatedAt }) => [
    nativeThreadId,
    (updatedAt ?? "").slice(0, 16).replace("T", " "),
    Style.line(cwd, 60),
    Style.line(title, 200)
  ])

/** The bytes of a file. Every run reads the file again. Reports the progress in percent to `aside`. */
const bytesOf = (file: string, size: number, aside: (text: string) => Effect.Effect<void>): Stream.Stream<Uint8Array> =>
  Stream.suspend(() => {
    let read = 0
    return Stream.fromReadableStream(() => Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>, messageOf).pipe(
      Stream.tap((chunk) => aside(`${Math.round(((read += chunk.length) / Math.max(1, size)) * 100)} %`)),
      // The file existed when the command started; its removal during the import is a defect.
      Stream.orDie
    )
  })

export const importThread = Command.make(
  "import",
  {
    file: Flags.argument("FILE").pipe(Args.withDescription("An export, as JSON or lines of JSON."), Args.optional),
    codex: Flags.text("codex", "ID", "Import a stored conversation of Codex instead of a file. See --list"),
    claude: Flags.text("claude", "ID", "Import a stored conversation of Claude Code instead of a file. See --list"),
    provider: Flags.text(
      "provider",
      "NAME",
      "The provider to query. Default: codex for --codex and --list, claude for --claude."
    ),
    list: Options.boolean("list").pipe(
      Options.withDescription("List the stored conversations of an agent, newest first: --list, --list --provider claude.")
    ),
    cwd: Flags.text(
      "cwd",
      "DIR",
      "Project directory of the new thread, when its original directory is not on this machine. With --list: only conversations of this directory."
    ),
    json: Flags.json,
    data: Flags.data,
    url: Flags.url
  },
  (options) =>
    Effect.scoped(
      Effect.gen(function* () {
        const output = yield* Output.Output
        const cwd = Flags.orUndefined(Option.map(options.cwd, (path) => resolve(path)))
        const codex = Flags.orUndefined(options.codex)
        const claude = Flags.orUndefined(options.claude)
        const provider = Flags.orUndefined(options.provider) ?? (claude === undefined ? "codex" : "claude")
        const file = Flags.orUndefined(options.file)
        const native = codex ?? claude
        if ([file, codex, claude, options.list || undefined].filter((given) => given !== undefined).length !== 1)
          return yield* usage("Give exactly one of FILE, --codex ID, --claude ID and --list.")
        const size =
          file === undefined
            ? 0
            : yield* Effect.try({
                try: () => statSync(file).size,
                catch: (cause) => failed(isMissing(cause) ? `There is no file ${file}.` : `${file}: ${messageOf(cause)}`)
              })
        const transfer = yield* Connect.transfer({ dataDir: options.data, url: Flags.orUndefined(options.url) })
        if (options.list) {
          yield* output.progress(`querying ${provider}`)
          const threads = yield* Effect.mapError(transfer.nativeThreads(provider, { cwd }), fromError)
          yield* output.progress(undefined)
          if (options.json) return yield* Output.json(threads)
          if (threads.length === 0) return yield* output.note(`${provider} has no stored conversations here.`)
          yield* output.out(Output.table(listed(threads), output.width))
          return yield* output.note(output.style.dim(`Import one: millrace import ${importing(provider)} ID`))
        }
        yield* output.progress("importing")
        const result = yield* Effect.mapError(
          file === undefined
            ? transfer.importNative({ provider, nativeThreadId: native ?? "", cwd })
            : transfer.importThread(bytesOf(file, size, output.aside), { cwd }),
          fromError
        )
        yield* output.progress(undefined)
        if (options.json) return yield* Output.json(result)
        yield* output.note(summaryOf(result))
        if (result.omitted !== undefined) yield* output.note(Style.line(result.omitted, 400))
        yield* output.out(`${result.threadId}\n`)
      })
    )
).pipe(
  Command.withDescription(
    "Create a thread from an export, or from a stored conversation of Codex or Claude Code. Importing again adds only what is new."
  )
)
