// The palette: Ctrl-K opens it, arrows choose, Enter follows the first, Ctrl-Enter in a new tab.
const dialog = () => document.getElementById("palette")
const items = () => [...document.querySelectorAll("#palette-list :is(a, button)")]

export function openPalette() {
  const input = dialog()?.querySelector("input[type=search]")
  if (!input) return document.querySelector("[data-search]")?.focus()
  if (!dialog().open) dialog().showModal()
  input.select()
  input.dispatchEvent(new Event("input", { bubbles: true }))
}

function choose(step) {
  const all = items()
  const at = all.indexOf(document.activeElement) + step
  if (at < 0) dialog().querySelector("input[type=search]").focus()
  else all[Math.min(at, all.length - 1)]?.focus()
}

function follow(event, form) {
  const first = items()[0]
  const asked = form.elements.q.value.trim()
  if (!first || document.querySelector("#palette-list #found")?.dataset.q !== asked) return // the page itself answers
  event.preventDefault()
  if (event.ctrlKey && first.href) open(first.href, "_blank", "noopener")
  else first.click()
}

addEventListener("keydown", event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault()
    return openPalette()
  }
  if (!event.target.closest?.("#palette")) return
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault()
    choose(event.key === "ArrowDown" ? 1 : -1)
  }
  if (event.key === "Enter" && event.target.closest("[data-palette]")) follow(event, event.target.form)
})

addEventListener("click", event => {
  if (!event.target.closest("[data-palette-open]")) return
  event.preventDefault()
  document.querySelector("#account:popover-open")?.hidePopover()
  openPalette()
})
