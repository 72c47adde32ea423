// Copy a value: the text in data-copy.
import { say } from "./toasts.js"

addEventListener("click", async event => {
  const button = event.target.closest("[data-copy]")
  if (!button) return
  try {
    await navigator.clipboard.writeText(button.dataset.copy)
    say("Copied")
  } catch {
    say("The browser did not allow copying") // no permission, or the page came over plain http
  }
})
