// Checks that every relative link in our Markdown files leads to a file of the repository, and to a heading where it names one. Exits with 1 for a dead link.
import { existsSync, readFileSync, statSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { files, root } from "./files.mjs"
import { anchors, links } from "./markdown.mjs"

const dead = []
let checked = 0
const pages = files(".").filter((file) => file.endsWith(".md"))
for (const page of pages) {
  const at = join(root, page)
  for (const target of links(readFileSync(at, "utf8"))) {
    if (/^[a-z][a-z+.-]*:/i.test(target)) continue
    checked++
    const [path, anchor] = target.split("#")
    const file = path === "" ? at : resolve(dirname(at), decodeURIComponent(path))
    if (!existsSync(file)) dead.push(`${page}: ${target} does not exist`)
    else if (
      anchor !== undefined &&
      statSync(file).isFile() &&
      file.endsWith(".md") &&
      !anchors(readFileSync(file, "utf8")).has(anchor)
    )
      dead.push(`${page}: ${target}: the page has no such heading`)
  }
}
for (const line of dead) console.error(line)
console.log(`links: ${checked} in ${pages.length} pages, ${dead.length} dead`)
process.exit(pages.length > 0 && dead.length === 0 ? 0 : 1)
