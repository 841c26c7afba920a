import axe from "axe-core"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Chromium from "../../test/clients/Chromium.ts"
import { isWanted, launch } from "../../test/clients/Reading.ts"
import { send } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"

it.scopedLive("C7 X1 /docs has every operation and every schema, and loads only files of this server", () =>
  Effect.gen(function* () {
    const { url } = yield* Hosted.start()
    const { body, headers } = yield* send(`${url}/docs`)
    const document = JSON.parse((yield* send(`${url}/openapi.json`)).body) as {
      readonly paths: Record<string, Record<string, { readonly operationId: string }>>
      readonly components: { readonly schemas: object }
    }
    const ids = Object.values(document.paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId))
    for (const id of ids) expect(body).toContain(`<details id="${id}">`)
    for (const name of Object.keys(document.components.schemas)) expect(body).toContain(`<details id="schema-${name}">`)
    expect(headers["content-security-policy"]).toContain("default-src 'none'")
    expect((yield* send(`${url}/docs.js`)).headers["content-type"]).toBe("text/javascript; charset=utf-8")
  })
)

it.scopedLive("C7 X1 the forms of /docs send a request with a token, by keyboard, in dark and light, on a narrow screen", () =>
  Effect.gen(function* () {
    if (!isWanted("chromium", Chromium.isThere)) return
    const { dataDir, host, token, url } = yield* Hosted.start()
    const browser = yield* launch
    yield* Effect.promise(async () => {
      const tab = await browser.newPage({ viewport: { width: 320, height: 640 } })
      tab.setDefaultTimeout(0)
      const foreign: Array<string> = []
      tab.on("request", (request) => {
        if (!request.url().startsWith(url) && !request.url().startsWith("data:")) foreign.push(request.url())
      })
      await tab.goto(`${url}/docs#createThread`)
      const form = tab.locator("#createThread form")
      await form.locator("textarea").fill(JSON.stringify({ provider: "demo", cwd: dataDir }))
      await tab.focus("#createThread-body")
      await tab.keyboard.press("Tab")
      await tab.keyboard.press("Enter")
      await form.locator("output", { hasText: "401" }).waitFor()
      await tab.fill("#token", token)
      await form.getByText("Send", { exact: true }).focus()
      await tab.keyboard.press("Enter")
      await form.locator("output", { hasText: '"status": "accepted"' }).waitFor()
      await form.getByText("Copy as curl").click()
      expect(await form.locator("output").textContent()).toMatch(
        /^curl -sS -X POST '.*\/api\/threads' -H "authorization: Bearer \$TOKEN"/
      )
      await tab.goto(`${url}/docs#schema-TurnCompletedEvent`)
      expect(await tab.locator("#schema-TurnCompletedEvent pre").isVisible()).toBe(true)
      expect(await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true)
      await tab.evaluate(axe.source)
      await tab.evaluate(`for (const part of document.querySelectorAll("#events, #createThread")) part.open = true`)
      // Copies of the same elements, which take axe a minute.
      await tab.evaluate(`for (const part of document.querySelectorAll("details:not([open])")) part.remove()`)
      for (const colorScheme of ["light", "dark"] as const) {
        await tab.emulateMedia({ colorScheme })
        const { violations } = await tab.evaluate<axe.AxeResults>(`axe.run(document, { resultTypes: ["violations"] })`)
        expect(
          violations.map(({ id, nodes }) => [
            colorScheme,
            id,
            nodes.map(({ html }) => html.slice(0, 200)).slice(0, 3),
            nodes[0]?.failureSummary
          ])
        ).toEqual([])
      }
      expect(foreign).toEqual([])
    })
    expect((yield* host.threads({})).items).toHaveLength(1)
  })
)
