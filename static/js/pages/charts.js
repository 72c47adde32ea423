// Values of a chart: under the mouse, and where the arrow keys are, on a chart that has the focus. The table has them all.
const charts = ".chart[data-columns]"
const rows = () => [...document.querySelectorAll("#chart-values tbody tr")].reverse()

function show(chart, wanted) {
  const all = rows()
  const at = Math.min(Math.max(wanted, 0), all.length - 1)
  const names = document.querySelector("#chart-values thead tr").cells
  const { cells } = all[at]
  const told = chart.dataset.columns.split(" ").map(column => `${names[column].textContent} ${cells[column].textContent}`)
  chart.parentElement.querySelector("output").textContent = `${cells[0].textContent}: ${told.join(", ")}`
  const line = chart.querySelector(".cursor")
  for (const end of ["x1", "x2"]) line.setAttribute(end, `${all.length > 1 ? 100 * at / (all.length - 1) : 0}%`)
  line.removeAttribute("visibility")
  chart.dataset.at = at
}

function hide(chart) {
  chart.parentElement.querySelector("output").textContent = ""
  chart.querySelector(".cursor").setAttribute("visibility", "hidden")
  delete chart.dataset.at
}

const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }

addEventListener("keydown", event => {
  const chart = event.target
  if (!chart.matches?.(charts) || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === "Escape") return hide(chart)
  if (!(event.key in steps)) return
  event.preventDefault()
  show(chart, "at" in chart.dataset ? Number(chart.dataset.at) + steps[event.key] : rows().length - 1)
})
addEventListener("focusout", event => event.target.matches?.(charts) && hide(event.target))
addEventListener("pointermove", event => {
  const chart = event.target.closest?.(charts)
  if (!chart) return
  const box = chart.getBoundingClientRect()
  show(chart, Math.round((rows().length - 1) * (event.clientX - box.left) / box.width))
})
addEventListener("pointerout", event => {
  const chart = event.target.closest?.(charts)
  if (chart && !chart.contains(event.relatedTarget)) hide(chart)
})
