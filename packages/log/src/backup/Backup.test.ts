import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Stream } from "effect"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bundled, start } from "../../test/child.ts"
import * as DataDirectory from "../DataDirectory.ts"
import { EventLog } from "../EventLog.ts"
import * as EventLogSqlite from "../EventLogSqlite.ts"
import { StorageFailure } from "../Storage.ts"
import { bytesOf, packAll } from "../suite/subject.ts"
import { verify } from "../Verify.ts"
import { backup, type Step } from "./Backup.ts"
import * as Manifest from "./Manifest.ts"
import { restore, type Step as RestoreStep } from "./Restore.ts"

const at = "2026-11-20T09:00:00.000Z"
const note = (text: string, stream = "thread/thr_1") => ({
  events: [{ stream, type: "note", at, epoch: 0, data: { text } }],
  rows: [{ op: "put" as const, collection: "items", key: text, parent: "p", event: 0, rank: "keep" as const, value: { text } }]
})

/** Opens the log as a server does, and closes it afterwards. */
const using = <A, E>(dataDir: string, run: (log: typeof EventLog.Service) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const directory = yield* DataDirectory.make(dataDir)
    return yield* run(yield* EventLogSqlite.make({ file: directory.logFile, anchor: directory.anchorFile }))
  }).pipe(Effect.scoped)

const contents = (dataDir: string) =>
  using(dataDir, (log) =>
    Effect.gen(function* () {
      const { problems } = yield* Effect.provideService(verify(), EventLog, log)
      expect(problems).toEqual([])
      return { epoch: log.epoch, events: bytesOf([yield* log.read({ after: 0 })]) }
    })
  )

/** Content that does not compress. */
const blob = (text: string) =>
  Buffer.concat(Array.from({ length: 1_000 }, (_, n) => createHash("sha256").update(`${text} ${n}`).digest()))
const put = (log: typeof EventLog.Service, text: string) => log.putBlob(Stream.make(blob(text)), "text/plain")

/** A data directory with three events, a blob and the files of a server. */
const seeded = Effect.gen(function* () {
  const dataDir = join(yield* temporaryDirectory, "data")
  const found = yield* using(dataDir, (log) =>
    Effect.gen(function* () {
      yield* log.append([note("a"), note("b"), note("c")])
      const { hash } = yield* put(log, "x")
      return { hash, epoch: log.epoch }
    })
  )
  mkdirSync(join(dataDir, "trusted"))
  mkdirSync(join(dataDir, "processes"))
  for (const name of ["tokens.jsonl", "cli-token", "access.jsonl", "millrace.config.json", "trusted/1", "a-later-file"])
    writeFileSync(join(dataDir, name), `content of ${name}`)
  for (const name of ["search.db", "server.json", "processes/1.json", "log.db.v1.backup"])
    writeFileSync(join(dataDir, name), name)
  return { dataDir, ...found }
})

const manifestOf = (directory: string) => JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as Manifest.Manifest
const healthy = () => Effect.succeed([])
const restoring = (source: string, dataDir: string, replace = false) => restore({ source, dataDir, replace, check: healthy })
const refused = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) => Effect.flip(effect)

describe("a backup", () => {
  it.scopedLive("L18 restores equal events, rows, blobs and files, under a new epoch that a log.rewound event explains", () =>
    Effect.gen(function* () {
      const { dataDir, epoch, hash } = yield* seeded
      const directory = `${yield* temporaryDirectory}/backup`
      const made = yield* backup({ dataDir, target: directory })
      expect(made.head).toBe(3)
      const before = yield* contents(dataDir)
      const target = `${yield* temporaryDirectory}/restored`
      const summary = yield* restoring(directory, target)
      expect(summary).toMatchObject({ at: made.at, head: 4, previousEpoch: epoch })
      const after = yield* contents(target)
      expect(after.epoch).toBe(summary.logEpoch)
      expect(after.epoch).not.toBe(epoch)
      expect(after.events.slice(0, 3)).toEqual(before.events)
      // One rewind, of the restore: the missing anchor is no second one.
      expect(after.events.slice(3).map((json) => JSON.parse(json) as object)).toMatchObject([
        { type: "log.rewound", stream: "server", data: { from: 3, to: 3, reason: `Restored from a backup of ${made.at}.` } }
      ])
      yield* using(target, (log) =>
        Effect.gen(function* () {
          const parts = yield* Stream.runCollect((yield* log.getBlob(hash))!.content)
          expect(Buffer.concat(Array.from(parts))).toEqual(blob("x"))
        })
      )
      const names = readdirSync(target, { recursive: true }) as ReadonlyArray<string>
      expect(names).toEqual(
        expect.arrayContaining(["tokens.jsonl", "cli-token", "access.jsonl", "millrace.config.json", "trusted/1"])
      )
      expect(names).toEqual(expect.arrayContaining(["a-later-file"]))
      for (const name of ["search.db", "server.json", "processes", "log.db.v1.backup"]) expect(names).not.toContain(name)
      expect(readFileSync(join(target, "tokens.jsonl"), "utf8")).toBe("content of tokens.jsonl")
      // Only this user can read it.
      const modes = [
        "",
        "manifest.json",
        "lock.db",
        "objects",
        ...readdirSync(join(directory, "objects")).map((name) => `objects/${name}`)
      ]
      for (const name of modes) expect([name, statSync(join(directory, name)).mode & 0o077]).toEqual([name, 0])
      for (const name of ["tokens.jsonl", "log.db", "trusted"])
        expect([name, statSync(join(target, name)).mode & 0o077]).toEqual([name, 0])
    })
  )

  it.scopedLive("L18 L13 a log with packed segments restores byte for byte, and a second backup copies no segment again", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* seeded
      yield* using(dataDir, (log) =>
        Effect.gen(function* () {
          yield* log.append(Array.from({ length: 2_500 }, (_, n) => note(`text ${n}`, `thread/thr_${n % 3}`)))
          yield* packAll(log)
          yield* log.append([note("after packing")])
          expect(yield* log.disk).toMatchObject({ segments: 3, coldUpTo: 2_503 })
        })
      )
      const read = (directory: string) =>
        using(directory, (log) =>
          Effect.map(log.read({ after: 0, limit: 3_000, maxBytes: 1e9 }), (page) => ({ events: bytesOf([page]), page }))
        )
      const before = yield* read(dataDir)
      expect(before.events.length).toBe(2_504)
      const directory = yield* temporaryDirectory
      yield* backup({ dataDir, target: directory })
      const segments = manifestOf(directory).parts.filter(({ table }) => table === "segments")
      expect(segments.length).toBe(3)
      const target = `${yield* temporaryDirectory}/restored`
      yield* restoring(directory, target)
      const after = yield* read(target)
      expect(after.events.slice(0, 2_504)).toEqual(before.events)
      yield* using(target, (log) => Effect.map(log.disk, (disk) => expect(disk).toMatchObject({ segments: 3, coldUpTo: 2_503 })))
      yield* contents(target)
      yield* using(dataDir, (log) => log.append([note("later")]))
      expect((yield* backup({ dataDir, target: directory })).added.objects).toBe(1)
    })
  )

  it.scopedLive("L18 a second backup adds only what is new, and leaves nothing that was deleted", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* seeded
      const directory = yield* temporaryDirectory
      const first = yield* backup({ dataDir, target: directory })
      expect(first.added.objects).toBe(first.objects)
      const again = yield* backup({ dataDir, target: directory })
      expect(again.added).toEqual({ objects: 0, bytes: 0 })
      yield* using(dataDir, (log) => Effect.zipRight(put(log, "y"), log.append([note("d")])))
      const third = yield* backup({ dataDir, target: directory })
      expect(third.added).toMatchObject({ objects: 2 })
      writeFileSync(join(dataDir, "a-later-file"), "other")
      yield* backup({ dataDir, target: directory })
      const objects = readdirSync(join(directory, "objects"))
      expect(objects.toSorted()).toEqual([...Manifest.objectsOf(manifestOf(directory)).keys()].toSorted())
      for (const object of objects)
        expect(readFileSync(join(directory, "objects", object), "utf8")).not.toContain("content of a-later-file")
      expect(readdirSync(directory).toSorted()).toEqual(["lock.db", "manifest.json", "objects"])
    })
  )

  it.scopedLive(
    "L18 L14 the backup after a deletion has no word of the thread, also when the server died before it erased them",
    () =>
      Effect.gen(function* () {
        const { dataDir } = yield* seeded
        const word = "word-of-thr_9"
        const withWord = (directory: string) =>
          (readdirSync(directory, { recursive: true }) as ReadonlyArray<string>)
            .map((name) => join(directory, name))
            .filter((file) => statSync(file).isFile() && readFileSync(file, "latin1").includes(word))
        yield* using(dataDir, (log) => log.append([note(word, "thread/thr_9")]))
        mkdirSync(join(dataDir, "attachments", "thr_9"), { recursive: true })
        const copy = join(dataDir, "attachments", "thr_9", "notes.txt")
        writeFileSync(copy, word)
        const directory = yield* temporaryDirectory
        yield* backup({ dataDir, target: directory })
        expect(withWord(directory).length).toBe(1)
        let isFailing = false
        yield* Effect.gen(function* () {
          const onStep = (step: string) => {
            if (step === "begin" && isFailing) throw new StorageFailure("io", "scripted")
          }
          const log = yield* EventLogSqlite.make({ file: join(dataDir, "log.db"), anchor: join(dataDir, "anchor"), onStep })
          const [deleted] = note("gone", "thread/thr_9").events
          const rows = [{ op: "delete" as const, collection: "items", key: word }]
          yield* log.append([{ events: [{ ...deleted!, type: "thread.deleted" }], rows, forget: ["thread/thr_9"] }])
          isFailing = true
        }).pipe(Effect.scoped)
        expect(withWord(dataDir)).not.toEqual([])
        yield* backup({ dataDir, target: directory })
        expect(withWord(directory)).toEqual([])
        // The server's next start removes the copy.
        expect(withWord(dataDir)).toEqual([copy])
      })
  )

  it.scopedLive(
    "L18 refuses a directory with other content, one inside the data directory, too little space, a running backup",
    () =>
      Effect.gen(function* () {
        const { dataDir } = yield* seeded
        const directory = yield* temporaryDirectory
        writeFileSync(join(directory, "thesis.txt"), "")
        expect(yield* refused(backup({ dataDir, target: directory }))).toMatchObject({ reason: "foreign" })
        symlinkSync(dataDir, join(directory, "link"))
        for (const inside of [join(dataDir, "backup"), dataDir, join(directory, "link", "b")])
          expect(yield* refused(backup({ dataDir, target: inside }))).toMatchObject({ reason: "inside" })
        expect(yield* refused(backup({ dataDir: directory, target: dataDir }))).toMatchObject({ reason: "no-log" })
        const good = yield* temporaryDirectory
        yield* backup({ dataDir, target: good })
        const manifest = readFileSync(join(good, "manifest.json"), "utf8")
        yield* using(dataDir, (log) => put(log, "y"))
        expect(yield* refused(backup({ dataDir, target: good, freeBytes: () => 20_000 }))).toMatchObject({ reason: "space" })
        expect(readFileSync(join(good, "manifest.json"), "utf8")).toBe(manifest)
        const seen: Array<unknown> = []
        const nested = Effect.matchEffect(backup({ dataDir, target: good }), {
          onFailure: (error) => Effect.sync(() => void seen.push(error)),
          onSuccess: (summary) => Effect.sync(() => void seen.push(summary))
        })
        yield* backup({ dataDir, target: good, onProgress: () => nested })
        for (const second of seen) expect(second).toMatchObject({ reason: "busy" })
        expect(seen.length).toBeGreaterThan(0)
      })
  )

  const steps: ReadonlyArray<Step> = ["begun", "database", "part", "files", "synced", "manifest", "replaced", "cleaned"]
  it.scopedLive("L18 kill -9 at each step leaves a complete backup: the earlier one, or the new one once it is in place", () =>
    Effect.gen(function* () {
      const program = yield* bundled("backup-child")
      yield* Effect.forEach(
        steps,
        (step) =>
          Effect.scoped(
            Effect.gen(function* () {
              const { dataDir } = yield* seeded
              const directory = yield* temporaryDirectory
              yield* backup({ dataDir, target: directory })
              yield* using(dataDir, (log) => Effect.zipRight(put(log, "y"), log.append([note("d")])))
              const { signal } = yield* (yield* start(program, ["backup", dataDir, directory, step])).end
              expect([step, signal]).toEqual([step, "SIGKILL"])
              const target = `${yield* temporaryDirectory}/restored`
              yield* restoring(directory, target)
              const { events } = yield* contents(target)
              expect([step, events.length]).toEqual([step, ["replaced", "cleaned"].includes(step) ? 5 : 4])
              // The next run ends what was left.
              yield* backup({ dataDir, target: directory })
              expect(readdirSync(directory).toSorted()).toEqual(["lock.db", "manifest.json", "objects"])
              expect(readdirSync(join(directory, "objects")).length).toBe(Manifest.objectsOf(manifestOf(directory)).size)
            })
          ),
        { concurrency: 2, discard: true }
      )
    })
  )
})

describe("a restore", () => {
  it.scopedLive("L18 one changed byte of any file of the backup is refused before anything is written", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* seeded
      const directory = yield* temporaryDirectory
      yield* backup({ dataDir, target: directory })
      const target = `${yield* temporaryDirectory}/restored`
      const names = ["manifest.json", ...readdirSync(join(directory, "objects")).map((name) => `objects/${name}`)]
      expect(names.length).toBeGreaterThan(8)
      for (const name of names) {
        const file = join(directory, name)
        const whole = readFileSync(file)
        for (const place of [0, whole.length >> 1, whole.length - 1]) {
          const changed = Buffer.from(whole)
          changed[place] = changed[place]! ^ 1
          writeFileSync(file, changed)
          expect([name, yield* refused(restoring(directory, target))]).toMatchObject([name, { reason: "damaged" }])
        }
        writeFileSync(file, whole.subarray(0, -1))
        expect([name, yield* refused(restoring(directory, target))]).toMatchObject([name, { reason: "damaged" }])
        writeFileSync(file, whole)
      }
      expect(existsSync(target)).toBe(false)
      yield* restoring(directory, target)
    })
  )

  it.scopedLive("L18 a database that the log's check rejects is refused, and the target keeps its files", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* seeded
      const directory = yield* temporaryDirectory
      yield* backup({ dataDir, target: directory })
      const before = yield* contents(dataDir)
      const error = yield* refused(
        restore({
          source: directory,
          dataDir,
          replace: true,
          check: () => Effect.succeed([{ problem: "offset" as const, message: "offset 3 follows 1" }])
        })
      )
      expect(error).toMatchObject({ reason: "damaged", message: expect.stringContaining("offset 3 follows 1") })
      expect(yield* contents(dataDir)).toEqual(before)
      expect(readdirSync(dataDir).filter((name) => name.startsWith("restore"))).toEqual([])
    })
  )

  it.scopedLive(
    "L18 refuses an owned target, one that holds files, a newer schema, a directory without a backup, too little space",
    () =>
      Effect.gen(function* () {
        const { dataDir } = yield* seeded
        const directory = yield* temporaryDirectory
        yield* backup({ dataDir, target: directory })
        expect(yield* refused(restoring(directory, dataDir))).toMatchObject({ reason: "occupied" })
        yield* using(dataDir, () =>
          Effect.map(refused(restoring(directory, dataDir, true)), (error) =>
            expect(error).toMatchObject({ _tag: "DataDirectoryOwned" })
          )
        ).pipe(Effect.scoped)
        expect(yield* refused(restoring(yield* temporaryDirectory, `${dataDir}-2`))).toMatchObject({ reason: "foreign" })
        const small = restore({ source: directory, dataDir: `${dataDir}-2`, replace: false, check: healthy, freeBytes: () => 0 })
        expect(yield* refused(small)).toMatchObject({ reason: "space" })
        const { sha256: _, ...manifest } = manifestOf(directory) as Manifest.Manifest & { readonly sha256: string }
        writeFileSync(join(directory, "manifest.json"), Manifest.render({ ...manifest, schema: 99 }))
        const newer = yield* refused(restoring(directory, `${dataDir}-3`))
        expect(newer).toMatchObject({ reason: "newer", message: expect.stringContaining("schema version 99") })
        for (const path of ["../x", "/etc/x", "trusted/../../x"]) {
          writeFileSync(
            join(directory, "manifest.json"),
            Manifest.render({ ...manifest, files: [{ ...manifest.files[0]!, path }] })
          )
          expect(yield* refused(restoring(directory, `${dataDir}-3`))).toMatchObject({ reason: "damaged" })
        }
        expect(existsSync(`${dataDir}-3`)).toBe(false)
      })
  )

  it.scopedLive("L18 --replace keeps the old files in a directory that it names, and the list of agent processes in place", () =>
    Effect.gen(function* () {
      const { dataDir, epoch } = yield* seeded
      const directory = yield* temporaryDirectory
      yield* backup({ dataDir, target: directory })
      yield* using(dataDir, (log) => log.append([note("later")]))
      const { replaced } = yield* restoring(directory, dataDir, true)
      expect(replaced).toBe(join(dataDir, "replaced-1"))
      expect(readFileSync(join(dataDir, "processes/1.json"), "utf8")).toBe("processes/1.json")
      expect(readdirSync(replaced!)).toEqual(expect.arrayContaining(["log.db", "search.db", "anchor", "tokens.jsonl"]))
      expect((yield* contents(dataDir)).events.length).toBe(4)
      const old = yield* contents(replaced!)
      expect(old.epoch).toBe(epoch)
      expect(old.events.length).toBe(4)
      expect((yield* restoring(directory, dataDir, true)).replaced).toBe(join(dataDir, "replaced-2"))
    })
  )

  const steps: ReadonlyArray<readonly [RestoreStep, number]> = [
    ["checked", 1],
    ["begun", 1],
    ["database", 1],
    ["filled", 1],
    ["verified", 1],
    ["rewound", 1],
    ["file", 1],
    ["file", 3],
    ["synced", 1],
    ["ready", 1],
    ["moved", 1],
    ["moved", 4],
    ["placing", 1],
    ["placed", 1],
    ["placed", 3],
    ["done", 1]
  ]
  it.scopedLive(
    "L18 kill -9 at each step: the next start finds the old log or the restored one, whole, and the old files are kept",
    () =>
      Effect.gen(function* () {
        const program = yield* bundled("backup-child")
        yield* Effect.forEach(
          steps,
          ([step, times]) =>
            Effect.scoped(
              Effect.gen(function* () {
                const name = `${step} ${times}`
                const { dataDir, epoch } = yield* seeded
                const directory = yield* temporaryDirectory
                yield* backup({ dataDir, target: directory })
                yield* using(dataDir, (log) => log.append([note("later")]))
                writeFileSync(join(dataDir, "tokens.jsonl"), "newer")
                const { signal } = yield* (yield* start(program, ["restore", dataDir, directory, step, String(times)])).end
                expect([name, signal]).toEqual([name, "SIGKILL"])
                const isRestored = ["ready", "moved", "placing", "placed", "done"].includes(step)
                const { epoch: now, events } = yield* contents(dataDir)
                const types = events.map((json) => (JSON.parse(json) as { readonly type: string }).type)
                expect([name, types]).toEqual([name, ["note", "note", "note", isRestored ? "log.rewound" : "note"]])
                expect([name, now === epoch]).toEqual([name, !isRestored])
                const tokens = readFileSync(join(dataDir, "tokens.jsonl"), "utf8")
                expect([name, tokens]).toEqual([name, isRestored ? "content of tokens.jsonl" : "newer"])
                if (isRestored) {
                  expect(readFileSync(join(dataDir, "replaced-1", "tokens.jsonl"), "utf8")).toBe("newer")
                  expect((yield* contents(join(dataDir, "replaced-1"))).events.length).toBe(4)
                }
                expect(existsSync(join(dataDir, "restore.ready")) || existsSync(join(dataDir, "restore.placing"))).toBe(false)
                // Runs again, from any of these.
                yield* restoring(directory, dataDir, true)
                expect(readdirSync(dataDir).filter((entry) => entry.startsWith("restore"))).toEqual([])
              })
            ),
          { concurrency: 2, discard: true }
        )
      })
  )
})
