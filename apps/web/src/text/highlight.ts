/** highlight.js as pieces of text, each with a class. Their concatenation is the text; the page creates no HTML from it. */
import hljs from "highlight.js/lib/core"
import bash from "highlight.js/lib/languages/bash"
import css from "highlight.js/lib/languages/css"
import diff from "highlight.js/lib/languages/diff"
import go from "highlight.js/lib/languages/go"
import json from "highlight.js/lib/languages/json"
import markdown from "highlight.js/lib/languages/markdown"
import python from "highlight.js/lib/languages/python"
import rust from "highlight.js/lib/languages/rust"
import sql from "highlight.js/lib/languages/sql"
import typescript from "highlight.js/lib/languages/typescript"
import xml from "highlight.js/lib/languages/xml"
import yaml from "highlight.js/lib/languages/yaml"

const languages = { bash, css, diff, go, json, markdown, python, rust, sql, typescript, xml, yaml }
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language)
hljs.registerAliases(["js", "javascript", "jsx", "mjs"], { languageName: "typescript" })

export interface Piece {
  readonly text: string
  readonly kind: string
}

const unescape = (html: string) =>
  html.replace(/&(lt|gt|amp|quot|#x27);/g, (_, name: string) => ({ lt: "<", gt: ">", amp: "&", quot: '"' })[name] ?? "'")

/** The pieces of a text; `undefined` for an unknown language, or when their concatenation would differ from the text. */
export const pieces = (text: string, language: string): ReadonlyArray<Piece> | undefined => {
  const name = language.trim().split(/\s/)[0]?.toLowerCase() ?? ""
  if (hljs.getLanguage(name) === undefined) return undefined
  const out: Array<Piece> = []
  const open: Array<string> = []
  for (const [, tag, kind, plain] of hljs
    .highlight(text, { language: name })
    .value.matchAll(/(<span class="([^"]*)">|<\/span>)|([^<]+)/g)) {
    if (plain !== undefined) out.push({ text: unescape(plain), kind: open.at(-1) ?? "" })
    else if (tag === "</span>") open.pop()
    else open.push(kind ?? "")
  }
  return out.map((piece) => piece.text).join("") === text ? out : undefined
}
