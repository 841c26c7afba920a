/**
 * The stamp of a large value: changes when the value changes, so that an incremental backup need not read what it has.
 *
 *   segments     last offset, checksum, bytes
 *   blob_parts   hash of the blob, number of the part, bytes; before the end of an upload its time is in the place of the hash
 */
import type { Part } from "./Manifest.ts"

type Stamped = Pick<Part, "stamp">

/** SQL of the stamp of a row of the table. */
export const sql = {
  segments: "last || '-' || crc || '-' || length(bytes)",
  blob_parts:
    "(SELECT coalesce(b.hash, 'upload ' || b.at) FROM blobs b WHERE b.id = blob_parts.blob) || '-' || part || '-' || length(bytes)"
} as const

export const ofSegment = ({ bytes, crc, last }: { readonly last: number; readonly crc: number; readonly bytes: Uint8Array }) =>
  `${last}-${crc}-${bytes.length}`

export const lastOf = ({ stamp }: Stamped): number => Number(stamp.split("-")[0])
export const crcOf = ({ stamp }: Stamped): number => Number(stamp.split("-")[1])

/** Undefined: the part of an upload that is not finished. */
export const blobOf = ({ stamp }: Stamped): { readonly hash: string; readonly part: number } | undefined => {
  const found = /^([0-9a-f]{64})-(\d+)-/.exec(stamp)
  return found === null ? undefined : { hash: found[1]!, part: Number(found[2]) }
}
