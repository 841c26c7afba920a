/** Uploads files as blobs, one after another. The same content is sent once. */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { mediaTypeOf } from "@millrace/contracts/MediaType"
import { messageOf } from "../store/Http.ts"

/** Milliseconds without progress after which an upload fails. */
const stallMillis = 60_000
/** Milliseconds for which an earlier upload is used again. The server keeps an upload that no turn names for a day. */
const keptMillis = 12 * 3_600_000

/** The hash of each content that this page uploaded lately, by itself, with the time of the upload. */
let uploaded = new BoundedMap<string, number>(200)

/** The files of the latest uploads, for `renew`. */
const files = new BoundedMap<string, File>(32)

/** Lowercase hex SHA-256; `undefined` where the browser has no such function: a page of another machine without TLS. */
const hashOf = async (file: Blob): Promise<string | undefined> => {
  if (typeof crypto.subtle === "undefined") return undefined
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** The hash in the server's answer. Throws the server's message. */
const answered = (status: number, body: unknown): string => {
  const has = (key: string): unknown => (typeof body === "object" && body !== null ? Reflect.get(body, key) : undefined)
  const hash = has("hash")
  if (status === 201 && typeof hash === "string") return hash
  throw new Error(messageOf(status, body))
}

/** Sends the content. `fetch` reports no progress of an upload, so this is an XMLHttpRequest. */
const send = (file: Blob, mediaType: string, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const failWith = (message: string) => {
      request.abort()
      reject(new Error(message))
    }
    const stall = () => setTimeout(() => failWith("the server does not take it"), stallMillis)
    let stalled = stall()
    const stop = () => failWith("removed")
    signal.addEventListener("abort", stop)
    request.addEventListener("loadend", () => {
      clearTimeout(stalled)
      signal.removeEventListener("abort", stop)
    })
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      clearTimeout(stalled)
      stalled = stall()
      onProgress(total === 0 ? 1 : loaded / total)
    })
    request.addEventListener("error", () => reject(new Error("there is no connection to the server")))
    request.addEventListener("load", () => {
      try {
        const body: unknown = JSON.parse(request.responseText)
        resolve(answered(request.status, body))
      } catch (cause) {
        reject(cause instanceof SyntaxError ? new Error(`the server answered ${request.status}`) : cause)
      }
    })
    request.open("POST", "/api/blobs")
    request.setRequestHeader("content-type", mediaType)
    request.send(file)
  })

const uploadNow = async (file: File, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<string> => {
  signal.throwIfAborted()
  const known = await hashOf(file)
  if (known !== undefined && Date.now() - (uploaded.get(known) ?? -keptMillis) < keptMillis) return known
  signal.throwIfAborted()
  const hash = await send(file, mediaTypeOf(file.type), onProgress, signal)
  uploaded = uploaded.renew(hash, Date.now())
  files.renew(hash, file)
  return hash
}

let last: Promise<unknown> = Promise.resolve()

/** Uploads the file after those before it, and returns its hash. `onProgress` gets the fraction that was sent. Rejects with a sentence's end. */
export const upload = (file: File, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<string> => {
  const done = last.then(() => uploadNow(file, onProgress, signal))
  // The next upload starts also if this upload failed.
  last = done.catch(() => {})
  return done
}

/** Uploads these contents again, as far as this page still has their files. `false`: it has none of them. */
export const renew = async (hashes: ReadonlyArray<string>): Promise<boolean> => {
  const known = [...new Set(hashes)].flatMap((hash) => files.get(hash) ?? [])
  for (const hash of hashes) uploaded.delete(hash)
  for (const file of known) await upload(file, () => {}, new AbortController().signal)
  return known.length > 0
}
