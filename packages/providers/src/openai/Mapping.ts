/** Maps one answer of the model to native events: its texts as items. Also collects its calls, finish reason and usage. */
import type { Usage } from "@millrace/contracts/Item"
import * as Images from "../Images.ts"
import { budget, ItemText } from "../ItemText.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import type { ToolCall } from "./Transcript.ts"
import * as CallPieces from "./CallPieces.ts"
import type { AnswerPart } from "./AnswerPart.ts"
import * as TextDeduplicator from "./TextDeduplicator.ts"

export interface Mapping {
  /** Call in order. The caller handles `Failed` and `Other` itself. */
  readonly push: (said: Exclude<AnswerPart, { readonly _tag: "Failed" | "Other" }>) => ReadonlyArray<NativeEvent>
  /** Closes the open text at the end of the answer. */
  readonly close: () => ReadonlyArray<NativeEvent>
  /** The model's message text without reasoning, at most 128 Ki characters. */
  readonly text: () => string
  readonly calls: () => ReadonlyArray<ToolCall>
  /** Why the calls cannot be made; `undefined` when they can. */
  readonly refused: () => string | undefined
  readonly finish: () => string | undefined
  readonly usage: () => Usage | undefined
  /** Whether any text or call of the answer has arrived. */
  readonly begun: () => boolean
  /** Whether the answer has no text, no reasoning, no call and no image. White space does not count as text. */
  readonly empty: () => boolean
}

interface Open {
  readonly kind: "agent-message" | "reasoning"
  readonly part: string
  readonly nativeItemId: string
}

/** `name`: name of the answer within its turn. */
export const make = (nativeTurnId: string, name: string): Mapping => {
  const spoken = new ItemText(budget())
  const texts = TextDeduplicator.make()
  const calls = CallPieces.make(nativeTurnId, name)
  /** Ids of the images of the answer. */
  const images = new Set<string>()
  let items = 0
  let open: Open | undefined
  let finish: string | undefined
  let usage: Usage | undefined

  const close = (): ReadonlyArray<NativeEvent> => {
    if (open === undefined) return []
    const { kind, nativeItemId } = open
    open = undefined
    // The normaliser has the text, from the deltas.
    return [{ _tag: "ItemCompleted", nativeTurnId, nativeItemId, kind, status: "completed", content: {} }]
  }
  const textPiece = (said: Extract<AnswerPart, { readonly _tag: "Text" }>): ReadonlyArray<NativeEvent> => {
    const { kind, part } = said
    const text = texts.take(said)
    if (text === "") return []
    const before = open?.kind === kind && open.part === part ? [] : close()
    open ??= { kind, part, nativeItemId: `${name} ${++items}` }
    if (kind === "agent-message") spoken.append(text)
    return [...before, { _tag: "ItemDelta", nativeTurnId, nativeItemId: open.nativeItemId, kind, text }]
  }

  const image = ({ base64, id, mediaType }: Extract<AnswerPart, { readonly _tag: "Image" }>): ReadonlyArray<NativeEvent> => {
    if (images.has(id)) return []
    images.add(id)
    const shown = new Images.Shown()
    const text = shown.add({ mediaType, base64 })
    const nativeItemId = `${name} ${++items}`
    const done = { _tag: "ItemCompleted", nativeTurnId, nativeItemId, kind: "image", status: "completed" } as const
    return [...close(), { ...done, content: { text }, files: shown.files }]
  }

  return {
    push: (said) => {
      switch (said._tag) {
        case "Text":
          return textPiece(said)
        case "Call":
          calls.push(said)
          return []
        case "Image":
          return image(said)
        case "Usage":
          usage = said.usage
          return []
        case "Finish":
          finish = said.reason
          return []
      }
    },
    close,
    text: () => spoken.continue("agent-message", {}).text ?? "",
    calls: calls.all,
    refused: calls.refused,
    finish: () => finish,
    usage: () => usage,
    begun: () => items > 0 || calls.all().length > 0,
    empty: () => !texts.some() && calls.all().length === 0 && images.size === 0
  }
}

const sum = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : a + b

/** The sum of the usages of a turn with several answers. */
export const added = (a: Usage | undefined, b: Usage | undefined): Usage | undefined => {
  if (a === undefined || b === undefined) return a ?? b
  const keys = ["inputTokens", "cachedInputTokens", "outputTokens", "reasoningTokens", "totalTokens"] as const
  return Object.fromEntries(
    keys.flatMap((key) => {
      const total = sum(a[key], b[key])
      return total === undefined ? [] : [[key, total]]
    })
  )
}
