// A question over the page: what data-ask leads to asks first, or refuses, and either is shown in a dialog.
// Whatever else it answers is gone to as without scripts.
let dialog

function shown(question, source) {
  dialog ??= document.body.appendChild(Object.assign(document.createElement("dialog"), { className: "ask", id: "ask" }))
  const title = question.querySelector("h2")
  title.id = "ask-title"
  dialog.setAttribute("aria-labelledby", title.id)
  dialog.replaceChildren(question)
  for (const open of document.querySelectorAll(":popover-open")) open.hidePopover()
  dialog.addEventListener("close", () => source.isConnected && source.checkVisibility() && source.focus(), { once: true })
  dialog.showModal()
}

async function ask(source, url, options, otherwise) {
  if (source.ariaBusy === "true") return
  source.ariaBusy = "true"
  try {
    const answer = await fetch(url, options)
    const page = new DOMParser().parseFromString(await answer.text(), "text/html")
    const question = page.querySelector("main .message")
    question?.querySelector("h2") ? shown(question, source) : otherwise()
  } catch {
    otherwise()
  } finally {
    source.ariaBusy = null
  }
}

addEventListener("click", event => {
  if (event.target.closest("#ask [data-cancel]")) {
    event.preventDefault()
    return dialog.close()
  }
  const link = event.target.closest("a[data-ask]")
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  ask(link, link.href, {}, () => { location = link.href })
})

addEventListener("submit", event => {
  const form = event.target
  if (!form.matches("form[data-ask]")) return
  event.preventDefault()
  ask(form, form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }, () => form.submit())
})
