/** The files that make the operating system run the server: a systemd user unit, and a launchd agent for macOS. Pure. */

export interface Service {
  /** Absolute path of Node. */
  readonly node: string
  /** Absolute path of the program's main file. */
  readonly program: string
  readonly data: string
  /** The PATH with which agents are found. */
  readonly path: string
}

export const unitName = "millrace.service"
export const launchdLabel = "dev.millrace.server"

/** Arguments of `node`. Address, limits and agents come from the configuration file of the data directory. */
const command = ({ data, node, program }: Service): ReadonlyArray<string> => [node, program, "serve", "--data", data]

/** Quotes as systemd.syntax(7) and "COMMAND LINES" of systemd.service(5) define: `%` names a specifier, `\` an escape; `$` a variable, but not in the path of the program. */
const quoted = (text: string): string =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("%", "%%")}"`
const argument = (text: string): string => quoted(text).replaceAll("$", () => "$$")

/** Longer than the server takes to drain (docs/operations.md, "Stop"), so that systemd does not cut it short. */
const stopSeconds = 60

/** `KillMode=mixed`: the first signal goes only to the server, which ends its agents in order. */
export const systemdUnit = (service: Service): string => `[Unit]
Description=Millrace, an orchestration server for coding agents

[Service]
Type=exec
ExecStart=${[quoted(service.node), ...command(service).slice(1).map(argument)].join(" ")}
Environment=${quoted(`PATH=${service.path}`)}
WorkingDirectory=~
Restart=on-failure
RestartSec=2
KillMode=mixed
TimeoutStopSec=${stopSeconds}

[Install]
WantedBy=default.target
`

const xml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** Starts at login, restarts after a failure, and has `ExitTimeOut` seconds to stop. */
export const launchdAgent = (service: Service): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>${launchdLabel}</string>
  <key>ProgramArguments</key>
  <array>
${command(service)
  .map((text) => `    <string>${xml(text)}</string>`)
  .join("\n")}
  </array>
  <key>EnvironmentVariables</key>
  <dict><key>PATH</key><string>${xml(service.path)}</string></dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ExitTimeOut</key><integer>${stopSeconds}</integer>
  <key>StandardErrorPath</key><string>${xml(service.data)}/service.log</string>
</dict>
</plist>
`
