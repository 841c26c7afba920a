/** A directory for one test. */
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-log-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)
