// Moments in the visitor's own zone, beside those that the server wrote.
const language = document.documentElement.lang
const format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
  weekday: "short", day: "2-digit", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
})

function show() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    const text = format.format(new Date(time.dateTime)).replace(",", "").replace(",", "")
    if (time.textContent !== text) time.textContent = text
  }
}

addEventListener("htmx:after:swap", show)
addEventListener("board:previewed", show)
show()
