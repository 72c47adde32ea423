// Ages go on ticking between refreshes, worded as the server words them. The server's clock counts, not the visitor's.
const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR
const [POINT, GROUP, NOW, AGO, IN, MS, S, MIN, H, DAYS] = (document.body.dataset.times ?? "").split("|")

export const clock = () => new Date().toLocaleTimeString([], { hour12: false })

let ahead = 0 // milliseconds by which the server's clock is ahead of this one
const now = () => Date.now() + ahead
const write = text => text.replace(/[.,]/g, sign => sign === "." ? POINT : GROUP)
const figures = value => value < 9.95 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value).toLocaleString("en")
const many = (number, unit) => unit.replace("%(n)s", write(String(number)))

/** @param {number} ms */
export function duration(ms) {
  if (ms < 9.95 && ms !== Math.trunc(ms)) return many(figures(ms), MS)
  if (ms < 999.5) return many(Math.round(ms), MS)
  if (ms < 59.5e3) return many(figures(ms / 1e3), S)
  if (ms < 59.5 * MINUTE) return many(figures(ms / MINUTE), MIN)
  if (ms < 47.5 * HOUR) return many(figures(ms / HOUR), H)
  return many(Math.round(ms / DAY).toLocaleString("en"), DAYS)
}

function ago(age) {
  const distance = Math.abs(age)
  if (distance < 1e3) return NOW
  const [unit, name] = distance >= HOUR ? [HOUR, H] : distance >= MINUTE ? [MINUTE, MIN] : [1e3, S]
  return (age > 0 ? AGO : IN).replace("%(time)s", many(Math.floor(distance / unit), name))
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
