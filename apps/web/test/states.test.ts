/** The page in every state of failure or absence: each one is shown in a defined way. */
import { expect, it } from "@effect/vitest"
import { ThreadId } from "@millrace/contracts/Ids"
import { forget } from "@millrace/testing/ForgottenEvents"
import { serve, temporaryDirectory } from "@millrace/testing/ServerProcess"
import { Deferred, Effect } from "effect"
import { dirname } from "node:path"
import { browser, log, open, pair, post, said, server, shown, threadOf } from "./support/Browser.ts"

/** Ignores the browser's own errors for a refused connection or an error status. */
const own = (complaints: ReadonlyArray<string>) =>
  complaints.filter((one) => !/ERR_CONNECTION|WebSocket connection|status of (401|403)/.test(one))

it.scopedLive(
  "X1 X3 a browser without a session sees how to get one; one with a session sees an empty list, and a part that is not there; a revoked one is notified at once",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
      const context = yield* Effect.acquireRelease(
        Effect.promise(() => chrome.newContext()),
        (one) => Effect.promise(() => one.close())
      )
      const guest = yield* open(context, `${millrace.url}/`)
      const { url } = yield* post<{ readonly url: string }>(millrace, "/api/pair", { name: "guest" })
      yield* Effect.promise(async () => {
        const { page } = guest
        await page.getByText("This browser is not paired").waitFor()
        await page.getByLabel("Pairing link or code").fill("wrong")
        await page.getByRole("button", { name: "Pair" }).click()
        // A wrong code shows a page of the server; the browser's back button returns.
        await page.goto(`${millrace.url}/`)
        await page.getByText("This browser is not paired").waitFor()
        await page.getByLabel("Pairing link or code").fill(url)
        await page.getByRole("button", { name: "Pair" }).click()
        await page.getByText("Welcome to Millrace").waitFor()
        await page.getByText("No threads yet.").waitFor()
        for (const [view, words] of [
          ["requests", "No open requests."],
          ["sessions", "No live sessions."]
        ] as const) {
          await page.goto(`${millrace.url}/#/${view}`)
          await page.getByText(words).waitFor()
        }
        // A client that is not an administrator sees no other device.
        await page.goto(`${millrace.url}/#/settings`)
        await page.locator(".tokens li").getByText("this browser").waitFor()
        expect(await page.locator(".tokens li").count()).toBe(1)
        // A part of the page that cannot be loaded: the page says why, and tries again when asked.
        const part = /assets\/(Log|Agents)-/
        await page.route(part, (route) => route.abort("connectionrefused"))
        await page.route(`${millrace.url}/`, (route) => route.abort("connectionrefused"))
        await page.goto(`${millrace.url}/#/log`)
        await page.getByText("because the server does not answer").waitFor()
        await page.route(`${millrace.url}/`, (route) => route.fulfill({ body: "<script src=/assets/index-newer.js>" }))
        await page.goto(`${millrace.url}/#/agents`)
        await page.getByText("The server has a newer version of this page.").waitFor()
        await page.unrouteAll()
        await page.getByRole("button", { name: "Try again" }).click()
        await page.getByRole("heading", { name: "Agents" }).waitFor()
      })
      const tokens = (yield* Effect.promise(async () =>
        (await fetch(`${millrace.url}/api/tokens`, { headers: { authorization: `Bearer ${millrace.token}` } })).json()
      )) as ReadonlyArray<{ readonly id: string; readonly name: string; readonly revokedAt?: string }>
      for (const { id } of tokens.filter(({ name }) => name === "guest")) yield* post(millrace, `/api/tokens/${id}/revoke`)
      yield* Effect.promise(() => guest.page.getByText("This browser is not paired").waitFor())
      expect(own(guest.complaints)).toEqual([])
    })
)

it.scopedLive(
  "X3 a stream that is refused on the connection of a revoked session: the page says that it is not paired, and continues",
  () =>
    Effect.gen(function* () {
      const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
      const { url } = yield* post<{ readonly url: string }>(millrace, "/api/pair", { name: "guest" })
      const context = yield* Effect.acquireRelease(
        Effect.promise(() => chrome.newContext()),
        (one) => Effect.promise(() => one.close())
      )
      let refuses = false
      let refused = 0
      const twice = yield* Deferred.make<void>()
      yield* Effect.promise(async () => {
        // The hub then runs in the page, whose sockets can be routed.
        await context.addInitScript("delete window.SharedWorker")
        await context.routeWebSocket(/\/rpc/, (socket) => {
          const upstream = socket.connectToServer()
          socket.onMessage((text) => {
            const { id, tag } = JSON.parse(String(text)) as { readonly id?: string; readonly tag?: string }
            if (!refuses || tag !== "follow") return upstream.send(text)
            const error = { _tag: "Forbidden", message: "The token was revoked." }
            socket.send(
              JSON.stringify({ _tag: "Exit", requestId: id, exit: { _tag: "Failure", cause: { _tag: "Fail", error } } })
            )
            if (++refused === 2) Deferred.unsafeDone(twice, Effect.void)
          })
          // The server cuts the connection only after the page has asked on it.
          upstream.onClose(() => {})
        })
      })
      const { page } = yield* open(context, url)
      yield* Effect.promise(() => page.locator(".connection.live").waitFor())
      refuses = true
      const tokens = (yield* Effect.promise(async () =>
        (await fetch(`${millrace.url}/api/tokens`, { headers: { authorization: `Bearer ${millrace.token}` } })).json()
      )) as ReadonlyArray<{ readonly id: string; readonly name: string }>
      for (const { id } of tokens.filter(({ name }) => name === "guest")) yield* post(millrace, `/api/tokens/${id}/revoke`)
      yield* Effect.raceFirst(
        Deferred.await(twice),
        Effect.promise(() => page.locator(".banner.failed").waitFor())
      )
      expect(yield* Effect.promise(() => page.getByText("This browser is not paired").isVisible())).toBe(true)
    })
)

it.scopedLive("T13 two people answer at once: one answer is accepted, and both see the same result", () =>
  Effect.gen(function* () {
    const [chrome, millrace] = yield* Effect.all([browser, server], { concurrency: 2 })
    const ann = yield* pair(chrome, millrace, "ann")
    const bob = yield* pair(chrome, millrace, "bob")
    yield* Effect.promise(async () => {
      await ann.page.getByLabel("Prompt").fill("[[run echo one]] [[deltas 100000 50]]")
      await ann.page.keyboard.press("Enter")
      const accept = ann.page.getByRole("button", { name: "Accept", exact: true })
      await accept.waitFor()
      await bob.page.goto(ann.page.url())
      const decline = bob.page.getByRole("button", { name: "Decline" })
      await decline.waitFor()
      // Dispatched directly: a click waits for a stable page, and by then the other answer has removed the button.
      const buttons = await Promise.all([accept.elementHandle(), decline.elementHandle()])
      await Promise.all(buttons.map((button) => button?.evaluate((one: HTMLElement) => one.click())))
    })
    const taken = yield* Effect.promise(async () => {
      const words = await Promise.all([ann, bob].map(({ page }) => page.locator(".settled").last().textContent()))
      expect(words[0]).toBe(words[1])
      return words[0] ?? ""
    })
    const answers = (yield* log(millrace)).filter(({ type }) => type === "request.answered")
    expect(answers.length).toBe(1)
    const { by, decision } = (answers[0]?.data ?? {}) as { readonly by: string; readonly decision: string }
    expect(taken).toContain(`${decision}, answered by ${by}`)
    yield* Effect.promise(async () => {
      await ann.page.getByRole("button", { name: "Interrupt" }).click()
      for (const { page } of [ann, bob]) await page.locator(".turn-end.interrupted").waitFor()
    })
    const expected = said(yield* log(millrace), threadOf(ann.page.url()))
    for (const { complaints, page } of [ann, bob]) {
      expect(yield* shown(page)).toEqual(expected)
      expect(own(complaints)).toEqual([])
    }
  })
)

it.scopedLive(
  "D3 S9 the server shuts down in order and retention removes events that the page has not read: the page reports both and shows the current state; missing agents show what they need",
  () =>
    Effect.gen(function* () {
      const [chrome, dataDir] = yield* Effect.all([browser, temporaryDirectory])
      const first = yield* serve({ dataDir, env: { PATH: dirname(process.execPath) } })
      const port = new URL(first.url).port
      const { complaints, page } = yield* pair(chrome, first, "laptop")
      yield* Effect.promise(async () => {
        // Only the demo agent is installed. The other agents show what they need.
        await page.goto(`${first.url}/#/agents`)
        await page.getByText("Only the demo agent is installed").waitFor()
        await page.getByText("To fix:").first().waitFor()
        await page.goto(`${first.url}/#/`)
        await page.getByLabel("Prompt").fill("[[say all of it]] [[deltas 100000 10]]")
        await page.keyboard.press("Enter")
        await page.getByText("d40 ").waitFor()
      })
      const threadId = threadOf(page.url())
      yield* post(first, "/api/shutdown", { deadlineMs: 4_000 })
      yield* Effect.promise(() => page.getByText("The server is shutting down. Accepted").waitFor())
      yield* first.ended
      const before = yield* Effect.promise(() => page.locator(".foot .offset").textContent())
      yield* forget(dataDir, ThreadId.make(threadId))
      const second = yield* serve({ dataDir, port })
      yield* Effect.promise(async () => {
        await page.getByText("offline for longer than the log is retained").waitFor()
        await page.locator(".connection.live").waitFor()
        await page.getByText("The server is shutting down. Accepted").waitFor({ state: "detached" })
        await page.locator(".turn-end").waitFor()
        expect(await page.locator(".foot .offset").textContent()).not.toBe(before)
      })
      const items = yield* Effect.promise(
        async () =>
          (await (
            await fetch(`${second.url}/api/threads/${threadId}/items`, { headers: { authorization: `Bearer ${second.token}` } })
          ).json()) as { readonly items: ReadonlyArray<{ readonly itemId: string; readonly text: string }> }
      )
      expect(yield* shown(page)).toEqual(Object.fromEntries(items.items.map(({ itemId, text }) => [itemId, [text]])))
      expect(own(complaints)).toEqual([])
    })
)
