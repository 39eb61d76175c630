// The newest transactions with their states, and more on request.
import { local } from "./calls.js";
import { $, badge, empty, h, table, time } from "./dom.js";
import { known, newest, stage, title, transactions } from "./transactions.js";

const PAGE = 50;
const AT_ONCE = 4;
let shown = PAGE;

const COLUMNS = [
  { name: "Order" },
  { name: "User", kind: "wide" },
  { name: "State" },
  { name: "Version", kind: "number wide" },
  { name: "Since", kind: "number" },
];

export function board(selected, choose, again) {
  const entries = newest(shown);
  readUnknown(entries, again);
  const rows = entries.map((entry) => ({
    "aria-current": entry === selected && "true",
    "data-id": entry.id,
    cells: [
      h("button", { type: "button", class: "link", onclick: () => choose(entry) }, title(entry)),
      entry.user ?? "",
      h("span", { class: "state" }, badge(entry.status ?? "not known"), ` ${stage(entry)}`),
      entry.sequence || "",
      entry.at && time(entry.at),
    ],
  }));
  const focused = document.activeElement?.closest("#board tr")?.dataset.id;
  $("board").replaceChildren(rows.length ? table(COLUMNS, rows) : empty("None yet."));
  const more = transactions.size - entries.length;
  if (more > 0)
    $("board").append(
      h(
        "button",
        { type: "button", class: "quiet", onclick: () => ((shown += PAGE), again()) },
        `Show ${Math.min(PAGE, more)} of ${more} older ones`,
      ),
    );
  if (focused)
    $("board")
      .querySelector(`tr[data-id="${CSS.escape(focused)}"] button`)
      ?.focus();
}

let reading = 0;

// What is shown and not known is read from the API, a few at a time.
function readUnknown(entries, again) {
  for (const entry of entries.filter(({ status, isRead }) => status === null && !isRead)) {
    if (reading >= AT_ONCE) return;
    reading += 1;
    entry.isRead = true;
    local(`state/${encodeURIComponent(entry.id)}`)
      .then(known)
      .catch((error) => (entry.problem = error.message))
      .finally(() => {
        reading -= 1;
        again();
      });
  }
}
