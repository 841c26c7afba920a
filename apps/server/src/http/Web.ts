/** `GET /`: a small page that works: threads, a thread's live events, a prompt, the questions that wait. A client like any other. */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import * as Html from "./Html.ts"
import { script, style } from "./WebPage.ts"

const body = `<header><h1>Millrace</h1><span id="status" role="status">connecting</span><a href="/docs">interface</a></header>
<div id="notice" role="alert" hidden></div>
<div class="columns">
<nav><h2>Threads</h2><ul id="threads"></ul><p id="empty" hidden>No threads yet. Ask something.</p></nav>
<main><h2 id="title">New thread</h2><section id="requests"></section><ol id="items" aria-live="polite"></ol>
<form id="prompt"><textarea id="text" rows="3" placeholder="Ask an agent. Try: hello" aria-label="Prompt"></textarea>
<div><select id="provider" aria-label="Agent"></select><button id="send">Send</button><button id="stop" type="button" hidden>Interrupt</button><button id="new" type="button">New thread</button></div></form></main>
</div>`

const file = (contentType: string, text: string) =>
  Effect.succeed(HttpServerResponse.text(text, { contentType, headers: { "cache-control": "no-cache" } }))

export const make = Effect.sync(() => [
  HttpLayerRouter.route("GET", "/", Effect.succeed(Html.page("Millrace", body, { script: "/app.js" }))),
  HttpLayerRouter.route("GET", "/app.js", file("text/javascript; charset=utf-8", script)),
  HttpLayerRouter.route("GET", "/app.css", file("text/css; charset=utf-8", style))
])
