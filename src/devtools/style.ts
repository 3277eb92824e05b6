/**
 * The panel's own look, in its shadow root: nothing of the page's comes in, nothing goes out. Both colour schemes.
 *
 * Tests: test/devtools/devtools.test.ts
 */

export const STYLE = `
:host { all: initial; color-scheme: light dark;
  --ground: #fff; --text: #1d1d1f; --quiet: #56565c; --line: #d5d5da; --mark: #0b5cad; --good: #17693a; --bad: #b3261e }
@media (prefers-color-scheme: dark) {
  :host { --ground: #1b1b1e; --text: #f2f2f4; --quiet: #b0b0b8; --line: #45454c; --mark: #8cc2ff; --good: #7ddc9f;
    --bad: #ff9d94 }
}
* { box-sizing: border-box; font: inherit; color: inherit }
section { position: fixed; inset: auto 0 0 auto; z-index: 2147483000; display: flex; flex-direction: column;
  align-items: flex-end; gap: 8px; padding: 12px; max-width: 100vw; pointer-events: none;
  font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--text) }
section > * { pointer-events: auto }
button { cursor: pointer; border: 1px solid var(--line); border-radius: 999px; padding: 6px 12px; min-height: 32px;
  background: var(--ground); color: var(--text) }
button::before { content: ''; display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 7px;
  background: var(--bad) }
button[data-state=connected]::before { background: var(--good) }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px }
#panel { width: min(620px, calc(100vw - 24px)); max-height: min(70vh, 640px); overflow: auto; padding: 4px 14px 14px;
  border: 1px solid var(--line); border-radius: 10px; background: var(--ground); box-shadow: 0 6px 28px #0004 }
#panel[hidden] { display: none }
h2 { margin: 14px 0 4px; font-weight: 700 }
p { margin: 0; color: var(--quiet) }
table { width: 100%; border-collapse: collapse }
th, td { padding: 3px 10px 3px 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: anywhere }
th { color: var(--quiet); font-weight: 400; white-space: nowrap }
`
