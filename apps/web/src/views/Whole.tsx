/** The rest of long values: an event has the beginning of a value over 64 KiB, and the server has the whole under its hash. */
import { useState } from "react"
import type { Blob } from "@millrace/contracts/Blob"
import type { ItemView } from "@millrace/contracts/Item"
import { text } from "../store/Http.ts"

/** Maximum bytes that the page shows of one value. A longer value is a download. */
const maxShown = 1024 * 1024

/** A field of the item, or `changes 0` for the diff of a change. */
type Name = string
const changePrefix = "changes "

const longValues = (item: ItemView): ReadonlyArray<readonly [Name, Blob]> => [
  ...Object.entries(item.blobs ?? {}),
  ...(item.changes ?? []).flatMap(({ blob }, at) => (blob === undefined ? [] : [[`${changePrefix}${at}`, blob] as const]))
]

/** Loaded values by their hash: an amended item names other values. Text, or a parsed value of the type `application/json`. */
type Whole = ReadonlyMap<string, unknown>

/** The item with these values whole. */
const withValues = (item: ItemView, whole: Whole): ItemView => {
  const fields = Object.entries(item.blobs ?? {}).flatMap(([name, { hash }]) =>
    whole.has(hash) ? [[name, whole.get(hash)] as const] : []
  )
  const changes = item.changes?.map((change) => {
    const diff = change.blob && whole.get(change.blob.hash)
    return typeof diff === "string" ? { ...change, diff } : change
  })
  return { ...item, ...(changes && { changes }), ...Object.fromEntries(fields) }
}

/** The loaded part of the item, and a line for each value of which only the beginning is loaded. */
export const useWhole = (item: ItemView) => {
  const [whole, setWhole] = useState<Whole>(new Map())
  const [failure, setFailure] = useState<string>()
  const load = async ({ hash, mediaType }: Blob) => {
    try {
      const content = await text(`/api/blobs/${hash}`)
      const value: unknown = mediaType === "application/json" ? JSON.parse(content) : content
      setWhole((before) => new Map(before).set(hash, value))
    } catch (cause) {
      setFailure(cause instanceof Error ? cause.message : String(cause))
    }
  }
  const lines = longValues(item).flatMap(([name, blob]) => {
    if (whole.has(blob.hash)) return []
    const at = name.startsWith(changePrefix) ? item.changes?.[Number(name.slice(changePrefix.length))]?.path : undefined
    return [
      <p key={name} className="cut">
        This is the beginning of the {at === undefined ? name : `diff of ${at}`}: {blob.bytes.toLocaleString("en")} bytes in all.{" "}
        {blob.bytes <= maxShown ? (
          <button type="button" className="quiet" onClick={() => void load(blob)}>
            Show all
          </button>
        ) : (
          <a href={`/api/blobs/${blob.hash}`} download={`${item.itemId}-${name.replaceAll(" ", "-")}`}>
            Download
          </a>
        )}
      </p>
    ]
  })
  const shown = whole.size === 0 ? item : withValues(item, whole)
  return {
    shown,
    lines:
      failure === undefined
        ? lines
        : [
            ...lines,
            <p key="failure" className="cut">
              {failure}
            </p>
          ]
  }
}
