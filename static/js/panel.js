// The job that is open. Beside a list, opening it moves focus to its heading and closing it returns focus to the row;
// everywhere keys act on it.
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

// Of the selection where there is one, else of the open job. Neither acts on a row that is merely pointed at.
export function act(verb) {
  const chosen = document.querySelector("tbody input:checked") && document.querySelector(`.dock button[value=${verb}]`)
  const one = document.getElementById(`job-${verb}`)
  ;(chosen || one)?.click()
}

export function attempt(step) {
  const all = [...document.querySelectorAll("#stack .segments a")]
  all[all.findIndex(link => link.ariaCurrent) + step]?.click()
}

export const neighbour = step => document.querySelector(`[data-neighbour=${step > 0 ? "next" : "previous"}]`)?.click()
