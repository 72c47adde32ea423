// Entry. Every page reads and acts without scripts; each module adds one behaviour, found by data attributes.
import "./live.js"
import "./unchanged.js"
import "./control.js"
import "./rows.js"
import "./times.js"
import "./select.js"
import "./panel.js"
import "./toasts.js"
import "./pages/ask.js" // at once: what is pressed first must not slip by
import "./copy.js"
import "./theme.js"
import "./palette.js"
import "./keys.js"
import "./local.js"

// What one kind of page needs alone.
if (document.querySelector("[role=treegrid]")) import("./pages/flow.js")
if (document.querySelector("#chart-values")) import("./pages/charts.js")
if (document.querySelector("form[data-preview]")) import("./pages/preview.js")
if (document.querySelector(".tabs")) import("./pages/tabs.js")
const trees = () => document.querySelector("[data-tree]") && import("./pages/tree.js")
trees()
addEventListener("htmx:after:swap", trees)
