/** How `serve` treats an untrusted project file that names commands or addresses. */
import { Effect } from "effect"
import * as TerminalQuestion from "../terminal/TerminalQuestion.ts"
import type { Decide } from "./ConfigurationFile.ts"
import { Output } from "../Output.ts"
import { line } from "../terminal/Style.ts"
import * as Trust from "./Trust.ts"

/** One line for each field. The text may be a stranger's: its control characters do not reach the terminal (X8). */
export const rows = (named: ReadonlyArray<Trust.Named>): string =>
  named.map(({ path, what }) => `  ${line(path, 100)}: ${line(what, 300)}`).join("\n")

const isTerminal = () => process.stdin.isTTY === true && process.stderr.isTTY === true

/** Accepts with `given` (the flag --project-config) or with earlier trust, else asks on a terminal. Prints what is ignored. */
export const decide = (dataDir: string, given: boolean): Effect.Effect<Decide, never, Output> =>
  Effect.map(
    Output,
    (output): Decide =>
      (file, content, named) =>
        Effect.gen(function* () {
          if (given || Trust.isTrusted(dataDir, content)) return true
          if (isTerminal()) {
            yield* output.note(`${line(file, 400)} names commands or addresses:\n${rows(named)}`)
            const typed = yield* Effect.orElseSucceed(
              TerminalQuestion.question("Trust this file in this directory? [y] yes  [n] no: "),
              () => "n"
            )
            if (/^y(es)?$/i.test(typed)) {
              yield* Trust.give(dataDir, content)
              return true
            }
          }
          yield* output.note(
            `Ignored in ${line(file, 400)}, which is not trusted yet:\n${rows(named)}\nTo use them: millrace config trust (until the content changes), or --project-config (this run only)`
          )
          return false
        })
  )
