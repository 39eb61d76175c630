// All transactions with their states, and what the signed-in user holds.
import { api, local, user } from "./calls.js";
import { $, badge, h, rupees, time } from "./dom.js";

// What is known of a transaction, from the events so far.
export function known(transactions, { kind, at, event, transactionId }) {
  const entry = transactions.get(transactionId) ?? transactions.set(transactionId, { id: transactionId, at, status: "CREATED", sequence: 0, events: [] }).get(transactionId);
  if (kind !== "bus") return entry;
  const { detail } = event;
  entry.events.push(event);
  entry.user = detail.notes ?? entry.user;
  if ((detail.sequence ?? 0) >= entry.sequence) {
    Object.assign(entry, { sequence: detail.sequence ?? entry.sequence, status: detail.status ?? entry.status });
    if (detail.confirmation) entry.confirmation = detail.confirmation;
    if (detail.orders) entry.orders = detail.orders;
    if (detail.requested) entry.requested = detail.requested;
  }
  if (event["detail-type"] === "OrdersSettled") entry.settled = true;
  return entry;
}

export const title = (entry) => {
  const name = entry.requested?.config?.orderName;
  const securities = entry.requested?.orderConfig?.securities ?? entry.orders ?? [];
  return name ?? (securities.map((each) => each.ticker ?? each.tradingsymbol).join(", ") || entry.id);
};

export function board(transactions, selected, choose) {
  const rows = [...transactions.values()].sort((a, b) => b.at.localeCompare(a.at)).map((entry) =>
    h("tr", { "aria-current": entry.id === selected && "true" },
      h("td", {}, h("button", { type: "button", class: "link", onclick: () => choose(entry.id) }, title(entry))),
      h("td", {}, entry.user ?? "—"),
      h("td", {}, badge(entry.status), entry.settled && entry.status !== "FAILED" ? " settled" : entry.confirmation ? ` ${entry.confirmation}` : ""),
      h("td", { class: "number" }, entry.sequence || "—"),
      h("td", { class: "number" }, time(entry.at))));
  $("board").replaceChildren(rows.length
    ? h("table", {}, h("thead", {}, h("tr", {}, ["Order", "User", "State", "Rev.", "Since"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows))
    : h("p", { class: "empty" }, "None yet. Place an order on the left."));
}

export function now(entry) {
  if (!entry) return $("now").replaceChildren(h("p", { class: "empty" }, "Place an order, or choose one below."));
  const orders = entry.orders ?? [];
  return $("now").replaceChildren(
    h("p", {}, h("strong", {}, title(entry)), " ", badge(entry.status), " ", entry.settled ? badge("settled") : entry.confirmation && badge(entry.confirmation),
      h("code", {}, entry.id)),
    orders.length ? h("ul", { class: "orders" }, orders.map((order) => h("li", {},
      h("span", { class: order.transactionType }, order.transactionType), " ", h("b", {}, order.tradingsymbol),
      ` ${order.filledQuantity ?? 0}/${order.quantity}`, order.averagePrice ? ` at ${rupees(order.averagePrice)}` : "", " ", badge(order.status)))) : "");
}

export async function holdings() {
  if (!user()) return;
  const [{ items: accounts }, { items: positions }] = await Promise.all([api("GET", "/accounts"), local(`positions?user=${encodeURIComponent(user())}`)]);
  $("accounts").replaceChildren(...(accounts.length ? accounts.map(({ broker, smallcaseAuthId }) => h("li", {},
    h("b", {}, broker ?? "broker"), " ", h("code", {}, smallcaseAuthId),
    h("button", { type: "button", class: "small", "aria-label": `Unlink ${broker}`, onclick: async () => { await api("DELETE", `/accounts/${smallcaseAuthId}`); await holdings(); } }, "unlink")))
    : [h("li", { class: "empty" }, "None: the next order is a guest's.")]));
  $("positions").replaceChildren(positions.length
    ? h("table", {}, h("thead", {}, h("tr", {}, ["Security", "Shares", "Spent"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, positions.map(({ ticker, shares, spent }) => h("tr", {}, h("td", {}, ticker), h("td", { class: "number" }, shares), h("td", { class: "number" }, rupees(spent))))))
    : h("p", { class: "empty" }, "None yet. Settled orders are booked here."));
}
