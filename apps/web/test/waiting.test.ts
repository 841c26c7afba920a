import { expect, it } from "@effect/vitest"
import { serve, temporaryDirectory } from "@millrace/testing/ServerProcess"
import { Effect } from "effect"
import { browser, log, pair, post, server } from "./support/Browser.ts"

it.scopedLive(
  "R7 L11 the page shows why a turn waits, and asks before it archives a thread that runs or has an open request",
  () =>
    Effect.gen(function* () {
      const serving = Effect.flatMap(temporaryDirectory, (dataDir) => serve({ dataDir, args: ["--agents", "1"] }))
      const [chrome, millrace] = yield* Effect.all([browser, serving], { concurrency: 2 })
      let commands = 0
      const send = (type: string, body: object) =>
        post<{ readonly threadId: string }>(millrace, "/api/commands", { commandId: `waiting-${++commands}`, type, ...body })
      const begin = (text: string) => send("thread.create", { provider: "demo", cwd: millrace.dataDir, turn: { text } })
      const { complaints, page } = yield* pair(chrome, millrace, "laptop")
      const go = (threadId: string) => Effect.promise(() => page.goto(`${millrace.url}/#/thread/${threadId}`))

      const first = yield* begin("[[ask May I?]]")
      yield* go(first.threadId)
      const confirm = page.getByRole("alertdialog", { name: "Archive this thread?" })
      yield* Effect.promise(async () => {
        await page.locator("section.request").waitFor()
        await page.getByRole("button", { name: "Archive", exact: true }).click()
        await confirm.getByText("A request is open: it stays open, and the turn waits for its answer.").waitFor()
        await confirm.getByRole("button", { name: "Keep" }).click()
        await confirm.waitFor({ state: "detached" })
      })
      expect((yield* log(millrace)).filter(({ type }) => type === "thread.archived")).toEqual([])

      // The only place is taken: the second thread waits, and the page shows the reason.
      const second = yield* begin("[[sleep 600000]]")
      yield* go(second.threadId)
      const why = page.locator(".queue li").first().locator(".why")
      yield* Effect.promise(() => why.waitFor())
      const answer = yield* Effect.promise(async () => {
        const headers = { authorization: `Bearer ${millrace.token}` }
        const response = await fetch(`${millrace.url}/api/threads/${second.threadId}`, { headers })
        return (await response.json()) as { readonly waiting?: { readonly reason: string; readonly message: string } }
      })
      expect(answer.waiting?.reason).toBe("agents")
      expect(yield* Effect.promise(() => why.textContent())).toBe(answer.waiting?.message)
      yield* send("thread.rename", { threadId: second.threadId, title: "still waiting" })
      yield* Effect.promise(async () => {
        await page.getByRole("heading", { name: "still waiting" }).waitFor()
        await why.waitFor()
      })

      yield* go(first.threadId)
      yield* Effect.promise(async () => {
        await page.getByRole("button", { name: "Archive", exact: true }).click()
        await confirm.getByRole("button", { name: "Archive anyway" }).click()
        await page.getByText("This thread is archived.").waitFor()
        // The archived thread still shows its open request.
        await page.locator("section.request").waitFor()
      })
      yield* send("turn.interrupt", { threadId: first.threadId })
      yield* go(second.threadId)
      yield* Effect.promise(async () => {
        await page.locator(".badge.running").first().waitFor()
        await why.waitFor({ state: "detached" })
        await page.getByRole("button", { name: "Archive", exact: true }).click()
        await confirm.getByText("A turn is running: it continues in the archive.").waitFor()
      })
      expect(complaints).toEqual([])
    })
)

it.scopedLive("T13 several answers to one question are selected, deselected, and sent together with a typed one", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const { complaints, page } = yield* pair(chrome, millrace, "laptop")
    const text = "[[ask Which colours? | Red | Green | Blue]]"
    const body = { commandId: "multiple", type: "thread.create", provider: "demo", cwd: millrace.dataDir, turn: { text } }
    const { threadId } = yield* post<{ readonly threadId: string }>(millrace, "/api/commands", body)
    yield* Effect.promise(async () => {
      await page.goto(`${millrace.url}/#/thread/${threadId}`)
      const card = page.locator("section.request")
      await card.getByText("Choose one or more").waitFor()
      // A click on the question selects no answer.
      await card.getByText("Which colours?").last().click()
      const pressed = () => card.locator("[aria-pressed=true]").allTextContents()
      expect(await pressed()).toEqual([])
      for (const name of ["Blue", "Red", "Green", "Blue"]) await card.getByRole("button", { name, exact: true }).click()
      expect(await pressed()).toEqual(["Red", "Green"])
      await card.getByPlaceholder("Another answer").fill("a warm grey")
      expect(await pressed()).toEqual(["Red", "Green"])
      await page.keyboard.press("Enter")
      await page.getByText("You answered: Red, Green, a warm grey").waitFor()
    })
    const answered = (yield* log(millrace)).filter(({ type }) => type === "request.answered")
    expect(answered.map(({ data }) => data)).toMatchObject([{ answers: { answer: ["Red", "Green", "a warm grey"] } }])
    expect(complaints).toEqual([])
  })
)
