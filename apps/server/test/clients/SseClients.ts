/** Common clients of server-sent events. They differ in how they parse, store ids and reconnect. An edge: their callbacks and timers. */
import { fetchEventSource } from "@microsoft/fetch-event-source"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import { Effect, Schedule, Stream } from "effect"
import EventSource2 from "eventsource-2"
import { EventSource as EventSource3 } from "eventsource-3"
import { EventSource as EventSource4 } from "eventsource-4"
import { EventSource as EventSource5 } from "eventsource-5"
import { createParser } from "eventsource-parser"
import type { Page } from "playwright-core"
import { EventSource as UndiciEventSource } from "undici"

/** A message as the client delivers it to its caller's `onmessage` or listener. */
export interface Message {
  readonly type: string
  readonly id: string
  readonly data: string
}

export interface SseClient {
  readonly name: string
  /** Follows the whole log from its start, reconnects after a cut, and stops when the returned function is called. */
  readonly open: (url: string, got: (message: Message) => void) => Promise<() => void>
}

const types = ["message", "open", "caught-up", "heartbeat", "signal", "bye", "end"]

interface Source {
  readonly addEventListener: (
    type: string,
    listener: (event: { readonly data?: unknown; readonly lastEventId?: string }) => void
  ) => void
  readonly close: () => void
}

const eventSource = (name: string, make: (url: string) => Source): SseClient => ({
  name,
  open: (url, got) => {
    const source = make(`${url}/api/events`)
    for (const type of types)
      source.addEventListener(type, ({ data, lastEventId }) => {
        // The connection's own `open` event has the same name and no data.
        if (typeof data === "string") got({ type, id: lastEventId ?? "", data })
      })
    return Promise.resolve(() => source.close())
  }
})

/** This client is for browsers: `openWhenHidden` ignores the page's visibility, and it uses the timers of `window`. */
const fetchEventSourceClient: SseClient = {
  name: "@microsoft/fetch-event-source",
  open: (url, got) => {
    const nothing = () => undefined
    Object.assign(globalThis, { window: globalThis, document: { addEventListener: nothing, removeEventListener: nothing } })
    const controller = new AbortController()
    void fetchEventSource(`${url}/api/events`, {
      openWhenHidden: true,
      fetch: globalThis.fetch,
      signal: controller.signal,
      onmessage: ({ data, event, id }) => got({ type: event === "" ? "message" : event, id, data }),
      // This client does not reconnect after an ordered end, unless its caller throws.
      onclose: () => {
        throw new Error("closed")
      }
    })
    return Promise.resolve(() => controller.abort())
  }
}

/** Only a parser: its user stores the id of the last event and reconnects with a new parser. */
const parserClient: SseClient = {
  name: "eventsource-parser 4",
  open: (url, got) => {
    const controller = new AbortController()
    let last: string | undefined
    let retry = 1000
    const attach = async () => {
      const headers = { accept: "text/event-stream", ...(last === undefined ? {} : { "last-event-id": last }) }
      const response = await fetch(`${url}/api/events`, { headers, signal: controller.signal })
      const decoder = new TextDecoder()
      const parser = createParser({
        onEvent: ({ data, event, id }) => {
          last = id ?? last
          got({ type: event ?? "message", id: id ?? "", data })
        },
        onRetry: (millis) => (retry = millis)
      })
      for await (const bytes of response.body ?? []) parser.feed(decoder.decode(bytes, { stream: true }))
    }
    const again = () => {
      if (controller.signal.aborted) return
      void attach()
        .catch(() => undefined)
        .then(() => setTimeout(again, retry))
    }
    again()
    return Promise.resolve(() => controller.abort())
  }
}

const ours: SseClient = {
  name: "@millrace/client",
  open: (url, got) => {
    const client = Client.make(HttpTransport.make({ url }), { follow: { schedule: Schedule.spaced("10 millis") } })
    const fiber = Effect.runFork(
      Stream.runForEach(client.follow({}), (frame) =>
        Effect.sync(() =>
          got(
            frame._tag === "event"
              ? { type: "message", id: frame.cursor, data: JSON.stringify(frame.event) }
              : { type: frame._tag, id: "", data: JSON.stringify(frame) }
          )
        )
      )
    )
    return Promise.resolve(() => fiber.unsafeInterruptAsFork(fiber.id()))
  }
}

export const inNode: ReadonlyArray<SseClient> = [
  eventSource("eventsource 2", (url) => new EventSource2(url)),
  eventSource("eventsource 3", (url) => new EventSource3(url)),
  eventSource("eventsource 4", (url) => new EventSource4(url)),
  eventSource("eventsource 5", (url) => new EventSource5(url)),
  eventSource("undici", (url) => new UndiciEventSource(url)),
  fetchEventSourceClient,
  parserClient,
  ours
]

/** The browser's EventSource. Its page is `/health`, so it has the same origin. `onAsk`: called at each request for events. */
export const inBrowser = (newPage: () => Promise<Page>, onAsk: () => void = () => undefined): SseClient => ({
  name: "Chromium",
  open: async (url, got) => {
    const page = await newPage()
    await page.exposeFunction("got", got)
    page.on("request", (request) => {
      if (request.url().endsWith("/api/events")) onAsk()
    })
    await page.goto(`${url}/health`)
    await page.evaluate((types) => {
      const browser = globalThis as unknown as {
        readonly EventSource: new (url: string) => Source
        readonly got: (message: Message) => void
      }
      const source = new browser.EventSource("/api/events")
      for (const type of types)
        source.addEventListener(type, ({ data, lastEventId }) => {
          if (typeof data === "string") browser.got({ type, id: lastEventId ?? "", data })
        })
    }, types)
    return () => void page.close()
  }
})
