// Runs after an install. Before Node 22.13 there is no `node:sqlite`: better-sqlite3 is compiled here, because its own install script would download a
// binary. The compiler's output goes to a file. A failure is reported here, in one sentence, and not at the first start.
const { spawn, spawnSync } = require("node:child_process")
const { closeSync, existsSync, openSync } = require("node:fs")
const { dirname, join } = require("node:path")

const works = () =>
  spawnSync(process.execPath, ["-e", `new (require(${JSON.stringify(__dirname)}))(":memory:").close()`], { stdio: "ignore" })
    .status === 0

/** Compiles with the headers next to this Node, if there are any; otherwise node-gyp fetches them. Resolves to whether it succeeded. */
const compile = (log) =>
  new Promise((resolve) => {
    const cwd = dirname(require.resolve("better-sqlite3/package.json"))
    const nodeDir = dirname(dirname(process.execPath))
    const headers = existsSync(join(nodeDir, "include/node/node.h")) ? [`--nodedir=${nodeDir}`] : []
    const output = openSync(log, "w")
    process.stdout.write(`Compiling the SQLite driver for Node ${process.versions.node}, one to five minutes `)
    const dots = setInterval(() => process.stdout.write("."), 5_000)
    const ended = (succeeded) => {
      clearInterval(dots)
      closeSync(output)
      process.stdout.write(succeeded ? " done\n" : " failed\n")
      resolve(succeeded)
    }
    spawn("node-gyp", ["rebuild", "--release", ...headers], { cwd, stdio: ["ignore", output, output] })
      .once("error", () => ended(false))
      .once("exit", (code) => ended(code === 0))
  })

const main = async () => {
  const log = join(__dirname, "compile.log")
  if (works() || ((await compile(log)) && works())) return
  console.error(
    `The SQLite driver for Node ${process.versions.node} could not be compiled: use Node 22.13 or newer, which needs no compiler, ` +
      `or install Python, make and a C++ compiler and run this again (the compiler's output: ${log}).`
  )
  process.exitCode = 1
}
main()
