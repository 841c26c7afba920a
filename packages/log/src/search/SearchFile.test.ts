/** The meaning of a query, and the FTS5 index under it: the index must find what `meets` says. */
import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, FastCheck as fc } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as PageGaps from "../PageGaps.ts"
import * as Sqlite from "../Sqlite.ts"
import { type Document, maxPassages, SearchFile } from "./SearchFile.ts"
import { snippet } from "./Snippet.ts"
import { meets, parse } from "./Terms.ts"
import { indexed, words } from "./Words.ts"

const isFound = (query: string, text: string) => meets(parse(query), text)

const epoch = "0".repeat(26)
const open = (file: string, ofEpoch = epoch, head = 0) =>
  Effect.acquireRelease(
    Effect.sync(() => SearchFile.open(file, ofEpoch, head, 1000)),
    (index) => Effect.sync(() => index.close())
  )
const inDirectory = Effect.map(temporaryDirectory, (directory) => join(directory, "search.db"))

const document = (position: number, text: string, part: Partial<Document> = {}): Document => ({
  position,
  threadId: "thr_a",
  projectId: "prj_a",
  kind: "agent-message",
  at: position * 1000,
  passages: [text],
  ...part
})
const put = (index: SearchFile, ...documents: ReadonlyArray<Document>) =>
  index.put(documents.flatMap((document) => document.passages.map((_, n) => [document, n] as const)))
/** Over all parts, as the follower merges them. */
const found = (index: SearchFile, query: string, filter = {}, before = Number.MAX_SAFE_INTEGER, limit = 100) =>
  index.parts
    .flatMap(({ id }) => index.find(id, parse(query), filter, before, limit))
    .toSorted((a, b) => b.position - a.position)
    .slice(0, limit)
const positions = (...args: Parameters<typeof found>) => found(...args).map(({ position }) => position)
const finish = (step: () => boolean) => {
  while (step());
}
const bytes = (file: string) =>
  Buffer.concat(
    readdirSync(dirname(file))
      .filter((name) => name.startsWith("search.db"))
      .map((name) => readFileSync(join(dirname(file), name)))
  )

describe("words", () => {
  it.each([
    ["istanbul", "İSTANBUL"],
    ["İstanbul", "ISTANBUL"],
    ["ısparta", "Isparta ve ISPARTA"],
    ["strasse", "die Straße"],
    ["STRAẞE", "die strasse"],
    ["da nang", "Đà Nẵng".normalize("NFD")],
    ["Nẵng".normalize("NFD"), "Nẵng".normalize("NFC")],
    ["cafe", "un café"],
    ["сеть елка", "Ёлка и СЕТЬ"],
    ["ΣΊΣΥΦΟΣ", "ο Σίσυφος"],
    ["東京", "私は東京都に住む"],
    ["京都", "私は東京都に住む"],
    ["数据库", "我们的数据库很大"],
    ["ガギ", "ｶﾞｷﾞ"],
    ["สวัสดี", "คำว่าสวัสดีครับ"],
    ["한국", "한국어에서"],
    ["한국어에서".normalize("NFD"), "한국어에서"],
    ["محمد", "مُحَمَّد"],
    ["fine", "ﬁne"],
    ["h", "ℌ"],
    ["hyphen", "soft\u00adhyphen hy\u00adphen"],
    ["🎉", "done 🎉🎉"],
    ["read-only", "the read only mode"],
    ["src/main.ts", "in src/main.ts here"]
  ])("Q1 %j finds %j", (query, text) => {
    expect(isFound(query, text)).toBe(true)
  })

  it.each([
    ["京東", "私は東京都に住む"],
    ["か", "が"],
    ["हद", "हिन्दी"],
    ["ab", "a b"]
  ])("Q1 %j does not find %j", (query, text) => {
    expect(isFound(query, text)).toBe(false)
  })

  it("Q1 all words, the last as a prefix, phrases and exclusions", () => {
    const text = "The quick brown fox jumps over the lazy dog"
    for (const query of ["quick dog", "dog QUI", '"brown fox"', "fox -cat", '"brown fox', 'fox -"fox brown"', "jump", "fox *(^:"])
      expect(isFound(query, text), query).toBe(true)
    for (const query of ["quick cat", "qui dog", '"fox brown"', "fox -dog", 'fox -"lazy dog"', "j", "-cat", "", "*", '"jump"'])
      expect(isFound(query, text), query).toBe(false)
  })

  it("a long word is compared by its beginning", () => {
    expect(isFound(`${"a".repeat(64)}b`, "a".repeat(1000))).toBe(true)
    expect(indexed("a".repeat(1000))).toHaveLength(64)
  })
})

const letters = fc.constantFrom(
  "a",
  "B",
  "ß",
  "ss",
  "i",
  "İ",
  "ı",
  "é",
  "e\u0301",
  "東",
  "京",
  "ガ",
  "ｶﾞ",
  "đ",
  "σ",
  "ς",
  "1",
  "👍"
)
const word = fc.array(letters, { minLength: 1, maxLength: 2 }).map((parts) => parts.join(""))
const text = fc
  .array(fc.tuple(word, fc.constantFrom(" ", "\n", "-", ".", "_", "/", "\u0000")), { maxLength: 12 })
  .map((parts) => parts.flat().join(""))
const query = fc
  .array(fc.tuple(fc.constantFrom("", "", "-", '"', '-"'), word, fc.constantFrom(" ", " ", '"', '" ', "-", "*")), {
    maxLength: 5
  })
  .map((parts) => parts.flat().join(""))

describe("SearchFile", () => {
  it.live("Q1 the index finds what the terms mean, whatever is written in text and query", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const index = yield* open(yield* inDirectory)
        let next = 0
        fc.assert(
          fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), fc.array(query, { maxLength: 6 }), (texts, queries) => {
            const from = next
            const documents = texts.map((text) => document(++next, text))
            put(index, ...documents)
            for (const asked of queries) {
              const expected = documents
                .filter(({ passages }) => isFound(asked, passages[0] ?? ""))
                .map(({ position }) => position)
              expect(
                positions(index, asked).filter((position) => position > from),
                asked
              ).toEqual(expected.toReversed())
            }
            finish(() => index.merge(16))
          }),
          { numRuns: 200 }
        )
      })
    )
  )

  it.live("Q1 no query is an error", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const index = yield* open(yield* inDirectory)
        put(index, document(1, "text"))
        fc.assert(fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string()), (query) => void positions(index, query)))
        const odd = [
          "NEAR(a b)",
          "a AND",
          "text : a",
          "{text} : a",
          "a^b",
          'a" OR "b',
          "rowid:1",
          "*",
          "-",
          "+",
          "\u0000",
          "(",
          "a ".repeat(100)
        ]
        for (const query of odd) positions(index, query)
        expect(positions(index, "text : t")).toEqual([])
      })
    )
  )

  it.live("Q1 newest first, by thread, project and kind, in pages without repeats", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const index = yield* open(yield* inDirectory)
        const all = Array.from({ length: 50 }, (_, n) =>
          document(50 - n, `word ${n}`, {
            threadId: `thr_${n % 2}`,
            projectId: `prj_${n % 3}`,
            kind: n % 5 === 0 ? "command" : "plan"
          })
        )
        put(index, ...all, document(60, "x", { passages: ["word", "other word", "none"] }))
        const pages: Array<number> = []
        for (let before = Number.MAX_SAFE_INTEGER; ;) {
          const page = positions(index, "word", {}, before, 7)
          pages.push(...page)
          if (page.length < 7) break
          before = page.at(-1) ?? 0
        }
        expect(pages).toEqual([60, ...all.map(({ position }) => position)])
        const chosen = all.filter(
          ({ kind, projectId, threadId }) => threadId === "thr_1" && projectId === "prj_2" && kind === "command"
        )
        const filter = { threadId: "thr_1", projectId: "prj_2", kind: "command" }
        expect(positions(index, "word", filter)).toEqual(chosen.map(({ position }) => position))
        expect(positions(index, "word", { threadId: "thr_none" })).toEqual([])
        put(index, document(2 ** 40, "far"), document(2 ** 40 + 1, "far"))
        expect(positions(index, "far", {}, 2 ** 40 + 1)).toEqual([2 ** 40])
        expect(found(index, "other", {}, 100, 1)).toEqual([{ position: 60, passage: 1, threadId: "thr_a", at: 60_000 }])
        expect(maxPassages).toBeGreaterThanOrEqual(3)
      })
    )
  )

  it.live("Q1 a document that is put again replaces its earlier version", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const index = yield* open(yield* inDirectory)
        put(index, document(1, "", { passages: ["first", "second"] }))
        put(index, document(1, "third"))
        expect(["first", "second", "third"].map((word) => positions(index, word))).toEqual([[], [], [1]])
      })
    )
  )

  it.live("Q1 after forget and purge no word of the thread is in the file or its WAL", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = yield* inDirectory
        const index = yield* open(file)
        for (let n = 1; n <= 300; n++) {
          put(index, document(n, `zebrasecret${n} common`, { threadId: n % 3 === 0 ? "thr_gone" : "thr_kept" }))
          if (n % 20 === 0) finish(() => index.merge(8))
        }
        // An earlier version of a document is in another part than its last one.
        put(index, document(3, "replaced", { threadId: "thr_gone" }))
        expect(bytes(file).includes("zebrasecret")).toBe(true)
        finish(() => index.forget("thr_gone", 7))
        expect(positions(index, "zebrasecret300")).toEqual([])
        // A restart in between continues.
        index.close()
        const again = yield* open(file)
        finish(() => again.merge(4))
        expect(positions(again, "common", {}, 1000, 500)).toHaveLength(200)
        finish(() => again.forget("thr_kept", 1000))
        finish(() => again.merge(4))
        // The index stores a word without the letters that it shares with the word before it.
        for (const word of ["zebra", "common", "secret", "thr_gone", "thr_kept"])
          expect(bytes(file).includes(word), word).toBe(false)
      })
    )
  )

  it.live("L14 after a thread is forgotten, unused space is overwritten, also that which other documents change meanwhile", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = yield* inDirectory
        const index = yield* open(file)
        for (let n = 1; n <= 400; n++)
          put(index, document(n, `word${n} `.repeat(40), { threadId: n % 9 === 0 ? "thr_gone" : "thr_kept" }))
        finish(() => index.merge(8))
        index.close()
        // Text where SQLite leaves copies of cells: in the unused space of every page of a tree that has some.
        const content = readFileSync(file)
        const layout = PageGaps.layoutOf(content)!
        const pageOf = (n: number) => content.subarray((n - 1) * layout.pageSize, n * layout.pageSize)
        let planted = 0
        for (let n = 2; n <= content.length / layout.pageSize; n++) {
          const page = pageOf(n)
          const [start, end] = [12 + 2 * page.readUInt16BE(3), page.readUInt16BE(5)]
          if (!PageGaps.isTree(layout, n, pageOf(PageGaps.mapPageOf(layout, n)!)) || end - start < 20) continue
          page.write("zebra", start)
          planted++
        }
        expect(planted).toBeGreaterThan(3)
        writeFileSync(file, content)
        const again = yield* open(file)
        finish(() => again.merge(8))
        expect(bytes(file).includes("zebra")).toBe(true)
        finish(() => again.forget("thr_gone", 100))
        for (let n = 0; again.merge(4); n++)
          if (n % 5 === 0 && n < 40) put(again, document(1_000 + n, `word${n}`, { threadId: "thr_kept" }))
        expect(bytes(file).includes("zebra")).toBe(false)
        expect(positions(again, "word400")).toEqual([400])
      })
    )
  )

  it.live(
    "Q1 while another program reads the file, the words of a forgotten thread are known to be left, also after a restart",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = yield* inDirectory
          const index = yield* open(file)
          put(index, document(1, "zebra", { threadId: "thr_gone" }), document(2, "common"))
          finish(() => index.merge(8))
          const reader = Sqlite.openReader(file)
          reader.exec("BEGIN")
          reader.prepare("SELECT count(*) FROM documents").get()
          finish(() => index.forget("thr_gone", 7))
          expect(() => finish(() => index.merge(8))).toThrow("another program")
          expect(bytes(file).includes("zebra")).toBe(true)
          index.close()
          const again = yield* open(file)
          expect(() => finish(() => again.merge(8))).toThrow("another program")
          Sqlite.close(reader)
          finish(() => again.merge(8))
          expect(bytes(file).includes("zebra")).toBe(false)
          expect(positions(again, "common")).toEqual([2])
        })
      )
  )

  it.live("Q1 documents and progress are stored together or not at all", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = yield* inDirectory
        const index = yield* open(file)
        const documents = [document(1, "kept"), document(Number.NaN, "broken")]
        expect(() =>
          index.put(
            documents.map((document) => [document, 0] as const),
            { cursor: 9 }
          )
        ).toThrow()
        expect(index.progress).toEqual({ cursor: 0 })
        expect(positions(index, "kept")).toEqual([])
        // A progress that cannot be stored.
        expect(() => index.put([[document(1, "kept"), 0]], { cursor: 1n as never })).toThrow()
        expect(positions(index, "kept")).toEqual([])
        index.put([[document(1, "kept"), 0]], { cursor: 9 })
        index.close()
        const again = yield* open(file, epoch, 9)
        expect(again.progress).toEqual({ cursor: 9 })
        expect(positions(again, "kept")).toEqual([1])
      })
    )
  )

  it.live("Q1 a file that is damaged, of another log, of another version or ahead of the log is replaced", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = yield* inDirectory
        const fresh = { cursor: 9, rebuild: { from: 10, of: 9 } }
        const replaced = (spoil: () => void, ofEpoch = epoch, head = 9) =>
          Effect.scoped(
            Effect.gen(function* () {
              const index = yield* open(file, ofEpoch, 9)
              index.put([[document(1, "word"), 0]], { cursor: 9 })
              index.close()
              spoil()
              const next = yield* open(file, ofEpoch, head)
              return { progress: next.progress, found: positions(next, "word") }
            })
          )
        expect(yield* replaced(() => {})).toEqual({ progress: { cursor: 9 }, found: [1] })
        const cases = [
          () => writeFileSync(file, "no database at all".repeat(100)),
          () => writeFileSync(file, readFileSync(file).subarray(0, 5000)),
          () => writeFileSync(file, ""),
          () => {
            const db = Sqlite.openWriter(file, "NORMAL")
            db.exec("UPDATE state SET value = '0' WHERE key = 'version'")
            Sqlite.close(db)
          },
          () => {
            const db = Sqlite.openWriter(file, "NORMAL")
            db.exec("UPDATE state SET value = 'X' WHERE key = 'epoch'")
            Sqlite.close(db)
          }
        ]
        for (const spoil of cases) expect(yield* replaced(spoil)).toEqual({ progress: fresh, found: [] })
        expect(yield* replaced(() => {}, epoch, 8)).toEqual({ progress: { cursor: 8, rebuild: { from: 9, of: 8 } }, found: [] })
      })
    )
  )
})

describe("snippet", () => {
  const of = (text: string, query: string) => snippet(text, parse(query).all)

  it("Q1 is one line around the first place, with each place marked", () => {
    expect(of("one\ntwo  three", "two")).toBe("one \u2068two\u2069 three")
    const long = of(`${"before ".repeat(50)}the brown fox and a fox${" after".repeat(50)}`, '"brown fox" fox')
    expect(long).toMatch(/^….*the \u2068brown fox\u2069 and a \u2068fox\u2069 after.*…$/)
    expect(long.replaceAll(/[\u2068\u2069…]/g, "").length).toBeLessThanOrEqual(170)
    expect(of("no such place", "zebra")).toBe("no such place")
    expect(of("a\u2068b\u2069c\u202e\u001b[31m word", "word")).toBe("abc [31m \u2068word\u2069")
  })

  it("Q1 never cuts a grapheme, and a mark surrounds whole words", () => {
    const family = "👨‍👩‍👧‍👦"
    const families = of(`${family.repeat(40)} needle ${family.repeat(40)}`, "needle")
    expect(families.replaceAll(family, "")).toBe("… \u2068needle\u2069 …")
    const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" })
    fc.assert(
      fc.property(fc.array(fc.constantFrom(family, "é".normalize("NFD"), "a", " ", "東", "\n"), { maxLength: 200 }), (parts) => {
        const source = `${parts.join("")} needle ${parts.toReversed().join("")}`
        const out = of(source, "needle")
        expect(out).toContain("\u2068needle\u2069")
        expect(out.isWellFormed()).toBe(true)
        const known = new Set(Array.from(segments.segment(source.replaceAll(/\s+/g, " ")), ({ segment }) => segment))
        for (const { segment } of segments.segment(out.replaceAll(/[\u2068\u2069…]/g, "")))
          expect(known.has(segment), JSON.stringify(segment)).toBe(true)
      })
    )
  })

  it("the words of a text are where they are found", () => {
    const text = "Straße, İstanbul 東京 e\u0301te\u0301"
    for (const { end, start, word } of words(text)) expect(indexed(text.slice(start, end))).toBe(word)
  })
})
