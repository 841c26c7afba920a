/** Entry point of `millrace`: installs signal handlers, runs the command line, exits with its code. */
import * as Fibers from "@millrace/host/Fibers"
import { Effect, Exit } from "effect"
import * as Cli from "./cli/Cli.ts"
import * as Signals from "./cli/Signals.ts"

Signals.install()

Effect.runFork(Fibers.arranged(Cli.run(process.argv.slice(2)))).addObserver((exit) => process.exit(Exit.getOrElse(exit, () => 1)))
