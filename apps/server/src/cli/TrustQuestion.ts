/** What `serve` does with a project's file that names commands or addresses and was not trusted before. */
import { Effect } from "effect"
import * as Ask from "./Ask.ts"
import type { Decide } from "./ConfigurationFile.ts"
import { Output } from "./Output.ts"
import { line } from "./Style.ts"
import * as Trust from "./Trust.ts"

/** One line for each field. An agent's or a stranger's text: no control of it reaches the terminal (X8). */
export const rows = (named: ReadonlyArray<Trust.Named>): string =>
  named.map(({ path, what }) => `  ${line(path, 100)}: ${line(what, 300)}`).join("\n")

const isTerminal = () => process.stdin.isTTY === true && process.stderr.isTTY === true

/** `given`: the person said --project-config. Asks on a terminal; without one it says what is left out. */
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
              Ask.question("Trust this file in this directory? [y] yes  [n] no: "),
              () => "n"
            )
            if (/^y(es)?$/i.test(typed)) {
              yield* Trust.give(dataDir, content)
              return true
            }
          }
          yield* output.note(
            `Left out of ${line(file, 400)}, which nobody trusted yet:\n${rows(named)}\nTo use them: millrace config trust (once for this content), or --project-config (this time)`
          )
          return false
        })
  )
