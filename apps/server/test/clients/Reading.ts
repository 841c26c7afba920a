/** Reads the log with a client in the way its users do, and reports the events that the user did not get. */
import { Effect, type Scope } from "effect"
import { type Browser, chromium } from "playwright-core"
import { event, type Fixture } from "../support/Fixture.ts"
import { executable } from "./Chromium.ts"
import type * as SseClients from "./SseClients.ts"

/** In CI every program must be installed. Elsewhere the tests of a missing program are skipped with a message. */
export const isWanted = (name: string, isThere: boolean): boolean => {
  if (isThere || process.env["CI"] !== undefined) return true
  process.stderr.write(`\nNOT TESTED: ${name} is not installed (apt-get install ${name}). CI tests with it.\n\n`)
  return false
}

export const launch: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({ executablePath: executable, args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"] })
  ),
  (browser) => Effect.promise(() => browser.close())
)

export interface Reader {
  /** The messages that the client has delivered so far. */
  readonly messages: ReadonlyArray<SseClients.Message>
  /** Returns when the messages so far satisfy this. */
  readonly until: (holds: (messages: ReadonlyArray<SseClients.Message>) => boolean) => Effect.Effect<void>
}

/** Follows the log until the scope closes. */
export const follow = (client: SseClients.SseClient, url: string): Effect.Effect<Reader, never, Scope.Scope> =>
  Effect.gen(function* () {
    const messages: Array<SseClients.Message> = []
    const watchers = new Set<() => void>()
    yield* Effect.acquireRelease(
      Effect.promise(() =>
        client.open(url, (message) => {
          messages.push(message)
          for (const watch of watchers) watch()
        })
      ),
      (close) => Effect.sync(close)
    )
    return {
      messages,
      until: (holds) =>
        Effect.async<void>((resume) => {
          const watch = () => {
            if (holds(messages)) resume(Effect.void)
          }
          watchers.add(watch)
          watch()
          return Effect.sync(() => watchers.delete(watch))
        })
    }
  })

/** All messages up to the first that reports the end of the log. */
export const read = (client: SseClients.SseClient, url: string): Effect.Effect<ReadonlyArray<SseClients.Message>> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { messages, until } = yield* follow(client, url)
      yield* until((all) => all.at(-1)?.type === "caught-up")
      return messages
    })
  )

const isJson = (text: string): boolean => {
  try {
    return typeof JSON.parse(text) === "object"
  } catch {
    return false
  }
}

/** Events of the log that are missing, repeated or different from the committed ones, and messages that are not events. */
export const wrong = (messages: ReadonlyArray<SseClients.Message>, jsons: ReadonlyArray<string>): ReadonlyArray<string> => {
  const events = messages.filter(({ type }) => type === "message")
  const order = events.map(({ data }) => jsons.indexOf(data)).filter((at) => at >= 0)
  const times = (json: string) => events.filter(({ data }) => data === json).length
  return [
    ...jsons.flatMap((json, at) => (times(json) === 0 ? [`lost ${at + 1}`] : times(json) > 1 ? [`repeated ${at + 1}`] : [])),
    ...order.flatMap((at, n) => (at < (order[n - 1] ?? 0) ? [`out of order ${at + 1}`] : [])),
    ...events.flatMap(({ data }) => (jsons.includes(data) ? [] : [`not an event: ${data.slice(0, 80)}`])),
    // The first frame of a connection absorbs what `eventsource` 2 kept from the previous one.
    ...messages.flatMap(({ data, type }) => (type === "open" || isJson(data) ? [] : [`${type}: ${data.slice(0, 80)}`]))
  ]
}

/** Commits `count` events of several sizes, after `from` existing ones. */
export const fill = ({ append }: Pick<Fixture, "append">, count: number, from = 0): Effect.Effect<void> =>
  Effect.gen(function* () {
    const text = "Grüße aus dem Mühlbach 水車 🛶 "
    for (let n = from + 1; n <= from + count; n++) yield* append(event(n, "thread/thr_a", { text: text.repeat(1 + (n % 9)) }))
  })

/** The committed JSON of each event. */
export const jsonsOf = ({ log }: Pick<Fixture, "log">): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(Effect.orDie(log.read({ after: 0, limit: 10_000, maxBytes: 1e9 })), ({ events }) => events.map(({ json }) => json))
