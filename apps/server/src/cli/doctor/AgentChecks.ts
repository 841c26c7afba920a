/** The checks of agents: whether each is installed and signed in. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ProviderStatus } from "@millrace/contracts/State"
import { Effect } from "effect"
import * as Connect from "../client/Connect.ts"
import type { Check } from "./Check.ts"

/** The check of one agent. */
export const agent = (provider: ProviderStatus): Check => {
  const name = `agent ${provider.provider}`
  const version = provider.version ?? ""
  if (provider.installed && provider.signedIn !== "no") return { name, status: "ok", found: version === "" ? "ready" : version }
  const found = provider.installed ? `${version} not signed in` : "not installed"
  return provider.fix === undefined ? { name, status: "note", found } : { name, status: "note", found, fix: provider.fix }
}

/** Probes the agents of this machine with a host embedded over a temporary directory. */
export const agents = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-doctor-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const { millrace } = yield* Connect.serverOrEmbedded({ dataDir: directory, url: undefined })
  return (yield* millrace.providers).map(agent)
})
