/**
 * A private git directory for each work tree, in the server's data directory: its own index, configuration, attributes and HEAD, over the objects of the
 * person's repository. Git commands that read the files run with it, so that they cannot read or write the person's index, HEAD, hooks, filters or
 * configuration (W1, W2). Files are stored byte for byte: no line end is converted.
 */
import { Effect, Option, Schema } from "effect"
import { createHash } from "node:crypto"
import { copyFile, mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { exists } from "./Exists.ts"
import { Git } from "./Git.ts"
import * as RawPath from "./RawPath.ts"
import type { Repository } from "./Repository.ts"

export interface WorkTree extends Repository {
  /** The private git directory. Absolute. */
  readonly privateDir: string
  /** The environment with which git uses the private directory. */
  readonly env: Readonly<Record<string, string>>
  /** The repository is a partial clone: git would fetch missing objects from the remote when it needs them. */
  readonly partial?: boolean
}

/**
 * The person's settings that decide which files git sees, how it reads them, and who may write to the object directory. The private configuration omits
 * all other settings of the person.
 */
const adopted = /^core\.(excludesfile|filemode|symlinks|ignorecase|precomposeunicode|trustctime|checkstat|sharedrepository)$/
/** Settings with which git may store other bytes than the file has. */
const converting = /^core\.(autocrlf|eol|attributesfile)$/

interface Settings {
  readonly own: ReadonlyArray<readonly [name: string, value: string]>
  readonly converts: boolean
  /** The repository is a partial clone: git would fetch missing objects from the remote when it needs them. */
  readonly partial: boolean
}

const settingsOf = ({ root }: Repository) =>
  Effect.gen(function* () {
    const git = yield* Git
    const { stdout } = yield* git.run(["config", "--null", "--get-regexp", "^(core|extensions)\\."], { cwd: root, codes: [0, 1] })
    const all = RawPath.fields(stdout).map((entry): readonly [string, string] => {
      const at = entry.indexOf("\n")
      return at < 0 ? [entry, "true"] : [entry.slice(0, at), entry.slice(at + 1)]
    })
    // The last value of a setting counts.
    const last = [...new Map(all)]
    return {
      own: last.filter(([name]) => adopted.test(name)),
      converts: last.some(([name, value]) => converting.test(name) && !["false", "lf", "native"].includes(value.toLowerCase())),
      partial: last.some(([name]) => name === "extensions.partialclone")
    } satisfies Settings
  })

const quoted = (value: string): string =>
  `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\t", "\\t")}"`

const configOf = ({ objectFormat }: Repository, { own }: Settings): string =>
  [
    "[core]",
    `\trepositoryformatversion = ${objectFormat === "sha1" ? 0 : 1}`,
    "\tbare = false",
    "\tsparseCheckout = true",
    "\tautocrlf = false",
    "\tsplitIndex = false",
    "\tuntrackedCache = false",
    // Git syncs loose objects, so that a power failure cannot leave a ref to a missing object. Such a ref would break the person's `git gc` and `git fetch`.
    "\tfsync = loose-object",
    "\tfsyncMethod = batch",
    ...own.map(([name, value]) => `\t${name.slice("core.".length)} = ${quoted(value)}`),
    ...(objectFormat === "sha1" ? [] : ["[extensions]", `\tobjectFormat = ${objectFormat}`]),
    "[index]",
    "\tthreads = true",
    ""
  ].join("\n")

/** Attributes that take precedence over every `.gitattributes`. */
const attributes = "* -text !eol -filter -ident !working-tree-encoding\n"

/** Replaces the file if its content differs. */
const put = async (path: string, content: string | Buffer): Promise<void> => {
  const bytes = Buffer.from(content)
  const known = await readFile(path).catch(() => undefined)
  if (known?.equals(bytes) === true) return
  await writeFile(`${path}.tmp`, bytes, { mode: 0o600 })
  await rename(`${path}.tmp`, path)
}

/** An attribute that lets git store other bytes than the file has. `-text` and `binary` do not. */
const conversion = /(^|\s)(text|crlf|eol|ident|filter|working-tree-encoding)(=\S*)?(\s|$)/

/** Whether any file may be stored with other bytes than it has, by the person's attributes. */
const hasConversions = ({ commonDir, root }: Repository) =>
  Effect.gen(function* () {
    const git = yield* Git
    const { stdout } = yield* git.run(["ls-files", "-z", "--cached", "--", ":(glob)**/.gitattributes"], { cwd: root })
    const config = process.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config")
    const files = [
      ...RawPath.fields(stdout).map((path) => Buffer.concat([Buffer.from(`${root}/`), RawPath.toBytes(path)])),
      join(root, ".gitattributes"),
      join(commonDir, "info/attributes"),
      join(config, "git/attributes"),
      "/etc/gitattributes"
    ]
    return yield* Effect.promise(async () => {
      for (const file of files) {
        const text = await readFile(file, "utf8").catch(() => "")
        if (text.split("\n").some((line) => !line.startsWith("#") && conversion.test(line))) return true
      }
      return false
    })
  })

/**
 * Names the private directory of a work tree. The directory may not exist yet. `shadow`: the private directory is itself the repository, of a directory
 * that is in no git repository (`Shadow`).
 */
export const placeOf = (repository: Repository, home: string): WorkTree => {
  const { root, shadow } = repository
  const name = createHash("sha256")
    .update(shadow === true ? `shadow ${root}` : root)
    .digest("hex")
    .slice(0, 32)
  const privateDir = join(home, name)
  return {
    ...repository,
    privateDir,
    env: {
      GIT_DIR: privateDir,
      GIT_WORK_TREE: repository.root,
      GIT_OBJECT_DIRECTORY: repository.objects,
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_ATTR_NOSYSTEM: "1"
    }
  }
}

const Stored = Schema.parseJson(
  Schema.Struct({
    root: Schema.String,
    gitDir: Schema.String,
    commonDir: Schema.String,
    objects: Schema.String,
    objectFormat: Schema.String,
    shadow: Schema.optionalWith(Schema.Literal(true), { exact: true })
  })
)

/** The repository of a private directory. `undefined` if the repository does not exist any more. */
export const repositoryOf = async (privateDir: string): Promise<Repository | undefined> => {
  const text = await readFile(join(privateDir, "repository.json"), "utf8").catch(() => "")
  const found = Option.getOrUndefined(Schema.decodeOption(Stored)(text))
  return found !== undefined && (await exists(found.commonDir)) ? found : undefined
}

/** The file that says that a thread has checkpoints of the work tree. */
export const marker = (privateDir: string, threadId: string): string => join(privateDir, "threads", threadId)

/**
 * Records that the thread has checkpoints, so that the code that removes them can find the repository. Creates the private directory again if it was
 * removed.
 */
export const mark = async (repository: Repository, home: string, threadId: string): Promise<void> => {
  const { privateDir } = placeOf(repository, home)
  await mkdir(join(privateDir, "threads"), { recursive: true, mode: 0o700 })
  await put(join(privateDir, "repository.json"), JSON.stringify(repository))
  await writeFile(marker(privateDir, threadId), "")
}

/** Opens the private directory of the work tree and updates it to the person's settings. `home`: the directory of all private directories. */
export const open = (repository: Repository, home: string) =>
  Effect.gen(function* () {
    const settings = yield* settingsOf(repository)
    const workTree = placeOf(repository, home)
    const { privateDir } = workTree
    yield* Effect.promise(async () => {
      for (const directory of ["refs", "info", "threads", ...(repository.shadow === true ? ["objects"] : [])])
        await mkdir(join(privateDir, directory), { recursive: true, mode: 0o700 })
      await put(join(privateDir, "HEAD"), "ref: refs/heads/none\n")
      await put(join(privateDir, "config"), Buffer.from(configOf(repository, settings), "latin1"))
      await put(join(privateDir, "info/attributes"), attributes)
      await put(
        join(privateDir, "info/exclude"),
        await readFile(join(repository.commonDir, "info/exclude")).catch(() => Buffer.alloc(0))
      )
      await put(join(privateDir, "repository.json"), JSON.stringify(repository))
      // Only one command at a time uses the directory, so a command that was killed left this lock.
      await rm(join(privateDir, "index.lock"), { force: true })
    })
    if (!(yield* Effect.promise(() => exists(join(privateDir, "index"))))) yield* seed(workTree, settings)
    return { ...workTree, partial: settings.partial }
  })

/** Removes the private index. The next `open` creates it again. */
export const reset = ({ privateDir }: WorkTree) => Effect.promise(() => rm(join(privateDir, "index"), { force: true }))

/**
 * The first private index: the person's tracked files. Where no bytes are converted, it is a copy of the person's index, whose times spare git the reading
 * of unchanged files. Else only its names and modes are taken, and the first checkpoint reads every file.
 */
const seed = (workTree: WorkTree, { converts }: Settings) =>
  Effect.gen(function* () {
    const { gitDir, privateDir, root } = workTree
    const git = yield* Git
    const theirs = join(gitDir, "index")
    const info = yield* Effect.promise(() => stat(theirs).catch(() => undefined))
    if (info === undefined) return
    const { stdout: shared } = yield* git.run(["rev-parse", "--shared-index-path"], { cwd: root })
    const isPlain = shared.length === 0 && !converts && !(yield* hasConversions(workTree))
    if (isPlain) {
      const copy = join(privateDir, "index.copy")
      yield* Effect.promise(async () => {
        await rm(`${copy}.lock`, { force: true })
        await copyFile(theirs, copy)
        // Git trusts a file that is older than the index. The copy keeps the time of the original, rounded down, so that git does not trust more files than with the original.
        const at = Math.floor(info.mtimeMs / 1000)
        await utimes(copy, at, at)
      })
      const onCopy = { cwd: root, env: { ...workTree.env, GIT_INDEX_FILE: copy }, deadline: "60 seconds" } as const
      // The person marked some files `assume-unchanged`. A checkpoint must read them, so the mark is removed in the copy.
      const { stdout: tags } = yield* git.run(["ls-files", "-v", "-z"], { ...onCopy, maxBytes: 512 * 1024 * 1024 })
      const assumed = RawPath.fields(tags).flatMap((line) => (/^[a-z]/.test(line) ? [line.slice(2)] : []))
      if (assumed.length > 0)
        yield* git.run(["update-index", "-z", "--no-assume-unchanged", "--stdin"], { ...onCopy, input: RawPath.input(assumed) })
      yield* Effect.promise(() => rename(copy, join(privateDir, "index")))
      return
    }
    const { stdout } = yield* git.run(["ls-files", "-z", "-s", "-t"], { cwd: root, maxBytes: 512 * 1024 * 1024 })
    const entries = RawPath.fields(stdout).flatMap((line) => {
      const parsed = /^(.) (\d{6}) ([0-9a-f]+) (\d)\t([\s\S]*)$/.exec(line)
      const [, tag, mode, object, stage, path] = parsed ?? []
      return path === undefined || stage !== "0" ? [] : [{ tag, path, line: `${mode} ${object} 0\t${path}` }]
    })
    const run = (args: ReadonlyArray<string>, lines: ReadonlyArray<string>) =>
      git.run(args, { cwd: root, env: workTree.env, input: RawPath.input(lines), deadline: "60 seconds" })
    yield* run(
      ["update-index", "-z", "--index-info"],
      entries.map(({ line }) => line)
    )
    const absent = entries.filter(({ tag }) => tag === "S").map(({ path }) => path)
    if (absent.length > 0) yield* run(["update-index", "-z", "--skip-worktree", "--stdin"], absent)
  })
