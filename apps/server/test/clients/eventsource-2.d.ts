declare module "eventsource-2" {
  /** The part that the tests use; the package has no types. */
  export default class EventSource {
    constructor(url: string)
    addEventListener(type: string, listener: (event: { readonly data?: unknown; readonly lastEventId?: string }) => void): void
    close(): void
  }
}
