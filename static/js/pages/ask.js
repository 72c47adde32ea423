// A question over the page: what data-ask leads to asks first, or refuses, and either is shown in a dialog.
// A form in it that is a data-question is answered there too, until it leads back: what was done is then told over the page.
// Where it leads elsewhere, such as to the sign-in, that page is gone to, and nothing is sent twice: without an answer, or
// with one that cannot be read, the form says that it may be done. What only asks is gone to then as without scripts.
import { tick } from "../live.js"
import { show } from "../toasts.js"

let dialog

function shown(question, title, source) {
  dialog ??= document.body.appendChild(Object.assign(document.createElement("dialog"), { className: "ask", id: "ask" }))
  title.id = "ask-title"
  dialog.setAttribute("aria-labelledby", title.id)
  if (question.matches("main")) { // a whole page without the shell: a document has one main part
    const part = Object.assign(document.createElement("div"), { className: "message" })
    part.append(...question.childNodes)
    question = part
  }
  dialog.replaceChildren(question)
  for (const open of document.querySelectorAll(":popover-open")) open.hidePopover()
  const first = question.querySelector("[aria-invalid=true]")
  if (dialog.open) {
    dialog.scrollTop = 0
    return (first ?? question.querySelector("input:not([type=hidden])"))?.focus()
  }
  dialog.addEventListener("close", () => back(source), { once: true })
  dialog.showModal()
}

function back(source) { // to what opened it; a line of a menu is gone by then, the button of the menu is not
  const menu = source.closest("[popover]")
  const place = source.checkVisibility() ? source : menu && document.querySelector(`[popovertarget="${menu.id}"]`)
  place?.focus()
}

function done(page) {
  dialog.close()
  for (const toast of page.querySelectorAll(".toasts > [data-toast]")) show(toast)
  tick()
}

function unanswered(form) {
  form.querySelector(":scope > [role=alert]")?.remove()
  const state = Object.assign(document.createElement("span"), { className: "state", textContent: form.dataset.unanswered })
  state.dataset.state = "critical"
  const told = Object.assign(document.createElement("p"), { role: "alert" })
  told.append(state)
  form.querySelector("h2").after(told)
  dialog.scrollTop = 0
}

const leadsBack = answer => answer.redirected && dialog?.open && new URL(answer.url).pathname === location.pathname

async function ask(source, url, options, otherwise) {
  if (source.ariaBusy === "true") return
  source.ariaBusy = "true"
  try {
    const answer = await fetch(url, options)
    const page = new DOMParser().parseFromString(await answer.text(), "text/html")
    const question = page.querySelector("main .message, main.message, main [data-question]")
    const title = question?.querySelector("h1, h2")
    if (title) shown(question, title, source)
    else if (leadsBack(answer)) done(page)
    else if (answer.redirected) location = answer.url
    else otherwise()
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
  const link = event.target.closest("a[data-ask], #ask [data-question] a")
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  ask(link, link.href, {}, () => { location = link.href })
})

// A button asks for itself, or only for several jobs; without one, its form does.
addEventListener("submit", event => {
  const form = event.target, by = event.submitter
  const acts = form.matches("#ask [data-question]")
  const asks = by?.dataset.ask ?? form.dataset.ask ?? (acts ? "" : undefined)
  if (asks === undefined) return
  const body = new URLSearchParams(new FormData(form, by))
  if (asks === "several" && body.getAll("id").length < 2) return
  event.preventDefault()
  const without = () => {
    if (acts) return unanswered(form)
    delete (by?.dataset.ask === undefined ? form : by).dataset.ask
    form.requestSubmit(by)
  }
  ask(by ?? form, by?.hasAttribute("formaction") ? by.formAction : form.action, { method: "POST", body }, without)
})
