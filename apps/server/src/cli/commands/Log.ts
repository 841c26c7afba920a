/** `millrace log stats|pack|prune|backup|restore`: the data directory on disk. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect, Option } from "effect"
import type { PruneRequest } from "@millrace/contracts/LogWork"
import type { Where } from "../client/Connect.ts"
import { failed, fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import { count, plural, size } from "../terminal/Amounts.ts"

const common = { json: Flags.json, data: Flags.data }

const backup = Command.make(
  "backup",
  {
    ...common,
    directory: Flags.argument("DIR").pipe(Args.withDescription("Directory of the backup; created if it is missing."))
  },
  ({ data, directory, json }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { backup } = yield* Effect.promise(() => import("@millrace/log/Backup"))
      const { text } = yield* Effect.promise(() => import("@millrace/log/Damage"))
      const summary = yield* Effect.mapError(backup({ dataDir: data, target: directory, onProgress: output.progress }), fromError)
      yield* output.progress(undefined)
      const { added, bytes, damaged, head } = summary
      if (json) yield* Output.json(summary)
      else
        yield* output.out(
          `${output.outStyle.green("ok")}  ${plural(head, "event")} and all other files in ${directory}: ${size(bytes)}, ${size(added.bytes)} of it new\n`
        )
      const { emptied, kept, lost } = damaged
      if (!json && emptied.kept.length + emptied.lost.length > 0)
        yield* output.out(
          `${output.outStyle.yellow("!!")}  ${[
            "Some parts of the log are empty: they were damaged when a thread in them was deleted, so the server emptied them.",
            ...(emptied.kept.length > 0 ? [`The backup keeps ${text(emptied.kept)} from an earlier one.`] : []),
            ...(emptied.lost.length > 0 ? [`Lost: ${text(emptied.lost)}.`] : [])
          ].join(" ")}\n`
        )
      if (kept.length > 0 || lost.length > 0)
        return yield* failed(
          [
            `The log of ${data} is damaged. The backup is complete except for the lost parts.`,
            ...(kept.length > 0 ? [`Damaged in the log, and kept in the backup from an earlier one: ${text(kept)}.`] : []),
            ...(lost.length > 0 ? [`Lost: ${text(lost)}. Keep the other backups that you have.`] : []),
            ...(kept.length > 0 ? ["To get back the kept parts, stop the server and restore this backup."] : [])
          ].join(" ")
        )
    })
).pipe(
  Command.withDescription(
    "Back up the data directory, also while its server runs. A second backup into the same directory writes only the new data."
  )
)

const restore = Command.make(
  "restore",
  {
    ...common,
    directory: Flags.argument("DIR").pipe(Args.withDescription("Directory that millrace log backup wrote.")),
    replace: Options.boolean("replace").pipe(
      Options.withDescription("Move the existing files of the data directory to replaced-N. Nothing is deleted.")
    ),
    acceptDamage: Options.boolean("accept-damage").pipe(
      Options.withDescription("Restore also if files of the backup are damaged. The content of these files is lost.")
    )
  },
  ({ acceptDamage, data, directory, json, replace }) =>
    Effect.gen(function* () {
      const output = yield* Output.Output
      const { restore } = yield* Effect.promise(() => import("@millrace/log/Restore"))
      const { text } = yield* Effect.promise(() => import("@millrace/log/Damage"))
      const { problemsOf } = yield* Effect.promise(() => import("./VerifyProgram.ts"))
      const summary = yield* Effect.mapError(
        restore({ source: directory, dataDir: data, replace, acceptDamage, check: problemsOf, onProgress: output.progress }),
        fromError
      )
      yield* output.progress(undefined)
      if (json) return yield* Output.json(summary)
      const { at, head, lost, replaced, unreadable } = summary
      yield* output.out(
        `${output.outStyle.green("ok")}  ${data} has the backup of ${at}: ${plural(head, "event")}. Clients take a new snapshot: the log has a new epoch.\n`
      )
      for (const message of unreadable) yield* output.out(`${output.outStyle.yellow("!!")}  ${message}\n`)
      if (lost.length > 0) yield* output.out(`${output.outStyle.yellow("!!")}  The backup does not have ${text(lost)}.\n`)
      if (replaced !== undefined)
        yield* output.out(`    The old files are in ${replaced}. Delete them when you no longer need them.\n`)
    })
).pipe(
  Command.withDescription(
    "Restore a backup into a data directory that no server uses. Everything is checked before anything changes."
  )
)

const stats = Command.make("stats", { ...common, url: Flags.url }, ({ data, json, url }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    yield* output.progress("measuring")
    const usage = yield* Option.match(url, {
      // This process reads the files itself, also while a server runs.
      onNone: () =>
        Effect.gen(function* () {
          const { measure } = yield* Effect.promise(() => import("@millrace/log/LogUsage"))
          const { load } = yield* Effect.promise(() => import("../config/ConfigurationFile.ts"))
          const { configuration } = yield* load(data, process.cwd())
          return yield* Effect.mapError(measure({ dataDir: data, maxFileBytes: configuration.log?.maxBytes }), fromError)
        }),
      onSome: (server) =>
        Effect.flatMap(
          Effect.promise(() => import("../client/Connect.ts")),
          ({ logUsage }) => logUsage(server)
        )
    })
    yield* output.progress(undefined)
    if (json) return yield* Output.json(usage)
    const others = Object.entries(usage.otherBytes).toSorted((a, b) => b[1] - a[1])
    yield* output.out(
      Output.table(
        [
          ["events", `${count(usage.head - usage.retainedFrom)}, from offset ${usage.retainedFrom + 1} to ${usage.head}`],
          [
            "log",
            `${size(usage.fileBytes)}${usage.maxFileBytes === undefined ? "" : ` of at most ${size(usage.maxFileBytes)}`}: ${size(usage.coldBytes)} packed events, ${size(usage.blobBytes)} large values, ${size(usage.freeBytes)} free`
          ],
          [
            "growth",
            `${size(usage.bytesPerDay)} a day${usage.daysUntilFull === undefined ? "" : `, full in ${plural(usage.daysUntilFull, "day")}`}`
          ],
          ["disk", `${size(usage.diskFreeBytes)} free`],
          ...others.map(([kind, bytes], n) => [n === 0 ? "other files" : "", `${size(bytes)} ${kind}`]),
          ...usage.threads.map(({ bytes, threadId }, n) => [n === 0 ? "threads" : "", `${size(bytes)} ${threadId}`])
        ],
        output.width
      )
    )
  })
).pipe(
  Command.withDescription("Show the disk usage of the log, of its largest threads and of the other files in the data directory.")
)

const packing = (where: Where, json: boolean, prune?: PruneRequest) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const isDryRun = prune?.dryRun === true
    yield* output.progress(isDryRun ? "reading the log" : "packing the log")
    const { run } = yield* Effect.promise(() => import("./PackProgram.ts"))
    const result = yield* run(where, prune, output.progress)
    yield* output.progress(undefined)
    if (json) return yield* Output.json(result)
    const { after, before, packed, readersCut = 0, removed, removedBytes = 0, retainedFrom } = result
    if (readersCut > 0)
      yield* output.note(`${plural(readersCut, "reader")} had not received all of the removed events and must take a snapshot.`)
    yield* output.out(
      isDryRun
        ? `${plural(removed, "event")} would be removed, up to offset ${retainedFrom}: ${size(removedBytes)} of a log of ${size(before.fileBytes)}. Nothing was changed.\n`
        : `${output.outStyle.green("ok")}  ${plural(packed, "event")} packed, ${plural(removed, "event")} removed; the log: ${size(before.fileBytes)} before, ${size(after.fileBytes)} after\n`
    )
  })

const whereOf = ({ data, url }: { readonly data: string; readonly url: Option.Option<string> }): Where => ({
  dataDir: data,
  url: Option.getOrUndefined(url)
})

const pack = Command.make("pack", { ...common, url: Flags.url }, ({ json, ...where }) => packing(whereOf(where), json)).pipe(
  Command.withDescription(
    "Compress all events of the log now, except those of unfinished turns. A running server compresses events after an hour."
  )
)

const dayMillis = 86_400_000
const prune = Command.make(
  "prune",
  {
    ...common,
    url: Flags.url,
    olderThan: Flags.duration("older-than", "Remove events that are older than this, such as 30d; at least a day."),
    maxBytes: Flags.size("max-bytes", {
      description: "Remove the oldest events while the packed events take more than this, such as 5GB"
    }),
    force: Options.boolean("force").pipe(
      Options.withDescription(
        "Also remove events that attached clients, and readers with a saved cursor of the last day, have not received. They must take a snapshot."
      )
    ),
    dryRun: Options.boolean("dry-run").pipe(
      Options.withDescription("Print the number of events that would be removed, and change nothing.")
    )
  },
  ({ dryRun, force, json, maxBytes, olderThan, ...where }) => {
    if (Option.isNone(olderThan) && Option.isNone(maxBytes))
      return Effect.fail(usage("log prune needs --older-than or --max-bytes, or both."))
    if (Option.exists(olderThan, (millis) => millis < dayMillis))
      return Effect.fail(usage("--older-than: expected at least a day, such as 30d"))
    return packing(whereOf(where), json, {
      ...Option.match(olderThan, { onNone: () => ({}), onSome: (millis) => ({ olderThanDays: millis / dayMillis }) }),
      ...Option.match(maxBytes, { onNone: () => ({}), onSome: (bytes) => ({ maxBytes: bytes }) }),
      ...(force && { force }),
      ...(dryRun && { dryRun })
    })
  }
).pipe(
  Command.withDescription(
    "Remove the oldest events of the log. Transcripts stay, and so do the events of unfinished turns and goals."
  )
)

export const command = Command.make("log").pipe(
  Command.withDescription("The data directory on disk: sizes, packing, backup and restore."),
  Command.withSubcommands([stats, pack, prune, backup, restore])
)
