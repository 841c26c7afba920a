/** Runs a backup (`backup DATA DIR STEP N`) or a restore that replaces (`restore DATA DIR STEP N`). Prints a line when it begins; kills itself when it reaches the step for the Nth time. */
import { Effect } from "effect"
import { backup } from "@millrace/log/internal/backup/Backup"
import { restore } from "@millrace/log/internal/backup/Restore"

const [, , operation, dataDir = "", directory = "", at = "", times = "1"] = process.argv

let reached = 0
const onStep = (step: string) => {
  if (step === at && ++reached === Number(times)) process.kill(process.pid, "SIGKILL")
}

process.stdout.write("begun\n")
await Effect.runPromise(
  operation === "backup"
    ? Effect.asVoid(backup({ dataDir, target: directory, onStep }))
    : Effect.asVoid(restore({ dataDir, source: directory, replace: true, check: () => Effect.succeed([]), onStep }))
)
