// A program that holds a host: one turn of the demo agent, then an end in order. Run it with `node --import tsx packages/host/examples/embed.mjs`.
import { createHost } from "@millrace/host/createHost"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const dataDir = mkdtempSync(join(tmpdir(), "millrace-embed-"))
const host = await createHost({ dataDir, providers: { codex: false } })

const turn = { text: process.argv[2] ?? "[[say hello from the mill]]" }
const { threadId, cursor } = await host.dispatch({ commandId: "c1", type: "thread.create", provider: "demo", cwd: dataDir, turn })

for await (const frame of host.subscribe({ stream: `thread/${threadId}`, after: cursor, delivery: "lossless", capacity: 16 })) {
  if (frame._tag !== "event") continue
  if (frame.event.type === "item.delta") process.stdout.write(frame.event.data.text)
  if (/^turn\.(completed|interrupted|failed)$/.test(frame.event.type)) break
}

const report = await host.shutdown({ deadline: "5 seconds", mode: "drain" })
console.log(`\n${report.head} events, ${report.sessions} session, everything committed: ${report.drained}`)
await host.close()
rmSync(dataDir, { recursive: true })
