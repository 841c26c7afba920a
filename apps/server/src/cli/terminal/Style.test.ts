/** Which characters reach a terminal. */
import { PassThrough } from "node:stream"
import { FastCheck as fc, Effect } from "effect"
import { expect, it } from "@effect/vitest"
import * as Output from "../Output.ts"
import * as Style from "./Style.ts"

const attacks: ReadonlyArray<readonly [string, string]> = [
  ["done \u001b]0;TITLE\u0007.", "done ."],
  ["\u001b]52;c;ZWNobw==\u0007x", "x"],
  ["\u001b]52;c;ZWNobw==\u001b\\x", "x"],
  ["\u009d52;c;ZWNobw==\u009cx", "x"],
  ["\u001b[2Jx\u001b[1;1H", "x"],
  ["\u009b2Jx", "x"],
  ["\u001bP$qm\u001b\\x", "x"],
  ["\u001bcx", "x"],
  ["\u001b[8mhidden\u001b[0m", "hidden"],
  ["user\u202etxt.exe", "usertxt.exe"],
  ["a\u2066b\u2069c\u200ed\u200fe\u061cf", "abcdef"],
  ["a\rb\u0008c\u007fd\u0000e", "abcde"],
  ["no end: \u001b]0;the rest stays", "no end: 0;the rest stays"],
  ["two\nlines\tand a tab", "two\nlines\tand a tab"]
]

/** C0 without line ends and tabs, C1, and bidirectional controls. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/

it("X8 escapes, controls and directions of an agent's text do not reach a terminal; line ends and tabs do", () => {
  for (const [text, expected] of attacks) expect([text, Style.harmless(text)]).toEqual([text, expected])
  const part = fc.constantFrom(
    ...attacks.map(([text]) => text),
    "a",
    "\n",
    "\u001b",
    "\u001b[",
    "\u009b",
    "]",
    "31m",
    ";",
    "\u0007"
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join("")
      expect(Style.harmless(text)).not.toMatch(controls)
      expect(Style.line(text, 60)).not.toMatch(controls)
      expect(Style.line(text, 60)).not.toMatch(/[\n\t]/)
      // Only complete colour sequences pass the last filter.
      // oxlint-disable-next-line no-control-regex -- the escape character is what this is about
      expect(Style.shown(text).replaceAll(/\u001b\[[0-9;]*m/g, "")).not.toMatch(controls)
    }),
    { numRuns: 500, seed: 2 }
  )
})

it("X8 a line is cut between characters", () => {
  expect(Style.line(`${"a".repeat(8)}\u{1f600}b`, 10)).toBe(`${"a".repeat(8)}…`)
  expect(Style.line("\u001b]0;T\u0007a\r\nb", 10)).toBe("a b")
})

const streams = (terminal: boolean) => {
  const stream = () => Object.assign(new PassThrough(), { isTTY: terminal, columns: 80 }) as unknown as NodeJS.WriteStream
  const [out, err] = [stream(), stream()]
  return { out, err, inIsTerminal: false, environment: {} }
}
const written = (stream: NodeJS.WriteStream) => String((stream as unknown as PassThrough).read() ?? "")

it.scoped("X8 all output to a terminal is filtered in one place; a file or a pipe gets unchanged bytes", () =>
  Effect.gen(function* () {
    const evil = `\u001b]52;c;eA==\u0007${"\u202e"}x\u009b2J\u001b[31mred\u001b[39m\n`
    const terminal = streams(true)
    const output = yield* Output.make(terminal)
    yield* output.out(evil)
    yield* output.note(evil)
    expect(written(terminal.out)).toBe("x\u001b[31mred\u001b[39m\n")
    expect(written(terminal.err)).toBe("x\u001b[31mred\u001b[39m\n\n")
    yield* output.out(output.outStyle.bold("b"))
    expect(written(terminal.out)).toBe("\u001b[1mb\u001b[22m")
    yield* Effect.provideService(Output.json({ text: "\u202e\u009b" }), Output.Output, output)
    const shown = written(terminal.out)
    expect(shown).toContain("\\u202e\\u009b")
    expect(JSON.parse(shown)).toEqual({ text: "\u202e\u009b" })
    const pipe = streams(false)
    const plain = yield* Output.make(pipe)
    yield* plain.out(evil)
    expect(written(pipe.out)).toBe(evil)
  })
)
