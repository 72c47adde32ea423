// Copy a value: the text in data-copy; with data-copy-link it is an address of this site, which is copied whole.
import { say } from "./toasts.js"

const words = name => document.querySelector(".toasts").dataset[name]

addEventListener("click", async event => {
  const button = event.target.closest("[data-copy]")
  if (!button) return
  const { copy, copyLink } = button.dataset
  try {
    await navigator.clipboard.writeText(copyLink === undefined ? copy : new URL(copy, location.href).href)
    say(words("copied"))
  } catch {
    say(words("notCopied")) // no permission, or the page came over plain http
  }
})
