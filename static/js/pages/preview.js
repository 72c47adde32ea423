// A form that shows what it leads to before anything is kept: shown anew while somebody types, from the answer that its
// button asks for. Nothing is kept that way, for what confirms it is left out.
const PAUSE_MS = 300
const form = document.querySelector("form[data-preview]")
let timer, asked

async function preview() {
  asked?.abort()
  asked = new AbortController()
  const fields = new FormData(form)
  fields.delete("confirmed")
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(fields), signal: asked.signal })
    const page = new DOMParser().parseFromString(await answer.text(), "text/html")
    for (const id of ["preview", "preview-actions"]) {
      const made = page.getElementById(id)
      if (made) document.getElementById(id).replaceWith(made)
    }
    if (page.getElementById("preview")) document.getElementById("scheduler-problem")?.remove()
    dispatchEvent(new Event("board:previewed"))
  } catch {
    // Typed on meanwhile, or the board does not answer: the button asks again.
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer)
  timer = setTimeout(preview, PAUSE_MS)
})
if (!document.querySelector("#preview table") && (form.elements.pattern.value || form.elements.every.value)) preview()
