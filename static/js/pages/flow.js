// The grid of a flow: arrow keys move between its rows, left and right fold and unfold, as in any tree.
const folded = new Set() // ids of rows whose children are hidden; a refresh would show them again
const rows = () => [...document.querySelectorAll("[role=treegrid] [role=row][aria-level]")]
const level = row => Number(row.getAttribute("aria-level"))
const visible = () => rows().filter(row => !row.hidden)

function show() {
  let hiddenBelow = Infinity
  for (const row of rows()) {
    row.hidden = level(row) > hiddenBelow
    if (row.hidden) continue
    const isFolded = row.hasAttribute("aria-expanded") && folded.has(row.id)
    if (row.hasAttribute("aria-expanded")) row.setAttribute("aria-expanded", String(!isFolded))
    hiddenBelow = isFolded ? level(row) : Infinity
  }
}

function fold(row, folding) {
  folding ? folded.add(row.id) : folded.delete(row.id)
  show()
}

function above(row) {
  const all = rows()
  return all.slice(0, all.indexOf(row)).findLast(one => level(one) < level(row))
}

function move(row, step) {
  const all = visible()
  all[Math.min(Math.max(all.indexOf(row) + step, 0), all.length - 1)].focus()
}

const actions = {
  ArrowDown: row => move(row, 1), ArrowUp: row => move(row, -1),
  Home: row => move(row, -Infinity), End: row => move(row, Infinity),
  ArrowRight: row => row.getAttribute("aria-expanded") === "false" ? fold(row, false) : move(row, 1),
  ArrowLeft: row => row.getAttribute("aria-expanded") === "true" ? fold(row, true) : above(row)?.focus(),
  Enter: row => row.querySelector("a")?.click(),
}

addEventListener("keydown", event => {
  const row = event.target
  if (!row.matches?.("[role=treegrid] [role=row][aria-level]") || event.ctrlKey || event.metaKey || event.altKey) return
  const action = actions[event.key]
  if (!action) return
  event.preventDefault()
  action(row)
})
addEventListener("click", event => {
  const row = event.target.closest("[data-fold]")?.closest("[role=row]")
  if (row) fold(row, row.getAttribute("aria-expanded") === "true")
})
addEventListener("htmx:after:swap", show)
