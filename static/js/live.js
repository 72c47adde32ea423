// The heartbeat: asks the live region to refresh. The region itself carries hx-get; control.js shows how it goes.
const IDLE_AFTER = 10 * 60_000 // without input for this long a page slows down: nobody watches
const SLOWEST = 60_000

const region = () => document.getElementById("live")
const reading = () => !getSelection().isCollapsed // a morph would take the selected text away

export const live = {
  lastGood: Date.now(), lastInput: Date.now(), failures: 0, open: 0, timer: 0, nextTry: 0,
  get paused() { return document.getElementById("live-control")?.getAttribute("aria-pressed") === "false" },
  get idle() { return Date.now() - this.lastInput > IDLE_AFTER },
}

function wait() {
  const usual = Number(region()?.dataset.seconds || 5) * 1000
  const slowest = Math.max(usual, SLOWEST)
  return live.idle ? slowest : Math.min(usual * 2 ** Math.min(live.failures, 6), slowest)
}

function schedule() {
  clearTimeout(live.timer)
  const pause = wait()
  live.nextTry = Date.now() + pause
  live.timer = setTimeout(tick, pause)
}

export function tick() {
  if (!region()?.hasAttribute("hx-get")) return
  if (!document.hidden && !live.paused && !live.open && !reading()) document.body.dispatchEvent(new Event("board:tick"))
  schedule()
}

function outcome(good) {
  live.failures = good ? 0 : live.failures + 1
  if (good) live.lastGood = Date.now()
  schedule()
}

const on = (name, act) => addEventListener(name, event => { if (event.detail.ctx?.sourceElement?.id === "live") act(event.detail.ctx) })
on("htmx:after:request", ctx => outcome([200, 304, 404].includes(ctx.response.status)))
on("htmx:error", () => outcome(false))
// A tick waits for every open request: one queued behind a click would bring back the address from before it.
addEventListener("htmx:before:request", () => { live.open += 1 })
addEventListener("htmx:finally:request", () => { live.open -= 1 })
for (const name of ["keydown", "pointerdown", "wheel"]) addEventListener(name, () => { live.lastInput = Date.now() }, { passive: true })
document.addEventListener("visibilitychange", () => { if (!document.hidden) tick() })
schedule()
