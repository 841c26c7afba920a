/**
 * Renders Markdown as React elements without losing any of the source: the marks are hidden elements (`.m`), so that the text content of the element
 * equals the text of the log, character for character. The text never becomes HTML: what looks like HTML is shown as text.
 */
import type { SyntaxNode, Tree } from "@lezer/common"
import { GFM, parser as commonmark } from "@lezer/markdown"
import { createElement, memo, type ReactNode } from "react"
import { Copy } from "../ui/Copy.tsx"
import { Code } from "./Code.tsx"

const parser = commonmark.configure(GFM)

const elements: Readonly<Record<string, string>> = {
  Paragraph: "p",
  Blockquote: "blockquote",
  BulletList: "ul",
  OrderedList: "ol",
  ListItem: "li",
  ATXHeading1: "h3",
  ATXHeading2: "h4",
  ATXHeading3: "h5",
  ATXHeading4: "h6",
  ATXHeading5: "h6",
  ATXHeading6: "h6",
  SetextHeading1: "h3",
  SetextHeading2: "h4",
  Emphasis: "em",
  StrongEmphasis: "strong",
  Strikethrough: "s",
  InlineCode: "code",
  Table: "div",
  TableHeader: "div",
  TableRow: "div",
  TableCell: "span"
}
/** Nodes that are hidden: they are formatting, not content. */
const marks = new Set([
  "EmphasisMark",
  "CodeMark",
  "HeaderMark",
  "QuoteMark",
  "StrikethroughMark",
  "LinkMark",
  "TableDelimiter",
  "CodeInfo"
])
const safe = /^(https?:|mailto:)/i

interface Source {
  readonly text: string
}

const hidden = (text: string, key: number) =>
  text === "" ? null : (
    <span key={key} className="m">
      {text}
    </span>
  )

/** The children of a node with the text between them. */
const inside = (source: Source, node: SyntaxNode): Array<ReactNode> => {
  const out: Array<ReactNode> = []
  let at = node.from
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.from > at) out.push(source.text.slice(at, child.from))
    out.push(draw(source, child))
    at = child.to
  }
  if (at < node.to) out.push(source.text.slice(at, node.to))
  return out
}

const link = (source: Source, node: SyntaxNode): ReactNode => {
  const url = node.getChild("URL")
  const href = url === null ? undefined : source.text.slice(url.from, url.to)
  const close = node.getChildren("LinkMark")[1]
  if (href === undefined || close === undefined) return source.text.slice(node.from, node.to)
  const shown: Array<ReactNode> = []
  let at = node.from
  for (let child = node.firstChild; child !== null && child.from < close.from; child = child.nextSibling) {
    if (child.from > at) shown.push(source.text.slice(at, child.from))
    shown.push(draw(source, child))
    at = child.to
  }
  shown.push(source.text.slice(at, close.from), hidden(source.text.slice(close.from, node.to), close.from))
  return safe.test(href) ? (
    <a key={node.from} href={href} target="_blank" rel="noreferrer noopener">
      {shown}
    </a>
  ) : (
    <span key={node.from} className="link" title={href}>
      {shown}
    </span>
  )
}

const fence = (source: Source, node: SyntaxNode): ReactNode => {
  const info = node.getChild("CodeInfo")
  const body = node.getChild("CodeText")
  const texts = node.getChildren("CodeText")
  const from = body?.from ?? node.to
  const to = texts.at(-1)?.to ?? from
  const code = source.text.slice(from, to)
  return (
    <div key={node.from} className="fenced">
      <pre className="code" tabIndex={0}>
        {hidden(source.text.slice(node.from, from), -1)}
        <Code text={code} language={info === null ? undefined : source.text.slice(info.from, info.to)} />
        {hidden(source.text.slice(to, node.to), -2)}
      </pre>
      <Copy text={code} label="Copy the code" />
    </div>
  )
}

const draw = (source: Source, node: SyntaxNode): ReactNode => {
  const text = () => source.text.slice(node.from, node.to)
  if (marks.has(node.name)) return hidden(text(), node.from)
  switch (node.name) {
    case "FencedCode":
      // In a list or a quote there are marks between the lines: these are drawn as ordinary nodes.
      return node.getChildren("CodeText").length <= 1 ? (
        fence(source, node)
      ) : (
        <pre key={node.from} className="code" tabIndex={0}>
          {inside(source, node)}
        </pre>
      )
    case "CodeBlock":
      return (
        <pre key={node.from} className="code" tabIndex={0}>
          {text()}
        </pre>
      )
    case "Link":
      return link(source, node)
    case "Autolink":
    case "URL":
      return safe.test(text()) ? (
        <a key={node.from} href={text()} target="_blank" rel="noreferrer noopener">
          {text()}
        </a>
      ) : (
        text()
      )
    case "HorizontalRule":
      return (
        <div key={node.from} className="rule">
          {hidden(text(), 0)}
        </div>
      )
    case "ListMark":
      return node.parent?.parent?.name === "OrderedList" ? (
        <span key={node.from} className="number">
          {text()}
        </span>
      ) : (
        hidden(text(), node.from)
      )
    case "Escape":
      return [hidden(text().slice(0, 1), node.from), text().slice(1)]
    case "TaskMarker":
      return (
        <span key={node.from} className={/x/i.test(text()) ? "task done" : "task"}>
          {hidden(text(), 0)}
        </span>
      )
  }
  const element = elements[node.name]
  if (element === undefined) return node.firstChild === null ? text() : <span key={node.from}>{inside(source, node)}</span>
  return createElement(element, { key: node.from, className: node.name }, ...inside(source, node))
}

/** Memoised by text, so that a streaming message redraws only its last block. */
const Block = memo(({ text }: { readonly text: string }) => {
  const source = { text }
  return <>{inside(source, parser.parse(text).topNode)}</>
})

/** Cuts the text at its top-level blocks, without loss. */
const blocks = (text: string): ReadonlyArray<string> => {
  const tree: Tree = parser.parse(text)
  const cuts: Array<string> = []
  let at = 0
  for (let child = tree.topNode.firstChild; child !== null; child = child.nextSibling) {
    const end = child.nextSibling?.from ?? text.length
    // A link reference that another block defines is not resolved and is shown as source text; such texts are rare.
    cuts.push(text.slice(at, end))
    at = end
  }
  if (at < text.length) cuts.push(text.slice(at))
  return cuts
}

export const Markdown = memo(({ text }: { readonly text: string }) => (
  <div className="md" data-text>
    {blocks(text).map((block, at) => (
      // The index is a stable key: blocks are only appended.
      <Block key={at} text={block} />
    ))}
  </div>
))
