/**
 * Reads a command line as one simple command, for approval rules. The parser rejects every line that a shell could read in another way. sh, bash and zsh read
 * an accepted line in the same way.
 */

/** The parser rejects a longer line. */
const maxLength = 4096

/** Characters without a special meaning outside of quotes. */
const plain = /[A-Za-z0-9_./:@%+,=-]/
/** The name of a program. It has no quotes and no `=`, so it is neither a quoted keyword nor an assignment. */
const program = /^[A-Za-z0-9_./][A-Za-z0-9_./+-]*$/
/** Characters that a shell expands within double quotes. */
const expanded = /[$`\\!]/

const keywords: ReadonlySet<string> = new Set(
  "if then else elif fi case esac for select while until do done in function time coproc repeat foreach end nocorrect noglob".split(
    " "
  )
)

/** The quoted part that begins at `from`, and the index after it. `undefined`: rejected. */
const quoted = (line: string, from: number): readonly [text: string, next: number] | undefined => {
  const quote = line.charAt(from)
  const end = line.indexOf(quote, from + 1)
  if (end < 0) return undefined
  const text = line.slice(from + 1, end)
  return quote === '"' && expanded.test(text) ? undefined : [text, end + 1]
}

/** The word that begins at `from`, and the index after it. `undefined`: rejected. */
const wordAt = (line: string, from: number): readonly [word: string, next: number] | undefined => {
  let word = ""
  let at = from
  while (at < line.length && line.charAt(at) !== " ") {
    const next = line.charAt(at)
    if (next === "'" || next === '"') {
      const part = quoted(line, at)
      if (part === undefined) return undefined
      word += part[0]
      at = part[1]
    } else if (plain.test(next)) {
      word += next
      at += 1
    } else return undefined
  }
  return [word, at]
}

/** The program and its arguments, if the line is one simple command without expansions. Otherwise `undefined`. */
export const parse = (line: string): readonly [string, ...Array<string>] | undefined => {
  if (line.length > maxLength || /[^\x20-\x7e]/.test(line)) return undefined
  const words: Array<string> = []
  let at = 0
  while (at < line.length) {
    if (line.charAt(at) === " ") {
      at += 1
      continue
    }
    // zsh replaces `=program` by the program's path.
    if (line.charAt(at) === "=") return undefined
    const read = wordAt(line, at)
    if (read === undefined) return undefined
    if (words.length === 0 && !program.test(line.slice(at, read[1]))) return undefined
    words.push(read[0])
    at = read[1]
  }
  const [first, ...rest] = words
  return first === undefined || keywords.has(first) ? undefined : [first, ...rest]
}

/** Programs that run another command. Their arguments or their input name it. */
const launchers: ReadonlySet<string> = new Set(
  (
    "sh bash dash ash zsh ksh mksh fish csh tcsh busybox toybox env sudo doas su runuser chroot unshare nsenter setsid nohup nice ionice chrt " +
    "taskset timeout stdbuf script xargs parallel watch entr strace ltrace gdb flock ssh rsh at batch"
  ).split(" ")
)
/** Shell builtins that run or evaluate their arguments, or change how the shell reads later commands. */
const builtins: ReadonlySet<string> = new Set(
  (
    ". : [ alias autoload bg bind break builtin caller cd command compgen complete compopt continue declare dirs disown emulate enable eval exec exit " +
    "export fc fg float functions getopts hash help history integer jobs kill let limit local logout mapfile nameref popd print printf pushd read " +
    "readarray readonly return sched set setopt shift shopt source suspend test times trap type typeset ulimit umask unalias unset unsetopt wait whence " +
    "which zcompile zle zmodload zparseopts zstyle - + dot"
  ).split(" ")
)
const gitFlags: ReadonlySet<string> = new Set(["--version", "--help", "-h", "-v", "--no-pager", "-P"])

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** Whether the arguments can make the program run another program. */
const runsAnother = ([program, ...args]: readonly [string, ...Array<string>]): boolean => {
  const name = baseName(program)
  // Some file systems do not distinguish upper and lower case.
  if (launchers.has(name.toLowerCase()) || builtins.has(program.toLowerCase())) return true
  // Options before the subcommand, such as `git -c alias.x=!sh x`.
  if (name === "git") {
    const first = args.findIndex((arg) => !arg.startsWith("-"))
    return args.slice(0, first < 0 ? args.length : first).some((arg) => !gitFlags.has(arg))
  }
  return name === "find" && args.some((arg) => /^-(exec|ok|delete|fprint|fls)/.test(arg))
}

/** Whether the words are a login shell with a command, as Codex and other agents show it. */
const isWrapped = (words: ReadonlyArray<string>): boolean =>
  words.length === 3 && /^(\/usr)?\/bin\/(ba|z)?sh$/.test(words[0] ?? "") && words[1] === "-lc"

/** The command of a login shell, as in `/bin/bash -lc LINE`. Any other line is returned unchanged. */
export const inner = (line: string): string => {
  const words = parse(line)
  return words !== undefined && isWrapped(words) ? (words[2] ?? "") : line
}

/**
 * The program and its arguments that the line runs, if it is certain that the line runs nothing else. Otherwise `undefined`. For `/bin/bash -lc LINE` the
 * result is that of LINE.
 */
export const certain = (line: string): readonly [string, ...Array<string>] | undefined => {
  const words = parse(inner(line))
  return words === undefined || runsAnother(words) ? undefined : words
}

/** Whether `words` begin with `prefix`. */
export const startsWith = (words: ReadonlyArray<string>, prefix: ReadonlyArray<string>): boolean =>
  prefix.length > 0 && prefix.every((word, at) => word === words[at])

const separators = /[\s\p{Cf};&|()<>{}$`'"\\=!]+/u
const splits = (line: string): ReadonlyArray<string> => line.split(separators).filter((word) => word !== "")
/** The line's words in two readings: with quotes removed, and with quotes as separators. */
const readings = (line: string): ReadonlyArray<ReadonlyArray<string>> => {
  const spaced = line.normalize("NFKC").replaceAll(/\$\{?IFS\}?/gi, " ")
  return [splits(spaced.replaceAll(/['"\\]/g, "")), splits(spaced)]
}

/**
 * Whether a part of the line has the words of `command` in this order: quoted or not, also after a path (`/bin/rm` for `rm`), in upper case, and with
 * options between them (`git -P push`). For rules that decline.
 */
export const mentions = (line: string, command: string): boolean => {
  const wanted = splits(command.toLowerCase().replaceAll(/['"\\]/g, ""))
  const [first, ...rest] = wanted
  if (first === undefined) return false
  const all = readings(line.toLowerCase())
  const withoutOptions = all.map((words) => words.filter((word) => !word.startsWith("-")))
  return [...all, ...withoutOptions].some((words) =>
    words.some(
      (word, at) => (word === first || baseName(word) === first) && rest.every((other, n) => words[at + 1 + n] === other)
    )
  )
}
