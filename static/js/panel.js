// The panel beside a list: opening it moves focus to its heading, closing it returns focus to the row.
let open = document.getElementById("panel")?.dataset.panel

addEventListener("htmx:after:swap", () => {
  const panel = document.getElementById("panel")
  const id = panel?.dataset.panel
  if (id === open) return
  if (panel) {
    panel.scrollTop = 0
    panel.querySelector("#job-title")?.focus({ preventScroll: true })
  } else {
    [...document.querySelectorAll("a[data-open]")].find(link => link.title === open)?.focus()
  }
  open = id
})
