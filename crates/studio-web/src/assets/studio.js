// @ts-check
// Keys of every page: `g` and a letter go to a view, `/` to the search field, Ctrl-K opens the palette. All of it is there as links too.

/** @typedef {{name: string, group: string, path: string}} Action */

/** @type {Action[] | null} */
let actions = null;
let waitsForView = false;

/** @param {EventTarget | null} target */
const isTyping = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    void openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (waitsForView) {
    waitsForView = false;
    const link = document.querySelector(`.views a[data-key="${CSS.escape(event.key)}"]`);
    if (link instanceof HTMLAnchorElement) link.click();
  } else if (event.key === "g") {
    waitsForView = true;
    setTimeout(() => (waitsForView = false), 1500);
  } else if (event.key === "/") {
    const field = document.querySelector("main input[type=search]");
    if (field instanceof HTMLInputElement) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  }
});

document.querySelector("a.palette")?.addEventListener("click", (event) => {
  event.preventDefault();
  void openPalette();
});

/** Letters in their order, near each other and at beginnings of words first. @param {string} text @param {string} wanted */
function score(text, wanted) {
  let at = 0;
  let sum = 0;
  let last = -2;
  for (const letter of wanted) {
    const found = text.indexOf(letter, at);
    if (found < 0) return -1;
    sum += found === last + 1 ? 3 : found === 0 || /[^\p{L}\p{N}]/u.test(text[found - 1]) ? 2 : 0;
    last = found;
    at = found + 1;
  }
  return sum - text.length / 100;
}

async function openPalette() {
  if (!actions) {
    const answer = await fetch("/studio/actions.json", { headers: { accept: "application/json" } });
    if (!answer.ok) {
      location.assign("/studio/actions");
      return;
    }
    actions = /** @type {Action[]} */ (await answer.json());
  }
  const all = actions;
  const dialog = document.createElement("dialog");
  const field = document.createElement("input");
  const list = document.createElement("ul");
  const label = document.querySelector("a.palette")?.textContent ?? "";
  dialog.setAttribute("aria-label", label);
  field.type = "text";
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-label", label);
  field.setAttribute("aria-controls", "palette-list");
  field.setAttribute("aria-expanded", "true");
  field.autocomplete = "off";
  list.id = "palette-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label);
  /** @type {Action[]} */
  let shown = [];
  let chosen = 0;
  const render = () => {
    const wanted = field.value.trim().toLowerCase();
    shown = all
      .map((action) => ({ action, score: score(`${action.name} ${action.group}`.toLowerCase(), wanted) }))
      .filter((it) => wanted === "" || it.score >= 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, 60)
      .map((it) => it.action);
    if (wanted === "") shown = all.slice(0, 60);
    chosen = Math.max(0, Math.min(chosen, shown.length - 1));
    list.replaceChildren(
      ...shown.map((action, at) => {
        const item = document.createElement("li");
        const group = document.createElement("small");
        item.id = `palette-${at}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", String(at === chosen));
        item.append(action.name, group);
        group.textContent = action.group;
        item.addEventListener("click", () => location.assign(action.path));
        return item;
      }),
    );
    field.setAttribute("aria-activedescendant", shown.length ? `palette-${chosen}` : "");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  field.addEventListener("input", () => {
    chosen = 0;
    render();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + shown.length) % Math.max(1, shown.length);
      render();
    } else if (event.key === "Enter" && shown[chosen]) {
      location.assign(shown[chosen].path);
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.append(field, list);
  document.body.append(dialog);
  dialog.showModal();
  render();
}
