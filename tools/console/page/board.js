// All transactions with their states.
import { $, badge, empty, h, table, time } from "./dom.js";
import { stage, title, transactions } from "./transactions.js";

const COLUMNS = [
  { name: "Order" },
  { name: "User", kind: "wide" },
  { name: "State" },
  { name: "Version", kind: "number wide" },
  { name: "Since", kind: "number" },
];

export function board(selected, choose) {
  const entries = [...transactions.values()].sort((a, b) => b.at.localeCompare(a.at));
  const rows = entries.map((entry) => ({
    "aria-current": entry === selected && "true",
    "data-id": entry.id,
    cells: [
      h("button", { type: "button", class: "link", onclick: () => choose(entry) }, title(entry)),
      entry.user ?? "",
      h("span", { class: "state" }, badge(entry.status), ` ${stage(entry)}`),
      entry.sequence || "",
      time(entry.at),
    ],
  }));
  const focused = document.activeElement?.closest("#board tr")?.dataset.id;
  $("board").replaceChildren(rows.length ? table(COLUMNS, rows) : empty("None yet."));
  if (focused)
    $("board")
      .querySelector(`tr[data-id="${CSS.escape(focused)}"] button`)
      ?.focus();
}
