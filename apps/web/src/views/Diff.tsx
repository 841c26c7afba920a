/** File changes: a unified diff side by side; one column where there is no room. */
import { memo, useMemo, useState } from "react"
import type { FileChange } from "@millrace/contracts/Item"
import { pairs, type Pair, type Side } from "../text/Diff.ts"

const Cell = ({ side }: { readonly side: Side | undefined }) => (
  <>
    <td className="no">{side?.line}</td>
    <td className={side === undefined ? "blank" : side.kind}>{side?.text}</td>
  </>
)

const Line = ({ pair }: { readonly pair: Pair }) =>
  pair.kind === "note" ? (
    <tr className="note">
      <td colSpan={4}>{pair.text}</td>
    </tr>
  ) : (
    <tr>
      <Cell side={pair.left} />
      <Cell side={pair.right} />
    </tr>
  )

/** Longer ones are shown when asked for. */
const maxLines = 400

const Table = memo(({ diff }: { readonly diff: string }) => {
  const lines = useMemo(() => pairs(diff), [diff])
  const [all, setAll] = useState(false)
  const shown = all ? lines : lines.slice(0, maxLines)
  return (
    <div className="diff" tabIndex={0} role="region" aria-label="Difference">
      <table>
        <tbody>
          {shown.map((pair, at) => (
            <Line key={at} pair={pair} />
          ))}
        </tbody>
      </table>
      {shown.length < lines.length && (
        <button type="button" className="quiet" onClick={() => setAll(true)}>
          Show all {lines.length.toLocaleString("en")} lines
        </button>
      )}
    </div>
  )
})

export const Changes = ({ changes }: { readonly changes: ReadonlyArray<FileChange> }) => (
  <>
    {changes.map((change, at) => (
      <details key={at} className="change" open={changes.length <= 4}>
        <summary>
          <b className={change.change}>{change.change}</b> <span className="path">{change.path}</span>
          {change.movedTo !== undefined && <span className="path"> → {change.movedTo}</span>}
        </summary>
        {change.diff !== undefined && change.diff !== "" && <Table diff={change.diff} />}
      </details>
    ))}
  </>
)

export const Whole = ({ diff }: { readonly diff: string }) => <Table diff={diff} />
