// Runs after an install. Node 20 needs a compiled driver. If neither a prebuilt driver nor Node's headers can be downloaded, the headers
// next to this Node are used. A failure is reported here, not at the first start.
const { spawnSync } = require("node:child_process")
const { existsSync } = require("node:fs")
const { dirname, join } = require("node:path")

const works = () =>
  spawnSync(process.execPath, ["-e", `new (require(${JSON.stringify(__dirname)}))(":memory:").close()`], { stdio: "ignore" })
    .status === 0

const build = () => {
  const nodeDir = dirname(dirname(process.execPath))
  if (!existsSync(join(nodeDir, "include/node/node.h"))) return false
  const cwd = dirname(require.resolve("better-sqlite3-12/package.json"))
  console.log("Compiling the SQLite driver with the headers of this Node, about a minute …")
  return (
    spawnSync("node-gyp", ["rebuild", "--release", `--nodedir=${nodeDir}`], { cwd, stdio: ["ignore", "ignore", "inherit"] })
      .status === 0
  )
}

if (!works() && !(build() && works())) {
  console.error(
    `There is no SQLite driver for Node ${process.versions.node} here: it could neither be fetched nor compiled. ` +
      "Use Node 22 or newer, which needs neither, or install Python and a C++ compiler and run this again."
  )
  process.exit(1)
}
