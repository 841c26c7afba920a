/** The `millrace` program: the scheduler that leaves the event loop room, the command line, and the exit. */
import { Effect, Exit, Scheduler } from "effect"
import * as Cli from "./cli/Cli.ts"
import * as Signals from "./cli/Signals.ts"

Signals.install()

// The default scheduler starves timers and sockets (docs/decisions/0003).
const scheduler = Scheduler.makeBatched((drain) => setImmediate(drain))

Effect.runFork(Cli.run(process.argv.slice(2)), { scheduler }).addObserver((exit) => process.exit(Exit.getOrElse(exit, () => 1)))
