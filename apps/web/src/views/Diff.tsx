/** File changes: side by side if the element is wide enough, otherwise unified. */
import { memo, useMemo, useRef, useState } from "react"
import type { FileChange } from "@millrace/contracts/Item"
import { pairs, type Pair, type Side, unified, type UnifiedLine } from "../text/Diff.ts"
import { useWidth } from "../ui/useWidth.ts"

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

const OneLine = ({ line }: { readonly line: UnifiedLine }) =>
  line.kind === "note" ? (
    <tr className="note">
      <td colSpan={3}>{line.text}</td>
    </tr>
  ) : (
    <tr>
      <td className="no">{line.before}</td>
      <td className="no">{line.after}</td>
      <td className={line.kind} data-mark={line.kind === "old" ? "-" : line.kind === "new" ? "+" : " "}>
        {line.text}
      </td>
    </tr>
  )

/** Minimum width in pixels of the element for two columns. */
const sideBySideFrom = 700

/** Maximum number of lines shown before the button "Show all". */
const maxLines = 400

export const DiffTable = memo(({ diff, label = "Difference" }: { readonly diff: string; readonly label?: string }) => {
  const lines = useMemo(() => pairs(diff), [diff])
  const [all, setAll] = useState(false)
  const shown = all ? lines : lines.slice(0, maxLines)
  const box = useRef<HTMLDivElement>(null)
  const isWide = useWidth(box) >= sideBySideFrom
  return (
    <div ref={box} className="diff" tabIndex={0} role="region" aria-label={label}>
      <table className={isWide ? "sides" : "unified"}>
        {/* Sets the widths, because the first row may span all columns. */}
        <colgroup>
          <col className="gutter" />
          {isWide ? <col /> : <col className="gutter" />}
          {isWide && <col className="gutter" />}
          <col />
        </colgroup>
        <tbody>
          {isWide
            ? shown.map((pair, at) => <Line key={at} pair={pair} />)
            : unified(shown).map((line, at) => <OneLine key={at} line={line} />)}
        </tbody>
      </table>
      {shown.length < lines.length && (
        <button
          type="button"
          className="quiet"
          onClick={() => {
            setAll(true)
            // The button leaves the page with the focus.
            box.current?.focus({ preventScroll: true })
          }}
        >
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
        {change.diff !== undefined && change.diff !== "" && <DiffTable diff={change.diff} />}
      </details>
    ))}
  </>
)
