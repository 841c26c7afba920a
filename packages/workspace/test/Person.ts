/** A person's repository for tests: everything of it that Millrace must never change, as one value that can be compared. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** The person's own configuration is not that of the machine. */
const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nowhere",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "person",
  GIT_AUTHOR_EMAIL: "person@example.com",
  GIT_COMMITTER_NAME: "person",
  GIT_COMMITTER_EMAIL: "person@example.com",
  GIT_OPTIONAL_LOCKS: "0"
}

/** Runs git as the person does. */
export const git = (cwd: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-c", "protocol.file.allow=always", ...args], {
    cwd,
    env,
    encoding: "latin1",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 28
  })

export const write = (root: string, files: Readonly<Record<string, string | Buffer>>): void => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
}

export const init = (root: string, ...args: ReadonlyArray<string>): void => {
  mkdirSync(root, { recursive: true })
  git(root, "init", "-q", "-b", "main", ...args)
}

export const commitAll = (root: string, message = "one"): void => {
  git(root, "add", "-A")
  git(root, "commit", "-q", "--no-verify", "--no-gpg-sign", "--allow-empty", "-m", message)
}

const contentOf = (path: Buffer): string => {
  const info = lstatSync(path)
  if (info.isSymbolicLink()) return `link ${readlinkSync(path, "latin1")}`
  if (!info.isFile()) return "other"
  return (info.mode & 0o111) === 0 ? "" : "x "
}

/** Every file below the root, with its kind and the hash of its bytes; `skip`: names at the top that are left out. */
export const files = (root: string, skip: ReadonlyArray<string> = [".git"]): Record<string, string> => {
  const found: Record<string, string> = {}
  const visit = (directory: Buffer, prefix: string) => {
    for (const name of readdirSync(directory, "buffer")) {
      const path = Buffer.concat([directory, Buffer.from("/"), name])
      const at = prefix + name.toString("latin1")
      if (prefix === "" && skip.includes(at)) continue
      const info = lstatSync(path)
      if (info.isDirectory()) visit(path, `${at}/`)
      else if (info.isFile()) found[at] = contentOf(path) + createHash("sha1").update(readFileSync(path)).digest("hex")
      else found[at] = contentOf(path)
    }
  }
  visit(Buffer.from(root), "")
  return found
}

/** Everything in the git directory that is the person's: not objects, and not our refs. */
const gitFiles = (gitDir: string): Record<string, string> =>
  Object.fromEntries(Object.entries(files(gitDir, ["objects"])).filter(([name]) => !name.startsWith("refs/millrace/")))

/** What must be the same before and after: every byte of the work tree and of the git directory, except objects and our refs. */
export const stateOf = (root: string, gitDir = join(root, ".git")) => ({
  git: existsSync(gitDir) && lstatSync(gitDir).isDirectory() ? gitFiles(gitDir) : {},
  files: files(root)
})

/** The files of a commit: path → mode and content. */
export const treeOf = (repository: string, commit: string): Record<string, string> => {
  const entries = git(repository, "ls-tree", "-r", "-z", commit).split("\0").slice(0, -1)
  return Object.fromEntries(
    entries.map((line) => {
      const [, mode = "", type, object = "", path = ""] = /^(\d+) (\w+) ([0-9a-f]+)\t([\s\S]*)$/.exec(line) ?? []
      if (type !== "blob") return [path, `${type} ${object}`]
      const content = Buffer.from(git(repository, "cat-file", "blob", object), "latin1")
      if (mode === "120000") return [path, `link ${content.toString("latin1")}`]
      return [path, (mode === "100755" ? "x " : "") + createHash("sha1").update(content).digest("hex")]
    })
  )
}
