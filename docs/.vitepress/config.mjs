// The site of the documents: `pnpm docs:build` writes it to .cache/site, `pnpm docs:dev` shows it while you write.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { slug } from "../../scripts/markdown.mjs"

const root = join(import.meta.dirname, "../..")

/** The sections of docs/README.md, which is the index. */
const sidebar = readFileSync(join(root, "docs/README.md"), "utf8")
  .split(/^## /m)
  .slice(1)
  .map((section) => ({
    text: section.split("\n")[0],
    items: [...section.matchAll(/^- \[([^\]]+)\]\(([^)]+)\)/gm)].map(([, text, link]) => ({
      text: text.replace(/\.md$/, ""),
      link: new URL(link, "file:///docs/").pathname
    }))
  }))

let inSource = false
/** A link to a source file is text here: the site has only documents. `pnpm check:links` checks those links. */
const unlink = (token) => {
  if (token.type === "link_open") inSource = !/^[a-z]+:|^#|\.md(#|$)/.test(token.attrGet("href"))
  if (!inSource || !token.type.startsWith("link_")) return
  token.tag = "span"
  token.attrs = null
  if (token.type === "link_close") inSource = false
}

export default {
  title: "Millrace",
  description: "An orchestration server for coding agents.",
  srcDir: "..",
  srcExclude: ["packages/**", "apps/**", "scripts/**", "dist/**", "**/node_modules/**", ".cache/**"],
  outDir: join(root, ".cache/site"),
  cacheDir: join(root, ".cache/vitepress"),
  rewrites: (page) => page.replace(/README\.md$/, "index.md"),
  markdown: {
    anchor: { slugify: slug },
    languageAlias: { haproxy: "nginx" },
    config: (md) => {
      md.set({ html: false })
      md.core.ruler.push("sources", ({ tokens }) => tokens.forEach(({ children }) => children?.forEach(unlink)))
    }
  },
  themeConfig: { sidebar, search: { provider: "local" }, outline: [2, 3] }
}
