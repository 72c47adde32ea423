// A refresh that would change nothing is answered with 304, which leaves the page alone: each one tells the tag of what is shown.
let asked = "", shown = { address: "", tag: "" }
const forget = () => { shown = { address: "", tag: "" } }

addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.id !== "live") return forget() // whatever comes may change the page
  asked = ctx.request.action
  if (shown.tag && asked === shown.address) ctx.request.headers["If-None-Match"] = shown.tag
})
addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.id !== "live" || ctx.response.status === 304) return
  shown = { address: asked, tag: ctx.response.status === 200 ? ctx.response.headers.get("ETag") ?? "" : "" }
})
addEventListener("htmx:error", forget)
