// The heartbeat: asks the live region to refresh, and says so when it cannot. The region itself carries hx-get.
import { duration } from "./times.js"

const IDLE_AFTER = 10 * 60_000 // without input for this long, a page slows down: nobody watches
const SLOWEST = 60_000

const region = () => document.getElementById("live")
const control = () => document.getElementById("live-control")
const live = { lastGood: Date.now(), lastInput: Date.now(), failures: 0, busy: false, timer: 0 }

const paused = () => control()?.getAttribute("aria-pressed") === "false"
const idle = () => Date.now() - live.lastInput > IDLE_AFTER
const reading = () => !getSelection().isCollapsed // a morph would take the selected text away

function wait() {
  const usual = Number(region()?.dataset.seconds || 5) * 1000
  return idle() ? Math.max(usual, SLOWEST) : Math.min(usual * 2 ** Math.min(live.failures, 6), Math.max(usual, SLOWEST))
}

function schedule() {
  clearTimeout(live.timer)
  live.timer = setTimeout(tick, wait())
}

function tick() {
  if (!region()?.hasAttribute("hx-get")) return
  if (!document.hidden && !paused() && !live.busy && !reading()) document.body.dispatchEvent(new Event("board:tick"))
  schedule()
}

function show() {
  const button = control()
  if (!button) return
  const failing = live.failures > 0 && !paused()
  const words = button.querySelector("[data-live-words]")
  const text = paused() ? words.dataset.paused : failing ? `Stopped, ${duration(Date.now() - live.lastGood)} old` : idle() ? "Live, 60 s" : ""
  button.querySelector("[data-live-plain]").hidden = text !== ""
  words.hidden = text === ""
  if (words.textContent !== text) words.textContent = text
  failing ? button.dataset.state = "critical" : delete button.dataset.state
  region().classList.toggle("stale", live.failures > 0)
  for (const action of region().querySelectorAll("button[type=submit]")) action.disabled = live.failures > 0
}

function outcome(good) {
  live.failures = good ? 0 : live.failures + 1
  if (good) live.lastGood = Date.now()
  schedule()
  show()
}

const ours = event => event.detail.ctx?.sourceElement?.id === "live"
addEventListener("htmx:before:request", event => { if (ours(event)) live.busy = true })
addEventListener("htmx:finally:request", event => { if (ours(event)) { live.busy = false; show() } })
addEventListener("htmx:after:request", event => { if (ours(event)) outcome([200, 304, 404].includes(event.detail.ctx.response.status)) })
addEventListener("htmx:error", event => { if (ours(event)) outcome(false) })
for (const name of ["keydown", "pointerdown", "wheel"]) addEventListener(name, () => { live.lastInput = Date.now() }, { passive: true })
document.addEventListener("visibilitychange", () => { if (!document.hidden) tick() })

addEventListener("click", event => {
  const button = event.target.closest("#live-control")
  if (!button) return
  const pausing = !paused()
  button.setAttribute("aria-pressed", String(!pausing))
  button.querySelector("[data-live-words]").dataset.paused = `Paused at ${new Date().toLocaleTimeString([], { hour12: false })}`
  if (!pausing) tick()
  show()
})

setInterval(show, 1000)
schedule()
