/** The HTML frame of the server's own pages. Scripts and styles are files: the policy allows nothing inline and nothing from other origins. */
import { HttpServerResponse } from "@effect/platform"

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

export const escape = (text: string): string =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;")

/** An HTML response. `body` is HTML and is not escaped; `title` is text. */
export const page = (
  title: string,
  body: string,
  options?: { readonly status?: number; readonly script?: string }
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/app.css">
${options?.script === undefined ? "" : `<script type="module" src="${escape(options.script)}"></script>`}
</head>
<body>
${body}
</body>
</html>
`,
    {
      status: options?.status ?? 200,
      contentType: "text/html; charset=utf-8",
      headers: { "content-security-policy": policy, "cache-control": "no-cache", "referrer-policy": "no-referrer" }
    }
  )
