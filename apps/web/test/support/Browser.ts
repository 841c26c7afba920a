/** A real browser for tests, and queries of a page. Everything ends with the scope. */
import type { LogEvent } from "@millrace/contracts/Event"
import { serve, type ServerProcess, temporaryDirectory } from "@millrace/testing/ServerProcess"
import { Effect, type Scope } from "effect"
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { executable } from "./Chromium.ts"

const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

export const browser: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => chromium.launch({ executablePath: executable, args: flags })),
  (one) => Effect.promise(() => one.close())
)

/** A server with an empty log. */
export const server = Effect.flatMap(temporaryDirectory, (dataDir) => serve({ dataDir }))

const headers = ({ token }: Pick<ServerProcess, "token">) => ({
  authorization: `Bearer ${token}`,
  "content-type": "application/json"
})

export const post = <A>(to: Pick<ServerProcess, "url" | "token">, path: string, body: unknown = {}): Effect.Effect<A> =>
  Effect.promise(async () => {
    const response = await fetch(`${to.url}${path}`, { method: "POST", headers: headers(to), body: JSON.stringify(body) })
    return (await response.json()) as A
  })

/** The log at this time. */
export const log = (of: Pick<ServerProcess, "url" | "token">): Effect.Effect<ReadonlyArray<LogEvent>> =>
  Effect.promise(async () => (await (await fetch(`${of.url}/api/events`, { headers: headers(of) })).json()) as Array<LogEvent>)

export interface Device {
  readonly context: BrowserContext
  readonly page: Page
  /** Console errors, script errors and requests to other origins; a correct page has none. */
  readonly complaints: ReadonlyArray<string>
}

/** The time limit for a page to show the expected text, in milliseconds. On any machine only a page that hangs needs so long. */
const patience = 180_000

/** Another page of the same browser profile: it shares the hub. */
export const open = (context: BrowserContext, url: string): Effect.Effect<Device> =>
  Effect.promise(async () => {
    const complaints: Array<string> = []
    const page = await context.newPage()
    page.setDefaultTimeout(patience)
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text())
    })
    page.on("pageerror", (error) => complaints.push(String(error)))
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== new URL(url).origin && !request.url().startsWith("data:"))
        complaints.push(request.url())
    })
    await page.goto(url)
    return { context, page, complaints }
  })

/** A separate browser profile, paired by a link with this name. */
export const pair = (
  from: Browser,
  to: Pick<ServerProcess, "url" | "token">,
  name: string,
  options: BrowserContextOptions = {}
): Effect.Effect<Device, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { url } = yield* post<{ readonly url: string }>(to, "/api/pair", { name })
    const context = yield* Effect.acquireRelease(
      Effect.promise(() => from.newContext({ viewport: { width: 1280, height: 800 }, ...options })),
      (one) => Effect.promise(() => one.close())
    )
    return yield* open(context, url)
  })

/** The thread id in the page's URL. */
export const threadOf = (url: string): string => /thr_[\w-]+/.exec(url)?.[0] ?? ""

/** The texts that the page shows of each item, by item id. */
export const shown = (page: Page): Effect.Effect<Readonly<Record<string, ReadonlyArray<string>>>> =>
  Effect.promise(() =>
    page
      .locator("[data-item]")
      .evaluateAll((items) =>
        Object.fromEntries(
          items.map((item) => [
            item.getAttribute("data-item") ?? "",
            Array.from(item.querySelectorAll("[data-text]"), (node) => node.textContent ?? "")
          ])
        )
      )
  )

/** The same from the log: completed items of a thread, and the text so far of open ones. */
export const said = (events: ReadonlyArray<LogEvent>, threadId: string): Readonly<Record<string, ReadonlyArray<string>>> => {
  const items = new Map<string, Array<string>>()
  for (const { data, stream, type } of events) {
    if (stream !== `thread/${threadId}` || !type.startsWith("item.")) continue
    const item = data as { readonly itemId: string; readonly kind: string; text?: string; command?: string; output?: string }
    const before = items.get(item.itemId) ?? [""]
    if (type === "item.delta") items.set(item.itemId, [...before.slice(0, -1), (before.at(-1) ?? "") + (item.text ?? "")])
    else if (item.kind === "command")
      items.set(
        item.itemId,
        item.output === undefined || item.output === "" ? [item.command ?? ""] : [item.command ?? "", item.output]
      )
    else items.set(item.itemId, [item.text ?? ""])
  }
  return Object.fromEntries(items)
}
