// Ages go on ticking between refreshes, worded as the server words them. The server's clock counts, not the visitor's.
const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR

let ahead = 0 // milliseconds by which the server's clock is ahead of this one
const now = () => Date.now() + ahead
const figures = value => value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString("en")

/** @param {number} ms */
export function duration(ms) {
  if (ms < 9.95 && ms !== Math.trunc(ms)) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59.5e3) return `${figures(ms / 1e3)} s`
  if (ms < 59.5 * MINUTE) return `${figures(ms / MINUTE)} min`
  if (ms < 47.5 * HOUR) return `${figures(ms / HOUR).replace(/\.0$/, "")} h`
  return `${Math.round(ms / DAY).toLocaleString("en")} days`
}

function ago(age) {
  const distance = Math.abs(age)
  if (distance < 1e3) return "now"
  const [unit, name] = distance >= HOUR ? [HOUR, "h"] : distance >= MINUTE ? [MINUTE, "min"] : [1e3, "s"]
  const text = `${Math.floor(distance / unit)} ${name}`
  return age > 0 ? `${text} ago` : `in ${text}`
}

function refresh() {
  if (document.hidden) return
  for (const time of document.querySelectorAll("time[data-ago], time[data-age]")) {
    const age = now() - Date.parse(time.dateTime)
    if (!(Math.abs(age) < DAY)) continue // a date does not age
    const text = "ago" in time.dataset ? ago(age) : duration(Math.max(age, 0))
    if (time.textContent !== text) time.textContent = text
  }
}

let heard = 0
function synchronise() {
  const told = Number(document.getElementById("live")?.dataset.now)
  if (told && told !== heard) ahead = (heard = told) - Date.now() // an old moment tells nothing about now
}

addEventListener("htmx:after:swap", () => { synchronise(); refresh() })
synchronise()
setInterval(refresh, 1000)
