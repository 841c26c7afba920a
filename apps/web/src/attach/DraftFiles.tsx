/** The attachments of a draft, in its prompt field: progress, thumbnails, failures, and a button to remove each. */
import { Icon } from "../ui/Icon.tsx"
import { size } from "../ui/Size.ts"
import { Thumbnail } from "./Attachments.tsx"
import { type Attached, detach, type Draft, retry } from "./Drafts.ts"

const Content = ({ draftKey, one }: { readonly draftKey: string; readonly one: Attached }) => {
  switch (one.state) {
    case "ready":
      return <Thumbnail file={one} />
    case "uploading":
      return (
        <span className="file">
          <Icon name="file" />
          <span className="name">{one.name}</span>
          <progress aria-label={`Upload of ${one.name}`} value={one.fraction} max={1} />
        </span>
      )
    case "failed":
      return (
        <span className="file failed" role="alert">
          <span className="name">
            {one.name} was not uploaded: {one.message}
          </span>
          <button type="button" className="small" onClick={() => retry(draftKey, one.id)}>
            Try again
          </button>
        </span>
      )
  }
}

export const DraftFiles = ({ draft, draftKey }: { readonly draft: Draft; readonly draftKey: string }) => (
  <>
    {draft.attached.length > 0 && (
      <ul className="attachments draft" aria-label="Attachments of this message">
        {draft.attached.map((one) => (
          <li key={one.id}>
            <Content draftKey={draftKey} one={one} />
            <button
              type="button"
              className="icon-only remove"
              aria-label={`Remove ${one.name}`}
              title={`Remove ${one.name}, ${size(one.bytes)}`}
              onClick={() => detach(draftKey, one.id)}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
    )}
    {draft.refusals.length > 0 && (
      <div className="refusal refused-files" role="alert">
        <ul>
          {draft.refusals.map((refusal) => (
            <li key={refusal}>{refusal}</li>
          ))}
        </ul>
      </div>
    )}
  </>
)
