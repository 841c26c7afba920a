/** Approvals on the page: a changed command, a reason for a decline, and a rule that answers later approvals. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { browser, log, pair, server } from "./support/Browser.ts"

it.scopedLive(
  "X11 T13 a person edits a command, refuses with a reason, and always allows: the thread's next such request is answered",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
      const { complaints, page } = yield* pair(chrome, millrace, "laptop")
      yield* Effect.promise(async () => {
        await page.getByLabel("Prompt").fill("[[run echo one]] [[run echo two]] [[run echo three]] [[run echo three]]")
        await page.keyboard.press("Enter")
        await page.getByRole("button", { name: "Edit the command" }).click()
        await page.getByLabel("Command", { exact: true }).fill("echo uno")
        await page.getByRole("button", { name: "Accept", exact: true }).click()
        const second = page.getByRole("region", { name: "Request: Run: echo two" })
        await second.getByLabel("Reason, if you decline").fill("not this one")
        await second.getByRole("button", { name: "Decline" }).click()
        await page.getByRole("button", { name: "Always allow in this thread: command echo three" }).click()
        await page.locator(".turn-end.completed").first().waitFor()
      })
      const answers = (yield* log(millrace)).filter(({ type }) => type === "request.answered").map(({ data }) => data)
      expect(answers).toMatchObject([
        { decision: "accept", input: { command: "echo uno" } },
        { decision: "decline", reason: "not this one" },
        { decision: "accept", by: "laptop" },
        { decision: "accept", by: "rule command echo three" }
      ])
      expect(complaints).toEqual([])
    })
)
