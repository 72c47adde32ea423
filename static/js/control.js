// The live control: pauses the heartbeat, and says when the numbers are old. While they are, nothing can be acted on.
import { live, tick } from "./live.js"
import { clock, duration } from "./times.js"

const control = () => document.getElementById("live-control")

function words(button) {
  if (live.paused) return button.dataset.paused
  if (live.failures) return button.dataset.stopped.replace("…", duration(Date.now() - live.lastGood))
  return live.idle ? button.dataset.idle : ""
}

function show() {
  const region = document.getElementById("live"), button = control()
  if (!region) return
  const failing = live.failures > 0
  region.classList.toggle("stale", failing)
  for (const action of region.querySelectorAll("button[type=submit]")) action.disabled = failing
  for (const note of region.querySelectorAll("[data-next-try]")) {
    note.hidden = !failing || live.paused
    note.textContent = note.dataset.nextTry.replace("…", duration(Math.max(1000, Math.ceil((live.nextTry - Date.now()) / 1000) * 1000)))
  }
  if (!button) return
  failing && !live.paused ? button.dataset.state = "critical" : delete button.dataset.state
  const text = words(button), place = button.querySelector("[data-live-words]")
  button.querySelector("[data-live-plain]").hidden = text !== ""
  place.hidden = text === ""
  if (place.textContent !== text) place.textContent = text
}

addEventListener("click", event => {
  const button = event.target.closest("#live-control")
  if (!button) return
  const pausing = !live.paused
  button.setAttribute("aria-pressed", String(!pausing))
  button.dataset.paused = button.dataset.pausedAt.replace("…", clock())
  if (!pausing) tick()
  show()
})
for (const name of ["htmx:after:swap", "htmx:finally:request"]) addEventListener(name, show)
setInterval(show, 1000)
