import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { browser, log, pair, post, said, server, shown, threadOf } from "./support/Browser.ts"

it.scopedLive(
  "D12 T4 a goal is set, continues by itself, is paused, resumed and met in the page; a running turn shows the tokens used so far",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
      const { complaints, page } = yield* pair(chrome, millrace, "laptop")
      const goal = page.getByRole("region", { name: "Goal" })
      const aim = async (objective: string) => {
        await page.getByLabel("Prompt").fill(objective)
        await page.getByRole("button", { name: "Set as goal" }).click()
      }
      yield* Effect.promise(async () => {
        await page.getByLabel("Prompt").fill("[[deltas 100000 20]]")
        await page.keyboard.press("Enter")
        await page
          .locator(".usage")
          .getByText(/^\d+ in, \d+ out tokens$/)
          .waitFor()
      })
      yield* post(millrace, `/api/threads/${threadOf(page.url())}/interrupt`)
      yield* Effect.promise(async () => {
        await page.locator(".turn-end").waitFor()
        await page.locator(".usage").waitFor({ state: "detached" })
        // The turn is shorter than the minimum interval between turns of a goal, so the next one is scheduled.
        await aim("[[say I am not there yet]]")
        await goal.getByText("1 of 25 turns").waitFor()
        await goal.getByText("next turn at").waitFor()
        expect(await page.locator(".badge.queued").count()).toBe(1)
        await goal.getByRole("button", { name: "Pause" }).click()
        await goal.getByText("Goal, paused").waitFor()
        await page.locator(".badge.idle").waitFor()
        await goal.getByRole("button", { name: "Resume" }).click()
        await goal.getByRole("button", { name: "Pause" }).waitFor()
        await goal.getByRole("button", { name: "Remove" }).click()
        await goal.waitFor({ state: "detached" })
        await aim("[[say It is done.\n\nGOAL COMPLETE]]")
        await goal.getByText("Goal met").waitFor()
        await page.locator(".turn-end").nth(2).waitFor()
      })
      const events = yield* log(millrace)
      const objective = yield* Effect.promise(() => goal.locator("[data-text]").textContent())
      const met = events.find(({ type }) => type === "goal.met")?.data as { readonly objective: string } | undefined
      expect(objective).toBe(met?.objective)
      const expected = said(events, threadOf(page.url()))
      expect(yield* shown(page)).toEqual(expected)
      // A new snapshot shows the same.
      const folded = yield* Effect.promise(() => goal.textContent())
      const other = yield* pair(chrome, millrace, "other")
      yield* Effect.promise(() => other.page.goto(page.url()))
      expect(yield* Effect.promise(() => other.page.getByRole("region", { name: "Goal" }).textContent())).toBe(folded)
      expect([...complaints, ...other.complaints]).toEqual([])
    })
)
