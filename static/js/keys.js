// Single keys, outside fields only; the sheet that lists them can switch them off (WCAG 2.1.4).
import { act, attempt, neighbour } from "./panel.js"
import { selectPage } from "./select.js"
import { nextTheme } from "./theme.js"

const sheet = () => document.getElementById("keys")
const links = () => [...document.querySelectorAll("a[data-open]")]
const press = selector => document.querySelector(selector)?.click()
const row = () => document.activeElement.closest("tr") ?? document.querySelector("tr[aria-selected=true]")
let went = 0 // when `g` was pressed: it waits for a second key

function move(step) {
  const all = links()
  if (!all.length) return neighbour(step)
  const at = all.findIndex(link => link.closest("tr") === row())
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)]
  next?.focus()
  if (document.getElementById("panel")) next?.click()
}

const pick = range => row()?.querySelector("input[type=checkbox]")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey: range }))

const actions = {
  "?": () => sheet()?.showModal(), "/": () => document.querySelector("[data-search]")?.focus(),
  j: () => move(1), k: () => move(-1), o: () => row()?.querySelector("a[data-open]")?.click(),
  x: () => pick(), X: () => pick(true), a: () => selectPage(true),
  p: () => press("#live-control"), t: nextTheme, i: () => press("[data-jump]"),
  r: () => act("retry"), Delete: () => act("remove"), d: () => act("duplicate"), e: () => act("edit"),
  c: () => press(".job-name [data-copy]"), y: () => press("[data-copy-link]"), "[": () => attempt(1), "]": () => attempt(-1),
  Escape: () => document.querySelector("[data-close]") ? press("[data-close]") : selectPage(false),
}
for (let tab = 1; tab <= 7; tab += 1) actions[tab] = () => press(`#tabs a:nth-child(${tab})`)
const places = { o: "overview", f: "failures", w: "flows", s: "schedulers", k: "workers", m: "metrics", a: "audit", h: "health" }

addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.documentElement.dataset.keys === "off") return
  // An open dialog only: one that was just closed keeps the focus until the next frame.
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open]")) return
  if (document.querySelector(":popover-open")) return // a menu is open: its keys are the browser's
  if (event.key === "g") { went = Date.now(); return }
  const going = Date.now() - went < 1500 && places[event.key]
  went = 0
  if (going) return press(`.nav a[data-place=${going}]`)
  const action = actions[event.key]
  if (!action) return
  event.preventDefault()
  action()
})

addEventListener("click", event => { if (event.target.closest("[data-help]")) sheet()?.showModal() })
document.querySelector("[data-keys-off]")?.addEventListener("change", ({ target }) => {
  document.documentElement.dataset.keys = target.checked ? "off" : "on"
  const body = new URLSearchParams(new FormData(target.form))
  body.set("keys", target.checked ? "0" : "1")
  fetch(target.form.action, { method: "POST", body, redirect: "manual" })
})
