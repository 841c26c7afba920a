declare module "eventsource-2" {
  /** What the tests use of it: it has no types of its own. */
  export default class EventSource {
    constructor(url: string)
    addEventListener(type: string, listener: (event: { readonly data?: unknown; readonly lastEventId?: string }) => void): void
    close(): void
  }
}
