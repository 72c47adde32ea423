// A refresh that would change nothing is answered with 304, which leaves the page alone: each one tells the tag of what is shown.
// A part that rarely changes is told of by itself, and is left out of what comes as long as it is what the page has.
// A page comes with the tag of its region.
let asked = "", shown = { address: document.getElementById("live")?.getAttribute("hx-get"), tag: document.body.dataset.tag }
const kept = () => document.querySelector("#live [data-kept]")
const forget = () => { shown = { address: "", tag: "" } }

addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (kept()) ctx.request.headers["Board-Kept"] = kept().dataset.kept
  if (ctx.sourceElement?.id !== "live") return forget() // whatever comes may change the page
  asked = ctx.request.action
  if (shown.tag && asked === shown.address) ctx.request.headers["If-None-Match"] = shown.tag
})
addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  kept()?.toggleAttribute("hx-morph-skip", ctx.text.includes(" data-keep></div>"))
  if (ctx.sourceElement?.id !== "live" || ctx.response.status === 304) return
  shown = { address: asked, tag: ctx.response.status === 200 ? ctx.response.headers.get("ETag") ?? "" : "" }
})
addEventListener("htmx:error", forget)
