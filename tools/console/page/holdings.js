// The signed-in user's linked broker accounts, and the positions that the positions consumer has booked.
import { api, local, user } from "./calls.js";
import { $, empty, h, plain, table } from "./dom.js";

const COLUMNS = [
  { name: "Security" },
  { name: "Shares", kind: "number" },
  { name: "Spent ₹", kind: "number" },
];
let asked = 0;
let pushed = 0;

// Reload both. A late response, or one for another user, is not shown.
export async function signedIn() {
  const whose = user();
  if (!whose) return;
  const before = ++pushed;
  const [, { items }] = await Promise.all([accounts(), local(`positions?user=${encodeURIComponent(whose)}`)]);
  if (before === pushed) showPositions(items);
}

export async function accounts() {
  const mine = ++asked;
  const { items } = await api("GET", "/accounts");
  if (mine === asked) showAccounts(items);
}

// Positions from the feed.
export function summaryOf({ user: whose, items }) {
  if (whose !== user()) return;
  pushed += 1;
  showPositions(items);
}

const complain = ({ message }) => ($("said").textContent = message);

function showAccounts(items) {
  const forget = async (id) => {
    await api("DELETE", `/accounts/${id}`);
    await accounts();
  };
  $("accounts").replaceChildren(
    ...items.map(({ broker, smallcaseAuthId: id }) =>
      h(
        "li",
        {},
        h("b", {}, broker ?? "broker"),
        h("code", {}, id),
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            "aria-label": `Unlink ${broker}`,
            onclick: () => forget(id).catch(complain),
          },
          "Unlink",
        ),
      ),
    ),
  );
  if (!items.length)
    $("accounts").append(h("li", { class: "empty" }, "None yet: the next order uses a guest token."));
}

function showPositions(items) {
  const rows = items.map(({ ticker, shares, spent }) => ({ cells: [ticker, shares, plain(spent)] }));
  $("positions").replaceChildren(
    rows.length ? table(COLUMNS, rows) : empty("None yet: settled orders are booked here."),
  );
}
