import { expect, it } from "@effect/vitest"
import { serve, temporaryDirectory } from "@millrace/testing/ServerProcess"
import { Effect } from "effect"
import { browser, log, pair, said, shown, threadOf } from "./support/Browser.ts"

it.scopedLive(
  "T2 D2 C2 the server is killed in mid-turn: the page reports it, messages sent meanwhile wait, and with the next server it shows the turn's end and everything once",
  () =>
    Effect.gen(function* () {
      const [chrome, dataDir] = yield* Effect.all([browser, temporaryDirectory])
      const first = yield* serve({ dataDir })
      const { complaints, page } = yield* pair(chrome, first, "laptop")
      yield* Effect.promise(async () => {
        await page.getByLabel("Prompt").fill("[[say **before** the fall]] [[deltas 100000 10]]")
        await page.keyboard.press("Enter")
        await page.getByText("d40 ").waitFor()
      })
      const threadId = threadOf(page.url())
      yield* first.kill("SIGKILL")
      yield* first.ended
      yield* Effect.promise(async () => {
        await page.getByText("No connection. You see the last known state").waitFor()
        // No event ends the turn, so it is shown as before.
        expect(await page.locator(".turn-end").count()).toBe(0)
        await page.getByLabel("Prompt").fill("[[say and **after** it]]")
        await page.getByRole("button", { name: "Queue" }).click()
        // Each tab retries when the network is back.
        await page.evaluate(() => {
          for (let tab = 0; tab < 5; tab++) window.dispatchEvent(new Event("online"))
        })
      })
      const second = yield* serve({ dataDir, port: new URL(first.url).port })
      yield* Effect.promise(async () => {
        await page.locator(".turn-end").nth(1).waitFor()
        await page.locator(".connection.live").waitFor()
        await page.getByText("No connection.").waitFor({ state: "detached" })
      })
      const metrics = yield* Effect.promise(async () => {
        const answer = await fetch(`${second.url}/metrics`, { headers: { authorization: `Bearer ${second.token}` } })
        return answer.text()
      })
      expect(metrics).toMatch(/^millrace_followers\{transport="rpc"[^}]*\} 1$/m)
      const events = yield* log(second)
      const ends = events.filter(({ type }) => /^turn\.(completed|interrupted|failed)$/.test(type))
      const why = (ends[0]?.data as { reason?: string; error?: { message: string } } | undefined) ?? {}
      expect(ends.length).toBe(2)
      expect(ends[0]?.type).not.toBe("turn.completed")
      expect(yield* Effect.promise(() => page.locator(".turn-end").first().textContent())).toContain(
        why.error?.message ?? why.reason ?? "a reason"
      )
      expect(events.filter(({ type }) => type === "turn.requested").length).toBe(2)
      const expected = said(events, threadId)
      expect(Object.values(expected).flat()).toContain("and **after** it")
      expect(Object.values(expected).flat()).toContain("**before** the fall")
      expect(yield* shown(page)).toEqual(expected)
      // A new tab shows the same.
      yield* Effect.promise(async () => {
        await page.reload()
        await page.locator(".turn-end").nth(1).waitFor()
        await page.locator(".connection.live").waitFor()
        // The page resumes from the saved cursor.
        expect(await page.locator(".banner").allTextContents()).toEqual([])
      })
      expect(yield* shown(page)).toEqual(expected)
      // Ignores the browser's own errors for a refused connection.
      expect(complaints.filter((one) => !/ERR_CONNECTION|WebSocket connection/.test(one))).toEqual([])
    })
)
