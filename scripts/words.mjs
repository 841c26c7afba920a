// Checks comments, documents, titles of tests and messages for words that CONTRIBUTING.md replaces, and user documents for ids of invariants.
import { readFileSync } from "node:fs"
import { files as filesOf } from "./files.mjs"

const banned = [
  [/\bfor ever\b/i, "indefinitely, without a limit"],
  [/\b(goes|go|went|going) on\b/i, "continue"],
  [/\b(is|are|was|were|has|have) (over(?! \d| the)|gone)\b/i, "ended, deleted, exited, lost"],
  [/\b(tells|told|hears|heard)\b/i, "reports, returns, emits, receives"],
  [/\ba look\b/i, "a query, a read"],
  [/\bbeside\b/i, "next to, in addition to, separate"],
  [/\bwhoever\b|\bwho has it\b|\bwhat is not there\b/i, "the name of the thing"],
  [/\b(somebody|nobody|everybody)\b/i, "the name of the person or thing"],
  [/\bof (its|their|our) own(?= ?(?:[.,;:)]|and\b|but\b|$))/i, "separate, its own X"],
  [/\bunder way\b/i, "running, in flight, open"]
]
const invariantId = [[/\b[LDCTRPSXW]\d{1,2}\b/, "what it means: a user does not know the ids of invariants"]]

const files = filesOf("*.ts", "*.tsx", "*.mjs", "*.md").filter((file) => !/^CONTRIBUTING\.md$|^scripts\/words\.mjs$/.test(file))
const isUserDocument = (file) =>
  file.endsWith(".md") && !/^docs\/((architecture|testing|invariants)\.md$|decisions|benchmarks)/.test(file)
const isTest = (file) => /\.test\.tsx?$|\.real\.ts$|\/(test|suite|adapter-kit)\//.test(file)

/** The text without quoted code and quoted names. */
const unquoted = (text) => text.replace(/`[^`]*`|"[^"]*"/g, "")
const comment = (line) => /(?:^|\s)(?:\/\/|\/\*\*?|\*(?!\/)) (.*)$/.exec(line)?.[1] ?? ""
const title = /\b(?:it|test|describe)(?:\.\w+)*(?:\([^()]*\)(?=\())?\(\s*(["`'])(.*?)\1|["`]([LDCTRPSXW]\d{1,2} .*?)["`]/g
/** A sentence for a person: a capital, at least four words, a full stop. Prompts for agents say "go on" and are not messages. */
const message = /["`]([A-Z][^"`]*(?: [^"`\s]+){3,}[^"`]*\.)["`]/g
const isPrompt = (text) => /\bgo on\b/i.test(text)

/** The texts of a line that a person reads. */
const textsOf = (file, line) =>
  file.endsWith(".md")
    ? [unquoted(line)]
    : [
        unquoted(comment(line)),
        ...(isTest(file)
          ? [...line.matchAll(title)].map((found) => found[2] ?? found[3])
          : [...line.matchAll(message)].map((found) => found[1]).filter((text) => !isPrompt(text)))
      ]

let found = 0
for (const file of files)
  for (const [n, line] of readFileSync(file, "utf8").split("\n").entries())
    for (const text of textsOf(file, line))
      for (const [pattern, instead] of isUserDocument(file) ? [...banned, ...invariantId] : banned) {
        const match = pattern.exec(text)
        if (match === null) continue
        found++
        console.error(`${file}:${n + 1}: "${match[0]}": write ${instead}`)
      }
if (found > 0) process.exit(1)
console.log(`words: ${files.length} files`)
