/** The style of the pages that the server generates (`/docs`, `/pair`): a file, because the policy allows nothing inline. */

export const style = `:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 6%, transparent) }
* { box-sizing: border-box }
html { background: Canvas; color: CanvasText } a { color: #0645ad }
@media (prefers-color-scheme: dark) { html { background: #121212; color: #eee } a { color: #9db8ff } }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.1rem; margin: 0 } h2 { font-size: .95rem; margin: 0 0 .5rem }
p { margin: .6rem 1rem }
main.docs { max-width: 60rem; margin: 0 auto; padding: 1rem }
pre { overflow: auto; background: var(--soft); padding: .6rem; border-radius: .4rem } details { margin: .3rem 0 }
main.docs p { margin: .6rem 0 } main.docs h2 { font-size: 1.15rem; margin: 1.6rem 0 .5rem } main.docs h3 { font-size: 1rem; margin: 1.4rem 0 0 }
main.docs h4 { font-size: .9rem; margin: .8rem 0 .2rem } main.docs ul { margin: .2rem 0; padding-left: 1.2rem }
main.docs details { border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .6rem } main.docs summary { cursor: pointer; padding: .3rem 0 }
main.docs pre, main.docs output { white-space: pre-wrap; overflow-wrap: anywhere } main.docs code, main.docs li, main.docs summary { overflow-wrap: anywhere }
main.docs output { display: block; font: .85rem/1.45 ui-monospace, monospace; max-height: 24rem; overflow: auto }
main.docs output:not(:empty) { background: var(--soft); padding: .6rem; border-radius: .4rem }
main.docs nav a { display: inline-block; padding: .3rem .6rem .3rem 0 } main.docs label { display: block; font-weight: 600 }
main.docs input, main.docs select, main.docs textarea { font: inherit; width: 100%; max-width: 30rem; padding: .35rem .5rem }
main.docs textarea { max-width: 100%; font-family: ui-monospace, monospace } main.docs button { font: inherit; padding: .35rem .9rem; min-height: 2.5rem }
`
