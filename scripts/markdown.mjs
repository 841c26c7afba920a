/** The anchor of a heading, as GitHub makes it. */
export const slug = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, "")
    .replaceAll(/\s/g, "-")

/** The text without fenced blocks and inline code, whose brackets are no links. */
const prose = (text) =>
  text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, "").replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, " "))

/** Targets of the links and images in a Markdown text. */
export const links = (text) => [...prose(text).matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map(([, target]) => target)

/** Anchors of a Markdown text: of its headings, a repeated one numbered, and `id` and `name` in HTML. */
export const anchors = (text) => {
  const found = new Set()
  const body = text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, "")
  for (const [, heading] of body.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const name = slug(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1"))
    let unique = name
    for (let n = 1; found.has(unique); n++) unique = `${name}-${n}`
    found.add(unique)
  }
  for (const [, id] of body.matchAll(/\b(?:id|name)="([^"]+)"/g)) found.add(id)
  return found
}
