import { expect, it } from "@effect/vitest"
import { temporaryDirectory, serve } from "@millrace/testing/ServerProcess"
import * as LongThread from "@millrace/testing/LongThread"
import { Effect } from "effect"
import { browser, log, pair, said, shown } from "./support/Browser.ts"

const items = 50_000

it.scopedLive(
  "D10 a thread of 50,000 items",
  () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const [chrome] = yield* Effect.all([browser, LongThread.write({ dataDir, items, perTurn: 100, cwd: dataDir })], {
        concurrency: 2
      })
      const millrace = yield* serve({ dataDir })
      const { complaints, page } = yield* pair(chrome, millrace, "laptop")
      const t0 = Date.now()
      yield* Effect.promise(async () => {
        await page.goto(`${millrace.url}/#/thread/${LongThread.threadId}`)
        await page.locator(`[data-item="itm_long_${items - 1}"]`).waitFor()
        console.log("open", Date.now() - t0)
        const r = await page.evaluate(async () => {
          const rows = document.querySelector(".rows") as HTMLElement
          const frame = () => new Promise<number>((done) => requestAnimationFrame(done))
          const tasks: number[] = []
          new PerformanceObserver((l) => {
            for (const e of l.getEntries()) tasks.push(e.duration)
          }).observe({ entryTypes: ["longtask"] })
          const t = performance.now()
          let last = await frame(),
            gaps: number[] = [],
            nodes = 0
          const trace: Array<unknown> = []
          let first = 0
          while (performance.now() - t < 90_000) {
            rows.scrollTop = Math.max(0, rows.scrollTop - 4000)
            const now = await frame()
            gaps.push(now - last)
            last = now
            if (gaps.length % 10 === 0) nodes = Math.max(nodes, document.querySelectorAll("*").length)
            if (gaps.length % 200 === 0)
              trace.push([
                Math.round(performance.now() - t),
                rows.scrollTop,
                rows.scrollHeight,
                rows.querySelector("[data-item]")?.getAttribute("data-item"),
                Math.round(Math.max(...gaps.slice(-200)))
              ])
            if (rows.querySelector('[data-item="itm_long_0"]')) {
              first = performance.now() - t
              break
            }
          }
          gaps.sort((a, b) => b - a)
          tasks.sort((a, b) => b - a)
          return {
            first,
            frames: gaps.length,
            gaps: gaps.slice(0, 10),
            p99: gaps[Math.floor(gaps.length / 100)],
            tasks: tasks.slice(0, 10),
            nodes,
            trace
          }
        })
        console.log(JSON.stringify(r, null, 1))
      })
      expect(complaints).toEqual([])
      void log
      void said
      void shown
    }),
  240_000
)
