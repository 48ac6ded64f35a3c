// @ts-check
// Live output of a task: pieces come as events, at most one batch every 50 ms; what is above the window is taken out of the page.

/** @typedef {{n: number, pieces: [string, string][]}} Line */
/** @typedef {{text: string, bad: boolean, next: string | null}} End */

const MOST_LINES = 5000;
const log = document.getElementById("live");
const source = log?.dataset.source;

if (log && source) {
  const events = new EventSource(source);
  let follows = true;
  log.addEventListener("scroll", () => {
    follows = log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
  });
  events.addEventListener("begin", () => log.replaceChildren());
  events.addEventListener("lines", (event) => {
    const batch = /** @type {Line[]} */ (JSON.parse(event.data));
    const lines = document.createDocumentFragment();
    for (const line of batch) {
      const element = document.createElement("span");
      element.className = "line";
      element.dataset.n = String(line.n);
      for (const [style, text] of line.pieces) {
        if (style === "") {
          element.append(text);
        } else {
          const piece = document.createElement("span");
          piece.className = style;
          piece.textContent = text;
          element.append(piece);
        }
      }
      element.append("\n");
      lines.append(element);
    }
    log.append(lines);
    while (log.childElementCount > MOST_LINES) log.firstElementChild?.remove();
    if (follows) log.scrollTop = log.scrollHeight;
  });
  events.addEventListener("end", (event) => {
    events.close();
    const end = /** @type {End} */ (JSON.parse(event.data));
    if (end.next) location.replace(end.next);
    else location.reload();
  });
}
