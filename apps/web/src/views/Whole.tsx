/** The rest of long values: an event has the beginning of a value over 64 KiB, and the server has the whole under its hash. */
import { useState } from "react"
import type { Blob } from "@millrace/contracts/Blob"
import type { ItemView } from "@millrace/contracts/Item"
import { text } from "../store/Http.ts"

/** Most bytes that the page shows of one value; a longer one is a download. */
const maxShown = 1024 * 1024

/** A field of the item, or `changes 0` for the diff of a change. */
type Name = string
const changePrefix = "changes "

const longValues = (item: ItemView): ReadonlyArray<readonly [Name, Blob]> => [
  ...Object.entries(item.blobs ?? {}),
  ...(item.changes ?? []).flatMap(({ blob }, at) => (blob === undefined ? [] : [[`${changePrefix}${at}`, blob] as const]))
]

/** The item with these values whole. */
const withValues = (item: ItemView, whole: Readonly<Record<Name, string>>): ItemView => {
  const fields = Object.entries(item.blobs ?? {}).flatMap(([name, { mediaType }]): ReadonlyArray<readonly [string, unknown]> => {
    const value = whole[name]
    if (value === undefined) return []
    return [[name, mediaType === "application/json" ? (JSON.parse(value) as unknown) : value]]
  })
  const changes = item.changes?.map((change, at) => {
    const diff = whole[`${changePrefix}${at}`]
    return diff === undefined ? change : { ...change, diff }
  })
  return { ...item, ...(changes && { changes }), ...Object.fromEntries(fields) }
}

/** The item as far as it is loaded, and a line for each value of which only the beginning is here. */
export const useWhole = (item: ItemView) => {
  const [whole, setWhole] = useState<Readonly<Record<Name, string>>>({})
  const [failure, setFailure] = useState<string>()
  const load = async (name: Name, { hash }: Blob) => {
    try {
      const value = await text(`/api/blobs/${hash}`)
      setWhole((before) => ({ ...before, [name]: value }))
    } catch (cause) {
      setFailure(cause instanceof Error ? cause.message : String(cause))
    }
  }
  const lines = longValues(item).flatMap(([name, blob]) => {
    if (whole[name] !== undefined) return []
    const at = name.startsWith(changePrefix) ? item.changes?.[Number(name.slice(changePrefix.length))]?.path : undefined
    return [
      <p key={name} className="cut">
        This is the beginning of the {at === undefined ? name : `diff of ${at}`}: {blob.bytes.toLocaleString("en")} bytes in all.{" "}
        {blob.bytes <= maxShown ? (
          <button type="button" className="quiet" onClick={() => void load(name, blob)}>
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
  const shown = Object.keys(whole).length === 0 ? item : withValues(item, whole)
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
