/** Compares the command lines that approval rules accept with the programs that a real shell runs. */
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FastCheck } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as CommandLine from "./CommandLine.ts"

const seed = 20261130
const programs = ["git", "npm", "ls", "rm", "x", "if", "time", "env", "eval", "command", "[", "echo", "function", "A=1", "=ls"]
const words = [
  "status",
  "-c",
  "--all",
  "a.b",
  "src/x",
  "k=v",
  "1",
  "%1",
  "@",
  "@{u}",
  "",
  "HEAD^",
  "~",
  "~/x",
  "=ls",
  "{a,b}",
  "#c",
  "!",
  "!!"
]
const parts = [
  ..."'\"\\$`;&|()<>{}[]*?~#!^=%\n\t ".split(""),
  ..."&& || >> << <<< 2>x >x <x $x $(rm) `rm` ${x} $'a' $\"a\" 'a b' \"a b\" '' \"\" 'a;b' \"$x\" \"\\\\\" 'it' \\; \\\n \u00a0 \u2003 \u200b é \r \f".split(
    " "
  ),
  "; rm",
  " && rm",
  " | rm",
  "\nrm",
  " & rm",
  "'\"'\"'"
]
const one = FastCheck.constantFrom
/** Lines from programs, words and the characters that shells treat in a special way. */
const lines = FastCheck.tuple(
  FastCheck.oneof({ weight: 6, arbitrary: one(...programs) }, { weight: 1, arbitrary: one(...parts) }),
  FastCheck.array(
    FastCheck.tuple(
      one(" ", " ", " ", "  ", ""),
      FastCheck.oneof({ weight: 3, arbitrary: one(...words) }, { weight: 2, arbitrary: one(...parts) })
    ),
    { maxLength: 5 }
  )
).map(([first, rest]) => first + rest.map(([space, word]) => space + word).join(""))

const known = ["git", "npm", "ls", "rm", "x", "time", "env", "eval", "command", "echo", "function", "status", "sh"]
const end = "\u0001"

let root = ""
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "millrace-lines-"))
  for (const folder of ["bin", "work", "work/src"]) mkdirSync(join(root, folder))
  for (const name of ["a.b", "src/x", "k=v"]) writeFileSync(join(root, "work", name), "")
  // Each program prints its name and its arguments.
  for (const name of known) {
    writeFileSync(join(root, "bin", name), `#!/bin/sh\nprintf '%s\\0' "\${0##*/}" "$@"\nprintf '\\001\\0'\n`)
    chmodSync(join(root, "bin", name), 0o755)
  }
  writeFileSync(join(root, "no-builtins"), "enable -n command echo eval\n")
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** The programs that the shell runs for the line, with their arguments, and whether the line wrote a file. */
const ranBy = (shell: string, line: string) => {
  const cwd = join(root, "work")
  const before = readdirSync(cwd).length
  const { stdout } = spawnSync(shell, ["-c", line], {
    cwd,
    env: { PATH: join(root, "bin"), HOME: root, BASH_ENV: join(root, "no-builtins") },
    encoding: "utf8",
    // If its input is a socket, as Node's pipes are, bash reads ~/.bashrc and not BASH_ENV.
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 20_000
  })
  const after = readdirSync(cwd)
  if (after.length !== before) rmSync(join(cwd, "x"), { force: true })
  return JSON.stringify([stdout.split(`${end}\0`).map((run) => run.split("\0").slice(0, -1)), after.length - before])
}

type Parser = (line: string) => ReadonlyArray<string> | undefined

/** The lines that the parser accepts and the shell reads in another way. */
const misread = (parse: Parser, sample: ReadonlyArray<string>, most = Number.POSITIVE_INFINITY) => {
  const understood = [...new Set(sample)].filter((line) => {
    const [program] = parse(line) ?? []
    return program !== undefined && known.includes(program)
  })
  const wrong: Array<string> = []
  for (const line of understood) {
    if (wrong.length >= most) break
    if (ranBy("/bin/bash", line) !== JSON.stringify([[parse(line), []], 0])) wrong.push(line)
  }
  return { understood: understood.length, wrong }
}

const trusting: Readonly<Record<string, Parser>> = {
  "words between spaces": (line) => line.split(" ").filter((word) => word !== ""),
  "the first command of a compound line": (line) => CommandLine.parse(line.split(/[;&|\n]/)[0] ?? ""),
  "expansions within double quotes": (line) => CommandLine.parse(line.replaceAll(/\$x/g, "y")),
  "globs as text": (line) => CommandLine.parse(line.replaceAll(/[*?~]/g, "y")),
  "redirections as words": (line) => CommandLine.parse(line.replaceAll(/[<>]/g, "y")),
  "characters that look like spaces": (line) => CommandLine.parse(line.replaceAll(/[\u00a0\u2003\t]/g, " "))
}

describe("CommandLine", () => {
  it("X11 bash runs exactly the words of a line that the parser accepts, and nothing else", { timeout: 120_000 }, () => {
    const sample = FastCheck.sample(lines, { numRuns: 4000, seed })
    const { understood, wrong } = misread(CommandLine.parse, sample)
    expect(understood).toBeGreaterThan(120)
    expect(wrong, `seed ${seed}`).toEqual([])
  })

  it("X11 the same test finds every parser that accepts more", { timeout: 120_000 }, () => {
    const sample = FastCheck.sample(lines, { numRuns: 4000, seed: seed + 1 })
    for (const [name, parse] of Object.entries(trusting)) expect(misread(parse, sample, 1).wrong, name).toHaveLength(1)
  })

  it("X11 the parser accepts one program that runs no other", () => {
    const no = [
      "git status; rm x",
      "git status && rm x",
      "git status | sh",
      "git status & rm x",
      "git status\nrm x",
      "git status > x",
      "git status < x",
      "git status $(rm x)",
      "git status `rm x`",
      'git status "$(rm x)"',
      "git status ${x}",
      "git status *",
      "git status ~",
      "git {status,x}",
      "git status \\; rm",
      "git 'status",
      "git\xA0status",
      "git status x",
      "git status\rrm",
      "ɡit status",
      "X=1 git status",
      "'git' status",
      "env X=1 git status",
      "sh -c 'git status'",
      "bash -c 'git status'",
      "BASH -c 'git status'",
      "sudo git status",
      "xargs git status",
      "nohup git status",
      "time git status",
      "eval git status",
      "exec git status",
      "command git status",
      "builtin git",
      ". git",
      "source git",
      "! git status",
      "if git status",
      "[ git ]",
      "git -c alias.x=!sh x",
      "git --no-pager -c alias.x=!sh x",
      "git -C /x status",
      "git --exec-path=/x status",
      "git --config-env=a=b status",
      "find . -exec rm {} +",
      "find . -delete",
      "find . -execdir sh x",
      "test -v 'a[$(rm)]'",
      "printf -v 'a[$(rm)]' x",
      "declare 'a[$(rm)]=1'",
      "/bin/bash -lc 'git status; rm x'",
      "/bin/bash -lc 'git status' x",
      "/bin/bash -lc 'sh -c x'",
      "/tmp/bash -lc 'git status'",
      "",
      " ",
      "x".repeat(5e3)
    ]
    for (const line of no) expect(CommandLine.certain(line), line).toBeUndefined()
    expect(CommandLine.certain("git status")).toEqual(["git", "status"])
    expect(CommandLine.certain(" git  log --format='%h; %s' \"a b\" ")).toEqual(["git", "log", "--format=%h; %s", "a b"])
    expect(CommandLine.certain("/bin/bash -lc 'npm test'"), "Codex shows commands in this form").toEqual(["npm", "test"])
    expect(CommandLine.certain('/bin/zsh -lc "npm test -- --x=1"')).toEqual(["npm", "test", "--", "--x=1"])
    expect(CommandLine.certain("git --no-pager log")).toEqual(["git", "--no-pager", "log"])
  })

  it("X11 a rule that declines finds its words in any part, quoted or hidden", () => {
    for (const line of [
      "rm -rf x",
      "ls; rm -rf x",
      "ls && /bin/rm -rf x",
      "sh -c 'rm -rf x'",
      "r\\m -rf x",
      "r''m \"-rf\" x",
      "x=$(rm -rf y)",
      "rm${IFS}-rf x",
      "rm\u00a0-rf x",
      "env A=1 rm -rf x",
      "echo `rm -rf x`"
    ])
      expect(CommandLine.mentions(line, "rm -rf"), line).toBe(true)
    for (const line of ["git push", "git -P push", "git --no-pager push x", "GIT PUSH"])
      expect(CommandLine.mentions(line, "git push"), line).toBe(true)
    for (const line of ["rm x", "ls -rf", "farm -rf", "rm x -rf"]) expect(CommandLine.mentions(line, "rm -rf"), line).toBe(false)
  })
})
