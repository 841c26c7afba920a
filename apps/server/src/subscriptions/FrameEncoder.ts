/** Encodes the frames of the subscribers of one transport. A page is encoded once for all of them (EncodedPageCache.ts). */
import { Effect, type Scope } from "effect"
import { type EventFilter, filterKey } from "@millrace/contracts/Filter"
import type { Page } from "@millrace/log/EventLog"
import { make as makeCache, type EncodedPageCache } from "./EncodedPageCache.ts"
import type { Subscriber } from "./Subscribers.ts"
import type { FollowFrame } from "./Subscription.ts"

/** A frame whose bytes belong to one subscriber. */
export type ControlFrame = Exclude<FollowFrame, { readonly _tag: "page" | "encoded" }>

export interface FrameEncoder {
  /** Pass the cache to the subscriptions of the transport, so that they do not read a cached page again. */
  readonly pages: EncodedPageCache
  /** The encoder of one subscriber. Counts its bytes. */
  readonly of: (filter: EventFilter, subscriber: Subscriber) => (frame: FollowFrame) => Buffer
}

/** `page` encodes the events of a page, at least one. The cache lives in the scope. */
export const make = (encode: {
  readonly page: (page: Page) => Buffer
  readonly control: (frame: ControlFrame) => Buffer
}): Effect.Effect<FrameEncoder, never, Scope.Scope> =>
  Effect.map(makeCache, (pages) => ({
    pages,
    of: (filter, subscriber) => {
      const key = filterKey(filter)
      const bytesOf = (frame: FollowFrame): Buffer => {
        switch (frame._tag) {
          case "encoded":
            return frame.bytes
          case "page":
            return pages.of(frame.page, key, () => encode.page(frame.page))
          default:
            return encode.control(frame)
        }
      }
      return (frame) => {
        const bytes = bytesOf(frame)
        subscriber.bytes += bytes.length
        return bytes
      }
    }
  }))

/**
 * The UTF-8 of these texts, one after the other, written piece by piece. A page as one string would first be flattened and copied, which takes fifteen
 * times as long (decision 0109).
 */
export const encodeTexts = (texts: ReadonlyArray<string>): Buffer => {
  const bytes = Buffer.allocUnsafeSlow(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0))
  let at = 0
  for (const text of texts) at += bytes.write(text, at)
  return bytes
}
