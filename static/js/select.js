// Selection: the whole page, a range with shift, and how many. The boxes are real and post without this.
const boxes = () => [...document.querySelectorAll("tbody[data-rows] input[type=checkbox]:not(:disabled)")]
let anchor = null // the box ticked last, where a range starts

export function count() {
  const all = boxes()
  const chosen = all.filter(box => box.checked).length
  for (const place of document.querySelectorAll("[data-selected]")) place.textContent = chosen
  const page = document.querySelector("[data-select-page]")
  if (!page) return
  page.checked = chosen > 0 && chosen === all.length
  page.indeterminate = chosen > 0 && chosen < all.length
}

export function selectPage(on) {
  for (const box of boxes()) box.checked = on
  count()
}

addEventListener("click", event => {
  if (event.target.closest("[data-clear]")) return selectPage(false)
  if (event.target.matches("[data-select-page]")) return selectPage(event.target.checked)
  if (!event.target.matches("tbody[data-rows] input[type=checkbox]")) return
  const all = boxes()
  const [from, to] = [all.indexOf(anchor), all.indexOf(event.target)].sort((a, b) => a - b)
  if (event.shiftKey && from >= 0) for (const box of all.slice(from, to + 1)) box.checked = event.target.checked
  anchor = event.target
  count()
})
addEventListener("htmx:after:swap", count)
addEventListener("pageshow", count) // Back restores the boxes without a click
count()
