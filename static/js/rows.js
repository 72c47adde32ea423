// Rows of a list never appear, vanish or move by themselves: a refresh updates the rows on screen, strikes through those that
// left, and counts the new ones on a pill. Opening the address again shows the list as it is.

function leave(row) {
  const copy = row.cloneNode(true)
  const box = row.querySelector("input[type=checkbox]")
  if (box) box.checked = false
  copy.querySelector("input[type=checkbox]")?.setAttribute("disabled", "")
  if (copy.classList.contains("gone")) return copy
  copy.classList.add("gone")
  const note = document.createElement("span")
  note.className = "gone-note tag"
  note.textContent = document.body.dataset.left
  copy.cells[1]?.append(note)
  return copy
}

addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  if (ctx.sourceElement?.id !== "live" || ctx.response.status !== 200) return
  const fragment = tasks[0]?.fragment
  const shown = document.querySelector("tbody[data-rows]")
  const fresh = fragment?.querySelector("tbody[data-rows]")
  if (!shown || !fresh) return

  const rows = [...shown.rows]
  const news = [...fresh.rows].filter(row => !document.getElementById(row.id))
  const byId = new Map([...fresh.rows].map(row => [row.id, row]))
  // What is missing below the last row still here was pushed to the next page by newer ones; it did not leave the list.
  const last = rows.findLastIndex(row => byId.has(row.id))
  const pushed = row => rows.indexOf(row) > last && rows.length - rows.indexOf(row) <= news.length
  fresh.replaceChildren(...rows.map(row => byId.get(row.id) ?? (pushed(row) ? row.cloneNode(true) : leave(row))))

  const pill = fragment.querySelector("[data-news]")
  if (!pill || !news.length) return
  pill.hidden = false
  const { one, many, more } = shown.dataset
  const number = news.length < rows.length ? news.length : more.replace("…", news.length)
  pill.querySelector("[data-news-text]").textContent = (news.length === 1 ? one : many).replace("…", number)
})
