// `node scripts/recording.mjs`: runs the built program in a terminal of util-linux' `script`, and writes its output to docs/images/run.svg, which plays it.
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "..")
const program = join(root, "apps/server/dist/main.mjs")
const [columns, rows] = [88, 18]
const prompt = "[[plan Look around; Report]] [[run ls]] [[say A small shop.]]"

/** Runs a command in a terminal. Each part of its output and the time when it came, in seconds. `answer`: typed when the text appears. */
const record = (command, { answer, cwd, env, until }) =>
  new Promise((done) => {
    const started = performance.now()
    const parts = []
    let text = ""
    const child = spawn("script", ["-qefc", `stty cols ${columns} rows ${rows}; exec ${command}`, "/dev/null"], { cwd, env })
    child.stdout.setEncoding("utf8").on("data", (part) => {
      parts.push([(performance.now() - started) / 1000, part])
      text += part
      if (answer !== undefined && text.includes(answer.after)) {
        const { type } = answer
        answer = undefined
        setTimeout(() => child.stdin.end(type), 1500)
      }
      if (until !== undefined && text.includes(until)) done({ parts: [...parts], child })
    })
    child.on("close", () => done({ parts, child }))
  })

/** The part of a terminal that the program uses: a cursor, erasing, colours. A cell is a character and its classes. */
const terminal = () => {
  const lines = [[]]
  let [row, column] = [0, 0]
  let style = new Set()
  const names = { 1: "b", 2: "d", 31: "red", 32: "green", 33: "yellow", 36: "cyan" }
  const endings = { 22: ["b", "d"], 39: ["red", "green", "yellow", "cyan"] }
  const control = (code, letter) => {
    const n = Number(code.split(";")[0] || 0)
    if (letter === "K") lines[row].length = Math.min(lines[row].length, column)
    if (letter === "J") {
      lines[row].length = Math.min(lines[row].length, column)
      lines.length = row + 1
    }
    if (letter === "G") column = Math.max(n - 1, 0)
    if (letter === "A") row = Math.max(row - Math.max(n, 1), 0)
    if (letter === "m") {
      if (n === 0) style = new Set()
      else if (names[n] !== undefined) style = new Set([...style, names[n]])
      else style = new Set([...style].filter((name) => !(endings[n] ?? []).includes(name)))
    }
  }
  const put = (character) => {
    if (character === "\r") column = 0
    else if (character === "\n") {
      row++
      lines[row] ??= []
    } else {
      if (column === columns) {
        column = 0
        lines[++row] ??= []
      }
      while (lines[row].length < column) lines[row].push([" ", ""])
      lines[row][column++] = [character, [...style].join(" ")]
    }
  }
  return {
    write: (text) => {
      // eslint-disable-next-line no-control-regex -- the escapes of a terminal
      for (const [, code, letter, character] of text.matchAll(/\u001B\[([0-9;?]*)([A-Za-z])|([\s\S])/gu))
        if (letter === undefined) put(character)
        else control(code, letter)
    },
    screen: () => lines.slice(-rows).map((line) => line.slice())
  }
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
const [width, height] = [columns * 8.4 + 32, rows * 20 + 32]
const drawn = (line, y) => {
  const spans = []
  for (const [character, style] of line) {
    const last = spans.at(-1)
    if (last?.style === style) last.text += character
    else spans.push({ style, text: character })
  }
  const inner = spans.map(({ style, text }) =>
    style === "" ? escaped(text) : `<tspan class="${style}">${escaped(text)}</tspan>`
  )
  return `<text x="16" y="${y}" xml:space="preserve">${inner.join("")}</text>`
}

const work = mkdtempSync(join(tmpdir(), "millrace-recording-"))
const shop = join(work, "shop")
mkdirSync(shop)
for (const name of ["README.md", "checkout.ts", "package.json"]) writeFileSync(join(shop, name), "")
const env = { ...process.env, MILLRACE_DATA: join(work, "data"), MILLRACE_COMMAND: "millrace", TERM: "xterm-256color" }
const options = { cwd: shop, env }
const serve = await record(`${process.execPath} ${program} serve`, { ...options, until: "ready at" })
if (serve.child.exitCode !== null) throw new Error(`The server did not start: ${serve.parts.map(([, text]) => text).join("")}`)
const run = await record(`${process.execPath} ${program} run '${prompt}'`, {
  ...options,
  answer: { after: "cancel the turn: ", type: "y\n" }
})
const closed = new Promise((resolveClosed) => serve.child.once("close", resolveClosed))
serve.child.stdin.end("\u0003")
await closed
rmSync(work, { recursive: true, force: true })

/** The frames: what is typed appears letter by letter, and no pause is longer than 1.2 seconds. */
const screen = terminal()
const frames = []
let now = 0
const frame = (seconds, text) => {
  now += seconds
  screen.write(text)
  frames.push({ at: now, lines: screen.screen() })
}
const type = (text) => {
  frame(0.4, "\u001B[2m$ \u001B[22m")
  for (const word of text.split(/(?<= )/)) frame(0.12, word)
  frame(0.4, "\r\n")
}
const play = ({ parts }) => {
  let before = parts[0]?.[0] ?? 0
  for (const [at, text] of parts) {
    frame(Math.min(at - before, 1.2), text)
    before = at
  }
}
type("npx millrace")
play(serve)
frame(0.8, "\r\n")
type(`millrace run "${prompt}"`)
play(run)

const total = now + 3
const moves = frames.map(({ at }, n) => `${((at / total) * 100).toFixed(2)}%{transform:translateY(-${n * height}px)}`)
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img">
<title>A terminal: npx millrace starts the server; millrace run starts a turn of the demo agent, which asks before it runs ls and then answers.</title>
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#e6e1d8}
.b{font-weight:700}.d{fill:#9a948a}.red{fill:#f07f6b}.green{fill:#8fce7e}.yellow{fill:#e8bf5a}.cyan{fill:#6fc6d6}
#film{animation:play ${total.toFixed(1)}s steps(1) infinite}
@keyframes play{0%{transform:none}${moves.join("")}100%{transform:translateY(-${(frames.length - 1) * height}px)}}
@media (prefers-reduced-motion:reduce){#film{animation:none;transform:translateY(-${(frames.length - 1) * height}px)}}
</style>
<rect width="${width}" height="${height}" rx="8" fill="#1d1b18"/>
<g id="film">
${frames.map(({ lines }, n) => lines.map((line, at) => drawn(line, n * height + 32 + at * 20)).join("")).join("\n")}
</g>
</svg>
`
writeFileSync(join(root, "docs/images/run.svg"), svg)
console.log(`docs/images/run.svg: ${total.toFixed(1)} s, ${frames.length} frames, ${Math.ceil(svg.length / 1024)} KiB`)
