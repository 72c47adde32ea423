// The theme is a form the server keeps in a cookie; with scripts it changes at once, without a new page.
const form = () => document.querySelector("[data-theme-form]")

function apply(theme) {
  theme === "auto" ? delete document.documentElement.dataset.theme : document.documentElement.dataset.theme = theme
  for (const button of form().querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === theme))
}

addEventListener("submit", event => {
  if (event.target !== form() || !event.submitter) return
  event.preventDefault()
  const body = new URLSearchParams(new FormData(form(), event.submitter))
  apply(event.submitter.value)
  fetch(form().action, { method: "POST", body, redirect: "manual" })
})

export function nextTheme() {
  const dark = document.documentElement.dataset.theme === "dark"
    || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches)
  form()?.querySelector(`button[value=${dark ? "light" : "dark"}]`).click()
}
