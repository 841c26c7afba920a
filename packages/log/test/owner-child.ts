/** Tries to own the directory named by its first argument, prints the result, and keeps it until its standard input ends. */
import { Effect } from "effect"
import * as DataDirectory from "@millrace/log/DataDirectory"

const program = Effect.gen(function* () {
  yield* DataDirectory.make(process.argv[2] ?? "")
  process.stdout.write(`${JSON.stringify({ won: process.pid })}\n`)
  yield* Effect.async<void>((resume) => {
    process.stdin.on("end", () => resume(Effect.void)).resume()
  })
}).pipe(
  Effect.scoped,
  Effect.catchTag("DataDirectoryOwned", (error) =>
    Effect.sync(() => process.stdout.write(`${JSON.stringify({ lost: error.pid ?? null, message: error.message })}\n`))
  )
)

Effect.runFork(program).addObserver((exit) => {
  if (exit._tag === "Failure") process.stderr.write(`${String(exit.cause)}\n`)
  process.exitCode = exit._tag === "Success" ? 0 : 1
})
