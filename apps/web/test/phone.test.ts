import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { phone, fits } from "./support/Phone.ts"
import { browser, log, pair, said, server, shown, threadOf } from "./support/Browser.ts"

const long = `[[say ${"word".repeat(60)} and a table

| a | b | c | d | e | f |
|---|---|---|---|---|---|
| ${"one | ".repeat(6)}

\`\`\`ts
${"const wide = 1; ".repeat(20)}
\`\`\`
https://example.org/${"path/".repeat(40)}
]] [[run printf '${"x".repeat(200)}']] [[ask ${"Which one of all? ".repeat(12)}]] [[say Thank you]]`

it.scopedLive("T13 D14 the whole flow on a phone: begin, approve, answer, send again; no view is wider than the screen", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const { complaints, page } = yield* pair(chrome, millrace, "phone", phone)
    yield* Effect.promise(async () => {
      await page.getByText("Welcome to Millrace").waitFor()
      await fits(page, "home")
      await page.getByLabel("Prompt").fill(long)
      await page.getByRole("button", { name: "Start" }).tap()
      const accept = page.getByRole("button", { name: "Accept", exact: true })
      await accept.waitFor()
      await fits(page, "approval")
      await accept.tap()
      await page.locator(".question input").fill("the second")
      await fits(page, "question")
      await page.getByRole("button", { name: "Answer" }).tap()
      await page.locator(".turn-end").waitFor()
      await fits(page, "thread")
      await page.getByLabel("Prompt").fill("[[say again]]")
      await page.getByRole("button", { name: "Send" }).tap()
      await page.locator(".turn-end").nth(1).waitFor()
    })
    const url = page.url()
    yield* Effect.promise(async () => {
      await page.getByRole("link", { name: "All threads" }).tap()
      await page.getByLabel("Search threads").waitFor()
      await fits(page, "home with threads")
      for (const view of ["Requests", "Log", "Agents", "Sessions", "Settings"]) {
        await page.getByRole("link", { name: view }).tap()
        await page.getByRole("heading", { name: view, exact: true }).waitFor()
        if (view === "Log") await page.locator("button.line").last().tap()
        if (view === "Settings") await page.getByRole("button", { name: "Create a link" }).tap()
        if (view === "Settings") await page.getByRole("img", { name: "QR code" }).waitFor()
        await fits(page, view)
        await page.getByRole("link", { name: "All threads" }).tap()
      }
      await page.goto(url)
      await page.locator(".turn-end").nth(1).waitFor()
    })
    const expected = said(yield* log(millrace), threadOf(url))
    const here = yield* shown(page)
    expect(Object.values(here).flat()).toContain("again")
    for (const [id, text] of Object.entries(here)) expect([id, text]).toEqual([id, expected[id]])
    expect(complaints).toEqual([])
  })
)
