/** The pictures of the README. `MILLRACE_PICTURES=1` writes them to docs/images. Otherwise they are discarded. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { serve, temporaryDirectory } from "@millrace/testing/ServerProcess"
import { writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { browser, type Device, pair, post } from "./support/Browser.ts"

const images = resolve(import.meta.dirname, "../../../docs/images")
const save = (name: string) => (process.env["MILLRACE_PICTURES"] === "1" ? { path: `${images}/${name}.png` } : {})

const answer = `[[think The person asks about water.]] [[say A millrace is the channel that leads water to the wheel.

1. The **gate** lets in what the wheel can take
2. The **race** carries every drop, once, in order

\`\`\`ts
export const next = (race: Race): Drop | undefined => race.drops.shift() // nothing is lost
\`\`\`
]] [[run ls packages]] [[say That is all.]]`

/** Its threads work in this checkout, where it must write nothing. */
const serving = Effect.flatMap(temporaryDirectory, (dataDir) => {
  writeFileSync(join(dataDir, "millrace.config.json"), '{"checkpoints": "off"}')
  return serve({ dataDir })
})

/** Shows a thread and takes its picture when this text appears. */
const picture = ({ page }: Device, url: string, text: string, name: string) =>
  Effect.promise(async () => {
    await page.goto(url)
    await page.getByText(text).first().waitFor()
    await page.locator("[data-item]").nth(2).waitFor()
    await page.locator(".connection.live").waitFor({ state: "attached" })
    await page.evaluate(() => document.fonts.ready)
    await page.screenshot({ animations: "disabled", ...save(name) })
  })

it.scopedLive(
  "D14 pages that open late show the current state without an error: an approval in light mode, a queue in dark mode, a phone",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, serving], { concurrency: 2 })
      const cwd = resolve(import.meta.dirname, "../../..")
      const begin = (title: string, text: string) =>
        Effect.map(
          post<{ readonly threadId: string }>(millrace, "/api/threads", { provider: "demo", title, cwd, turn: { text } }),
          ({ threadId }) => threadId
        )
      const race = yield* begin("What is a millrace?", answer)
      yield* begin("Update the changelog", "[[fail The model is overloaded]]")
      const long = yield* begin("Migrate the log", "[[plan Read the schema; Write it; Run the tests]] [[deltas 120 5]] [[hang]]")
      for (const text of ["Then write the release notes", "And say what changed"])
        yield* post(millrace, `/api/threads/${long}/turns`, { text })
      const at = (threadId: string) => `${millrace.url}/#/thread/${threadId}`
      const day = yield* pair(chrome, millrace, "laptop")
      yield* picture(day, at(race), "Accept for this session", "page")
      yield* Effect.promise(async () => {
        await day.context.grantPermissions(["clipboard-read", "clipboard-write"])
        await day.page.getByRole("button", { name: "Copy the code" }).press("Enter")
        await day.page.getByRole("button", { name: "Copied" }).waitFor()
        expect(await day.page.evaluate(() => navigator.clipboard.readText())).toBe(
          "export const next = (race: Race): Drop | undefined => race.drops.shift() // nothing is lost"
        )
      })
      const night = yield* pair(chrome, millrace, "night", { colorScheme: "dark" })
      yield* picture(night, at(long), "d120 ", "page-dark")
      const phone = yield* pair(chrome, millrace, "phone", {
        viewport: { width: 390, height: 780 },
        isMobile: true,
        hasTouch: true
      })
      yield* picture(phone, at(race), "Accept for this session", "page-phone")
      expect([...day.complaints, ...night.complaints, ...phone.complaints]).toEqual([])
    })
)
