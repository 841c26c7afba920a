import { expect, it } from "@effect/vitest"
import { renderToStaticMarkup } from "react-dom/server"
import { pairs } from "./Diff.ts"
import { pieces as highlighted } from "./highlight.ts"
import { Markdown } from "./Markdown.tsx"
import { firstLine, headerOf, parts, readable } from "./Patch.ts"
import { pieces as terminal } from "./Terminal.tsx"

/** The `textContent` of the markup. */
const textOf = (markup: string): string =>
  markup
    .replace(/<[^>]*>/g, "")
    .replace(
      /&(lt|gt|quot|#x27|amp);/g,
      (_, name: string) => ({ lt: "<", gt: ">", quot: '"', "#x27": "'", amp: "&" })[name] ?? ""
    )

const samples = [
  "",
  "d1 d2 d3 ",
  '# Head\n\nSome **bold**, *soft*, ~~gone~~, `code` and a [link](https://example.org "t").\n\n- one\n- two\n  - deep\n\n1. a\n2. b\n\n> quoted\n> more\n\n---\n\nend\n',
  "```ts\nconst a: string = `x` // & <b>\n```\n\nafter",
  "```\nnot closed\nyet",
  "- in a list:\n  ```js\n  let x = 1\n  ```\n- next",
  "| a | b |\n|---|:-:|\n| 1 | `2` |\n\ntext",
  "<script>alert(1)</script> <b>bold</b> &amp; &lt; \\* escaped",
  "[x]: https://example.org\n\n[x] and [bad](javascript:alert(1)) and <https://example.org> https://example.org/a_b_c",
  "- [ ] open\n- [x] done",
  "line one\nline two  \nhard\r\nwindows\ttab \u{1f4a7}\u200d\u0000",
  "Title\n=====\n\n    indented code\n\n\n\n  spaces  ",
  "***\n**not closed *at all",
  "![image](https://example.org/x.png)"
]

/** Intermediate texts of a streaming message: every prefix, and shuffled pieces. */
const anything = function* () {
  for (const sample of samples) for (let end = 0; end <= sample.length; end++) yield sample.slice(0, end)
  let seed = 7
  const next = (n: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n
  const parts = [
    ..."*_`~[]()<>!|\\#>-+\n\n  \t1.:&",
    "```",
    "**",
    "\n\n",
    "word",
    "a b",
    "https://x.org",
    "\u{1f4a7}",
    "| a |\n|---|\n"
  ]
  for (let n = 0; n < 1_500; n++) yield Array.from({ length: next(24) }, () => parts[next(parts.length)]).join("")
}

it("L6 Markdown on the page keeps the text of the log, character for character", () => {
  for (const text of anything()) expect(textOf(renderToStaticMarkup(<Markdown text={text} />))).toBe(text)
})

it("X4 only http, https and mail addresses become links, and text adds no markup", () => {
  const markup = renderToStaticMarkup(<Markdown text={samples.join("\n\n")} />)
  expect(markup).not.toMatch(/<(script|img|b)\b|href="(?!https?:|mailto:)/)
  expect(markup).toContain('<a href="https://example.org"')
})

it("L6 output with escape sequences and highlighted code keep every character", () => {
  const output = "\u001b[31mred\u001b[0m plain \u001b[1;32mgreen\u001b]0;title\u0007\u001b[2K\r\nend \u001b["
  expect(
    terminal(output)
      .map(({ text }) => text)
      .join("")
  ).toBe(output)
  const code = "const a = `<b>&amp;` // \"x\" 'y'\nexport type T = { readonly a: 1 }\n"
  expect(
    highlighted(code, "ts")
      ?.map(({ text }) => text)
      .join("")
  ).toBe(code)
  expect(highlighted(code, "no such language")).toBe(undefined)
})

it("L6 a diff side by side has each line of the diff on its side", () => {
  const diff = "--- a/x\n+++ b/x\n@@ -1,3 +1,4 @@\n same\n-old one\n-old two\n+new one\n \n+added\n\\ No newline at end of file\n"
  const all = pairs(diff)
  expect(all.flatMap((pair) => (pair.kind === "pair" && pair.left?.kind === "old" ? [pair.left.text] : []))).toEqual([
    "old one",
    "old two"
  ])
  expect(all.flatMap((pair) => (pair.kind === "pair" && pair.right?.kind === "new" ? [pair.right.text] : []))).toEqual([
    "new one",
    "added"
  ])
  expect(all).toContainEqual({
    kind: "pair",
    left: { kind: "old", line: 2, text: "old one" },
    right: { kind: "new", line: 2, text: "new one" }
  })
  expect(all.at(-1)).toEqual({ kind: "note", text: "\\ No newline at end of file" })
})

it("the parts of a unified diff are found by the names of their files, also of unusual ones, and of a file that became a link", () => {
  const patch = [
    'diff --git "a/a\\"b\\t\\001.txt" "b/a\\"b\\t\\001.txt"',
    "index 1..2 100644",
    '--- "a/a\\"b\\t\\001.txt"',
    '+++ "b/a\\"b\\t\\001.txt"',
    "@@ -4 +7 @@",
    "-index of nothing",
    "+diff --git a/x b/x",
    "diff --git a/old ü b/new ü",
    "similarity index 100%",
    "rename from old ü",
    "rename to new ü",
    "diff --git a/link b/link",
    "deleted file mode 100644",
    "index 1..0",
    "--- a/link",
    "+++ /dev/null",
    "@@ -1 +0,0 @@",
    "-text",
    "diff --git a/link b/link",
    "new file mode 120000",
    "index 0..1",
    "--- /dev/null",
    "+++ b/link",
    "@@ -0,0 +1 @@",
    "+target",
    "\\ No newline at end of file",
    ""
  ].join("\n")
  const found = parts(patch)
  expect(found.size).toBe(3)
  const of = (path: string, oldPath?: string) =>
    found.get(headerOf({ path, ...(oldPath !== undefined && { oldPath }) })) ?? "none"
  expect(readable(of('a"b\t\u0001.txt'))).toBe("@@ -4 +7 @@\n-index of nothing\n+diff --git a/x b/x\n")
  expect(firstLine(of('a"b\t\u0001.txt'))).toBe(7)
  expect(readable(of("new ü", "old ü")).trim()).toBe("")
  const both = readable(of("link"))
  expect(both).toContain("@@ -1 +0,0 @@\n-text\n")
  expect(both).toMatch(/@@ -0,0 \+1 @@\n\+target\n\\ No newline at end of file\n$/)
  expect(both).not.toMatch(/^(index|new file|deleted file)/m)
})
