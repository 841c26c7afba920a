/**
 * Unsent prompts, by the thread or the turn that they are for: text and attachments. They outlive a change of views, during which uploads continue.
 * The text and the attachments that are uploaded also outlive a reload, in sessionStorage; files that are not uploaded do not.
 */
import type { Attachment, GivenAttachment } from "@millrace/contracts/Attachment"
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { mediaTypeOf } from "@millrace/contracts/MediaType"
import { choose } from "./Limits.ts"
import { upload } from "./Upload.ts"

/** An attachment of a draft. `id` is unique in this page. */
export type Attached = Omit<Attachment, "blob"> & { readonly id: number } & (
    | { readonly state: "uploading"; readonly fraction: number; readonly file: File; readonly abort: AbortController }
    | { readonly state: "ready"; readonly blob: string }
    | { readonly state: "failed"; readonly message: string; readonly file: File }
  )

export interface Draft {
  readonly text: string
  readonly attached: ReadonlyArray<Attached>
  /** One sentence for each file that was just refused. */
  readonly refusals: ReadonlyArray<string>
}

/** What is sent of a draft. */
export interface Content {
  readonly text: string
  readonly attachments: ReadonlyArray<Attachment>
}

/** The attachments as a field of a command; no field without any. */
export const given = (attachments: ReadonlyArray<Attachment>) =>
  attachments.length === 0
    ? {}
    : { attachments: attachments.map(({ blob, mediaType, name }): GivenAttachment => ({ blob, name, mediaType })) }

const empty: Draft = { text: "", attached: [], refusals: [] }
/** Maximum drafts of one tab. Beyond it the oldest draft is discarded. */
const maxDrafts = 100

const textKey = (key: string) => `millrace.draft.${key}`
const filesKey = (key: string) => `millrace.files.${key}`

const keep = (name: string, value: string) => {
  try {
    if (value === "") sessionStorage.removeItem(name)
    else sessionStorage.setItem(name, value)
  } catch {
    // The storage is full or absent: the draft is only in this page.
  }
}

/** Whether a stored value is an attachment. */
export const isAttachment = (value: unknown): value is Attachment => {
  if (typeof value !== "object" || value === null) return false
  const { blob, bytes, mediaType, name } = value as Readonly<Record<string, unknown>>
  return typeof blob === "string" && typeof bytes === "number" && typeof mediaType === "string" && typeof name === "string"
}

let ids = 0
const readied = ({ blob, bytes, mediaType, name }: Attachment): Attached => ({
  id: ++ids,
  state: "ready",
  blob,
  bytes,
  mediaType,
  name
})

const stored = (key: string): Draft => {
  try {
    const files: unknown = JSON.parse(sessionStorage.getItem(filesKey(key)) ?? "[]")
    const attached = Array.isArray(files) ? files.filter(isAttachment).map(readied) : []
    const text = sessionStorage.getItem(textKey(key)) ?? ""
    return text === "" && attached.length === 0 ? empty : { text, attached, refusals: [] }
  } catch {
    // The stored text is not JSON, or the browser has no storage.
    return empty
  }
}

const stopUploads = ({ attached }: Draft) => {
  for (const one of attached) if (one.state === "uploading") one.abort.abort()
}
const drafts = new BoundedMap<string, Draft>(maxDrafts, [], (key, draft) => {
  stopUploads(draft)
  keep(textKey(key), "")
  keep(filesKey(key), "")
})
const listeners = new Set<() => void>()

export const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
/** The draft of this key; the same value until it changes. */
export const draftOf = (key: string): Draft => {
  const known = drafts.get(key)
  if (known !== undefined) return known
  const draft = stored(key)
  // A thread without typed text has no draft, so it displaces no other draft.
  if (draft !== empty) drafts.set(key, draft)
  return draft
}

/** The attachments that are uploaded. */
export const uploadedOf = ({ attached }: Draft): ReadonlyArray<Attachment> =>
  attached.flatMap((one) =>
    one.state === "ready" ? [{ blob: one.blob, name: one.name, mediaType: one.mediaType, bytes: one.bytes }] : []
  )

/** Whether there is something to send, and nothing that is not uploaded. */
export const canSend = (draft: Draft): boolean =>
  draft.attached.every(({ state }) => state === "ready") && (draft.text.trim() !== "" || draft.attached.length > 0)

const put = (key: string, change: Partial<Draft>) => {
  const before = draftOf(key)
  const draft = { ...before, ...change }
  if (draft.text === "" && draft.attached.length === 0 && draft.refusals.length === 0) drafts.delete(key)
  else drafts.renew(key, draft)
  if (draft.text !== before.text) keep(textKey(key), draft.text)
  if (draft.attached !== before.attached) {
    const files = uploadedOf(draft)
    keep(filesKey(key), files.length === 0 ? "" : JSON.stringify(files))
  }
  for (const listener of listeners) listener()
}

export const write = (key: string, text: string): void => put(key, { text })

const replace = (key: string, id: number, next: (one: Attached) => Attached) => {
  const { attached } = draftOf(key)
  // A removed attachment stays removed.
  if (attached.some((one) => one.id === id)) put(key, { attached: attached.map((one) => (one.id === id ? next(one) : one)) })
}

const begin = (key: string, id: number, file: File, { bytes, mediaType, name }: Omit<Attachment, "blob">) => {
  const abort = new AbortController()
  const base = { id, name, mediaType, bytes }
  const uploading = (fraction: number): Attached => ({ ...base, state: "uploading", fraction, file, abort })
  upload(file, (fraction) => replace(key, id, () => uploading(fraction)), abort.signal).then(
    (blob) => replace(key, id, () => ({ ...base, state: "ready", blob })),
    (cause: unknown) =>
      replace(key, id, () => ({
        ...base,
        state: "failed",
        message: cause instanceof Error ? cause.message : String(cause),
        file
      }))
  )
  return uploading(0)
}

/** Begins the upload of each file that fits; the draft's `refusals` name the others. */
export const attach = (key: string, files: ReadonlyArray<File>, folders: ReadonlyArray<string> = []): void => {
  const { attached } = draftOf(key)
  const { chosen, refusals } = choose(attached, files, folders)
  const more = chosen.map(({ file, name }) =>
    begin(key, ++ids, file, { name, mediaType: mediaTypeOf(file.type), bytes: file.size })
  )
  put(key, { attached: [...attached, ...more], refusals })
}

export const detach = (key: string, id: number): void => {
  const { attached } = draftOf(key)
  for (const one of attached) if (one.id === id && one.state === "uploading") one.abort.abort()
  put(key, { attached: attached.filter((one) => one.id !== id), refusals: [] })
}

/** Uploads a failed attachment again. */
export const retry = (key: string, id: number): void =>
  replace(key, id, (one) => (one.state === "failed" ? begin(key, id, one.file, one) : one))

/** What is sent of the draft. */
export const contentOf = (draft: Draft): Content => ({ text: draft.text, attachments: uploadedOf(draft) })

/** Clears the draft and returns what it had. */
export const take = (key: string): Content => {
  const draft = draftOf(key)
  put(key, empty)
  return contentOf(draft)
}

/** Fills the draft if it is empty. */
export const fill = (key: string, { attachments, text }: Content): void => {
  const now = draftOf(key)
  if (now.text === "" && now.attached.length === 0) put(key, { text, attached: attachments.map(readied), refusals: [] })
}

/** Puts a refused message back, before what was written since. */
export const restore = (key: string, { attachments, text }: Content): void => {
  const now = draftOf(key)
  put(key, {
    text: [text, now.text].filter((one) => one !== "").join("\n\n"),
    attached: [...attachments.map(readied), ...now.attached]
  })
}

/** Ends a draft without sending it. */
export const discard = (key: string): void => {
  stopUploads(draftOf(key))
  put(key, empty)
}
