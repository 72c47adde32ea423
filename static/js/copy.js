// Copy a value: the text in data-copy.
import { say } from "./toasts.js"

const words = name => document.querySelector(".toasts").dataset[name]

addEventListener("click", async event => {
  const button = event.target.closest("[data-copy]")
  if (!button) return
  try {
    await navigator.clipboard.writeText(button.dataset.copy)
    say(words("copied"))
  } catch {
    say(words("notCopied")) // no permission, or the page came over plain http
  }
})
