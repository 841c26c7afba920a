/**
 * From the commit of a delta to the screen: one turn of 500 deltas at 50 a second, in the page of a real browser on the same machine as the server. The page's clock
 * and the log's are the same machine's; a delta counts as shown when the frame after its text is painted. Prints the figures, writes
 * docs/benchmarks/web.{json,md}.
 */
import type { LogEvent } from "@millrace/contracts/Event"
import { Effect } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { join, resolve } from "node:path"
import { chromium, type Page } from "playwright-core"
import { serve } from "../ServerProcess.ts"
import { temporaryDirectory } from "../TemporaryDirectory.ts"

const deltas = 500
const everyMillis = 20
const targetMillis = 100
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))
const at = (sorted: ReadonlyArray<number>, share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

/** Text that runs in the page and records when each `dN` was painted first, in milliseconds since 1970. */
const watch = `(() => {
  const seen = (window.seenDeltas = [])
  const look = () => {
    const text = [...document.querySelectorAll(".item-agent-message [data-text]")].at(-1)?.textContent ?? ""
    const last = Number(/d(\\d+)\\s*$/.exec(text)?.[1] ?? 0)
    if (last > seen.length) {
      const to = last
      requestAnimationFrame(() => {
        const channel = new MessageChannel()
        channel.port1.onmessage = () => {
          const now = performance.timeOrigin + performance.now()
          while (seen.length < to) seen.push(now)
        }
        channel.port2.postMessage(0)
      })
    }
  }
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true })
})()`

const turn = async (page: Page, link: string) => {
  await page.goto(link)
  await page.getByLabel("Prompt").fill("hello")
  await page.keyboard.press("Enter")
  await page.locator(".turn-end").waitFor()
  await page.evaluate(watch)
  await page.getByLabel("Prompt").fill(`[[deltas ${deltas} ${everyMillis}]]`)
  await page.keyboard.press("Enter")
  await page.locator(".turn-end").nth(1).waitFor()
  return (await page.evaluate("window.seenDeltas")) as ReadonlyArray<number>
}

export const run = Effect.scoped(
  Effect.gen(function* () {
    yield* Effect.sync(() => execFileSync(process.execPath, [resolve(import.meta.dirname, "../../../../scripts/build.mjs")]))
    const { token, url } = yield* serve({ dataDir: yield* temporaryDirectory })
    const headers = { authorization: `Bearer ${token}` }
    const browser = yield* Effect.acquireRelease(
      Effect.promise(() =>
        chromium.launch({ executablePath: process.env["MILLRACE_CHROMIUM"] ?? "/usr/bin/chromium", args: flags })
      ),
      (one) => Effect.promise(() => one.close())
    )
    const json = (path: string, method = "GET") =>
      Effect.promise(async () => (await (await fetch(`${url}${path}`, { method, headers })).json()) as unknown)
    const link = (yield* json("/api/pair", "POST")) as { readonly url: string }
    const page = yield* Effect.promise(() => browser.newPage())
    const shown = yield* Effect.promise(() => turn(page, link.url))
    const log = (yield* json("/api/events")) as ReadonlyArray<LogEvent>
    const waits = log.flatMap(({ at: committed, data, type }) => {
      if (type !== "item.delta") return []
      const numbers = [...(data as { readonly text: string }).text.matchAll(/\bd(\d+) /g)].map(([, n]) => Number(n))
      return numbers.flatMap((n) => {
        const painted = shown[n - 1]
        return painted === undefined ? [] : [painted - Date.parse(committed)]
      })
    })
    const sorted = waits.toSorted((a, b) => a - b)
    const ms = (share: number) => `${at(sorted, share).toFixed(0)} ms`
    const load = loadavg()[0] ?? Number.NaN
    const results = {
      version: process.versions.node,
      cores: cpus().length,
      load,
      shown: waits.length,
      deltas,
      everyMillis,
      median: at(sorted, 0.5),
      p95: at(sorted, 0.95),
      p99: at(sorted, 0.99),
      longest: at(sorted, 1),
      target: targetMillis,
      held: waits.length === deltas && at(sorted, 1) < targetMillis
    }
    const held = results.held ? "held" : "missed"
    yield* say(
      `a delta's way from its commit to the screen, ${waits.length} of ${deltas} at ${1000 / everyMillis} a second: median ${ms(0.5)}, ` +
        `95 % ${ms(0.95)}, 99 % ${ms(0.99)}, longest ${ms(1)}; target ${targetMillis} ms: ${held}; load ${load.toFixed(1)}`
    )
    yield* Effect.sync(() => {
      const folder = resolve(import.meta.dirname, "../../../../docs/benchmarks")
      writeFileSync(join(folder, "web.json"), `${JSON.stringify(results, null, 2)}\n`)
      writeFileSync(
        join(folder, "web.md"),
        `# From the commit to the screen, measured

Written by \`pnpm bench web\`; the same figures are in [web.json](web.json). Absolute figures depend on the machine and its load.

One turn of ${deltas} deltas, one every ${everyMillis} ms, in the page of a real browser (headless Chromium) on the machine of the server. From \`at\` of the delta's event, which is taken before its commit, to the end of the first frame
that shows its text; both clocks are this machine's. Node ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), load average ${load.toFixed(1)}.

| deltas shown | median | 95 % | 99 % | longest |
| --- | --- | --- | --- | --- |
| ${waits.length} of ${deltas} | ${ms(0.5)} | ${ms(0.95)} | ${ms(0.99)} | ${ms(1)} |

Target: the longest below ${targetMillis} ms: **${held}**.
`
      )
      spawnSync(resolve(folder, "../../node_modules/.bin/oxfmt"), [folder])
    })
  })
)
