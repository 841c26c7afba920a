// Checks the comments of the code and the documents for words that CONTRIBUTING.md replaces. Names of tests, decisions and benchmarks are not checked.
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

const banned = [
  [/\bfor ever\b/i, "indefinitely, without a limit"],
  [/\b(goes|go|went|going) on\b/i, "continue"],
  [/\b(is|are|was|were|has|have) (over(?! \d| the)|gone)\b/i, "ended, deleted, exited, lost"],
  [/\b(tells|told|hears|heard)\b/i, "reports, returns, emits, receives"],
  [/\ba look\b/i, "a query, a read"],
  [/\bbeside\b/i, "next to, in addition to, separate"],
  [/\bwhoever\b|\bwho has it\b|\bwhat is not there\b/i, "the name of the thing"]
]

const files = execFileSync("git", ["ls-files", "*.ts", "*.tsx", "*.mjs", "*.md"], { encoding: "utf8" })
  .trim()
  .split("\n")
  .filter(
    (file) =>
      !/(^docs\/(decisions|benchmarks|invariants)|\.test\.tsx?$|\.real\.ts$|\/test\/|\/suite\/|^CONTRIBUTING\.md$|^scripts\/words\.mjs$)/.test(
        file
      )
  )

/** The text that a person reads: a document whole, less quoted names of tests, and of code the comments. */
const textOf = (file, line) =>
  (file.endsWith(".md") ? line : (/(?:^|\s)(?:\/\/|\/\*\*?|\*(?!\/)) (.*)$/.exec(line)?.[1] ?? "")).replace(
    /`[^`]*`|"[^"]*"/g,
    ""
  )

let found = 0
for (const file of files)
  for (const [n, line] of readFileSync(file, "utf8").split("\n").entries())
    for (const [pattern, instead] of banned) {
      const match = pattern.exec(textOf(file, line))
      if (match === null) continue
      found++
      console.error(`${file}:${n + 1}: "${match[0]}": write ${instead}`)
    }
if (found > 0) process.exit(1)
console.log(`words: ${files.length} files`)
