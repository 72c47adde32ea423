// What an action did is shown for ten seconds, longer while someone reads it; errors stay until dismissed.
const SHOWN_MS = 10_000

/** @param {string} text */
export function say(text) {
  const toast = document.createElement("div")
  toast.className = "toast"
  toast.dataset.toast = ""
  toast.append(Object.assign(document.createElement("p"), { textContent: text }))
  show(toast)
}

/** @param {HTMLElement} toast of another page, or made here */
export function show(toast) {
  document.querySelector(".toasts")?.append(toast)
  expire(toast)
}

function expire(toast) {
  if (toast.getAttribute("role") === "alert") return
  const leave = () => toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove()
  setTimeout(leave, SHOWN_MS)
}

addEventListener("click", event => event.target.closest("[data-dismiss]")?.closest("[data-toast]").remove())
for (const toast of document.querySelectorAll("[data-toast]")) expire(toast)
