// Tabs that are wider than the window begin with the one that is open in sight.
const tabs = document.querySelector(".tabs")
const open = tabs.querySelector(":scope > [aria-current]")
if (open) tabs.scrollLeft = open.offsetLeft - (tabs.clientWidth - open.offsetWidth) / 2
