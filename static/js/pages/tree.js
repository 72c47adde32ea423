// A line of a JSON tree that is clicked, or whose summary is reached by key, tells its path below the tree: to copy, to open.
const plain = /^[A-Za-z_$][\w$]*$/

function trail(tree, line) {
  let path = "", place = ""
  for (let li = line; li && tree.contains(li); li = li.parentElement.closest("li")) {
    const index = [...li.parentElement.children].indexOf(li) + Number(li.parentElement.dataset.first ?? 0)
    const key = li.querySelector(":scope > .key, :scope > details > summary > .key")?.textContent
    path = (key === undefined ? `[${index}]` : plain.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`) + path
    place = `${index}${place && "."}${place}`
  }
  const before = tree.dataset.at
  return { path: (tree.dataset.path + path).replace(/^\./, ""), at: before && place ? `${before}.${place}` : before || place }
}

function pick({ target }) {
  const tree = target.closest?.("[data-tree]")
  const line = target.closest?.("li")
  if (!tree || !line || !tree.contains(line) || target.closest("a")) return
  const bar = tree.nextElementSibling
  const { path, at } = trail(tree, line)
  const text = line.querySelector(":scope > .string, :scope > .literal")?.textContent
  bar.querySelector("code").textContent = path
  bar.querySelector("[data-pick-path]").dataset.copy = path
  bar.querySelector("[data-pick-open]").href = `${tree.dataset.tree}&at=${at}`
  const value = bar.querySelector("[data-pick-value]")
  value.hidden = text === undefined || text.endsWith("…")
  value.dataset.copy = text ?? ""
  bar.hidden = false
}

addEventListener("click", pick)
addEventListener("focusin", pick)
