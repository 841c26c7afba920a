/** Entry point of `millrace`: installs signal handlers, runs the command line, exits with its code. */
import * as Fibers from "@millrace/host/Fibers"
import { Effect, Exit } from "effect"
import * as Cli from "./cli/Cli.ts"
import * as ProcessSignals from "./cli/ProcessSignals.ts"

ProcessSignals.install()

Effect.runFork(Fibers.withServerRuntime(Cli.run(process.argv.slice(2)))).addObserver((exit) =>
  process.exit(Exit.getOrElse(exit, () => 1))
)
