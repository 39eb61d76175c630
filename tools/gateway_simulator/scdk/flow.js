// The Gateway's screens: broker chooser, broker login, order confirmation, order status.
import { el, field, rupees, screen } from "./parts.js";

const $ = (id) => document.getElementById(id);
const TYPES = ["MARKET", "LIMIT", "SL", "SLM"];
const FINAL = new Set(["COMPLETED", "PARTIALLYFILLED", "UNFILLED", "UNPLACED", "CANCELLED", "MARKEDCOMPLETE"]);

const app = window.opener ?? window.parent; // where the SDK is
let start = null; // from the SDK: transactionId, brokers, linked, amo, gateway, csrf
let stage = "chooser"; // chooser → login → confirm → status, or over
let timer = 0;

const done = () => {
  clearTimeout(timer);
  app.postMessage({ scdk: "done" }, "*"); // contains nothing but the end of the flow
};

async function call(method, path, content = {}) {
  const sent = { transactionId: start.transactionId, ...content };
  const query = method === "GET" ? `?${new URLSearchParams(sent)}` : "";
  const answer = await fetch(`/gateway/${encodeURIComponent(start.gateway)}/${path}${query}`, {
    method,
    headers: { "content-type": "application/json", "x-sc-gateway": start.gateway, "x-sc-csrf": start.csrf },
    body: method === "GET" ? undefined : JSON.stringify(sent),
  });
  const body = await answer.json();
  if (!body.success) throw new Error(body.errors.join("; "));
  return body.data;
}

// Runs the action of a button, one at a time. An error is shown where a screen reader announces it.
const act = (work) => async (event) => {
  event?.preventDefault();
  const button = event?.submitter ?? event?.currentTarget;
  $("notice").textContent = "";
  if (button) button.disabled = true;
  try {
    await work(event);
  } catch (error) {
    $("notice").textContent = error.message;
  } finally {
    if (button) button.disabled = false;
  }
};

const STAGE_CODES = { chooser: 1010, login: 1011, confirm: 1012 };

function leave() {
  if (stage === "status" || stage === "over") return done();
  if ($("asking")) return $("stay").focus();
  const stay = el("button", { type: "button", id: "stay", onclick: () => $("asking").remove() }, "Stay");
  const go = act(async () => {
    const left = { status: "ERRORED", errorCode: STAGE_CODES[stage], errorMessage: "user_cancelled" };
    await call("POST", "transaction/markErrored", left).catch(() => {}); // the flow may be over already: the user can always leave
    done();
  });
  const asking = el("div", { id: "asking", className: "asking", role: "alertdialog" },
    el("p", { id: "asks" }, "Leave without placing the order?"),
    el("div", { className: "actions" },
      el("button", { type: "button", className: "go", id: "really", onclick: go }, "Leave"), stay));
  asking.setAttribute("aria-labelledby", "asks");
  document.body.append(asking);
  stay.focus();
  return undefined;
}

function chooseBroker() {
  stage = "chooser";
  const choose = (broker) => act(async () => {
    await call("POST", "transaction/update", { broker: broker.key });
    login(broker);
  });
  const withoutAccount = act(async () => {
    await call("POST", "transaction/markErrored", { status: "ERRORED", errorCode: 1007, errorMessage: "no_broker" });
    done();
  });
  screen("Choose your broker", "You will log in there and confirm the order.",
    el("ul", { className: "brokers" }, ...start.brokers.map((broker) =>
      el("li", {}, el("button", { type: "button", value: broker.key, onclick: choose(broker) }, broker.name)))),
    el("button", { type: "button", onclick: withoutAccount }, "I have no broker account"));
}

function login(broker) {
  stage = "login";
  const client = el("input", { name: "client", autocomplete: "off", spellcheck: false });
  const submit = act(async () => {
    const seen = await call("POST", "flow/login", { broker: broker.key, client: client.value.trim() });
    if (seen.error.value) return ended(seen.error);
    return seen.intent === "TRANSACTION" ? await confirm() : done();
  });
  const back = start.linked ? [] : [el("button", { type: "button", onclick: chooseBroker }, "Another broker")];
  screen(`Log in to ${broker.name}`,
    start.linked ? "Your account is linked. Log in to it to continue." : "Any client ID works here. Leave it empty to use your own.",
    el("form", { onsubmit: submit },
      field("Client ID (optional)", client),
      field("PIN (anything)", el("input", { type: "password", name: "pin", autocomplete: "off" })),
      el("div", { className: "actions" }, el("button", { className: "go" }, "Log in"), ...back)));
}

async function confirm() {
  stage = "confirm";
  const seen = await call("GET", "flow/screen");
  $("name").textContent = seen.config.orderName || "Order";
  const total = el("p", { className: "sum" });
  const rows = seen.securities.map((security) => row(security, seen, () => add()));
  const add = () => {
    const buys = rows.map((each) => each.value()).filter((each) => each.type === "BUY");
    const sum = buys.reduce((all, each) => all + each.quantity * each.estimate, 0);
    total.replaceChildren(el("span", {}, "To pay, about"), el("span", {}, rupees(sum)));
  };
  const scenario = el("select", { name: "scenario" },
    ...Object.entries(seen.scenarios).map(([name, about]) => el("option", { value: name }, `${name}: ${about}`)));
  const amo = !seen.market.marketOpen && seen.market.amoActive && start.amo;
  const submit = act(async ({ target }) => {
    const wrong = [...target.elements].find((field) => field.willValidate && !field.checkValidity());
    if (wrong) {
      wrong.focus();
      throw new Error(`${wrong.name}: ${wrong.name.startsWith("quantity") ? "a whole number, or 0 to leave it out" : wrong.validationMessage}`);
    }
    const securities = rows.map((each) => each.value()).filter((each) => each.quantity > 0)
      .map(({ estimate, ...wanted }) => wanted);
    if (!securities.length) throw new Error("Every quantity is 0: nothing would be ordered. Close leaves the order.");
    const how = seen.market.marketOpen ? {} : { amo };
    const now = await call("POST", "flow/confirm", { securities, scenario: scenario.value, ...how });
    return now.error.value ? ended(now.error) : await status();
  });
  const hours = seen.market.marketOpen ? "" : amo
    ? " The market is closed: this becomes an after-market order." : " The market is closed.";
  screen("Confirm your order", `At ${seen.broker.name}. You may change quantities.${hours}`,
    el("form", { onsubmit: submit, noValidate: true }, ...rows.map((each) => each.node), total,
      el("details", {}, el("summary", {}, "Simulator: choose the outcome"), field("Scenario", scenario)),
      el("div", { className: "actions" }, el("button", { className: "go" }, "Confirm order"))));
  add();
}

// One security on the confirmation screen: its fields and their current values.
function row(security, seen, changed) {
  const options = (values, chosen) => values.map((value) => el("option", { value, selected: value === chosen }, value));
  const number = (name, value, step, min) =>
    el("input", { name: `${name} ${security.ticker}`, type: "number", inputMode: "decimal", value, step, min, required: true });
  const quantity = number("quantity", security.quantity ?? 1, 1, 0);
  const side = el("select", { name: `side ${security.ticker}` }, ...options(["BUY", "SELL"], security.type ?? "BUY"));
  const types = seen.broker.limitOrders ? TYPES : ["MARKET"];
  const wanted = types.includes(security.orderType) ? security.orderType : "MARKET";
  const type = el("select", { name: `order type ${security.ticker}` }, ...options(types, wanted));
  const price = number("price", security.price ?? security.lastPrice, 0.05, 0.05);
  const trigger = number("trigger price", security.triggerPrice ?? security.lastPrice, 0.05, 0.05);
  const priceField = field("Price", price);
  const triggerField = field("Trigger price", trigger);
  const needs = () => ({ price: ["LIMIT", "SL"].includes(type.value), trigger: ["SL", "SLM"].includes(type.value) });
  const adapt = () => {
    for (const [node, input, needed] of [[priceField, price, needs().price], [triggerField, trigger, needs().trigger]]) {
      node.hidden = !needed;
      input.disabled = !needed;
    }
    changed();
  };
  const fields = [field("Side", side), field("Quantity", quantity)];
  if (types.length > 1) fields.push(field("Order type", type));
  const node = el("fieldset", { className: "row", oninput: adapt },
    el("legend", {}, security.ticker),
    el("div", { className: "fields" }, ...fields, priceField, triggerField),
    el("p", {}, `Last price ${rupees(security.lastPrice)} · you hold ${security.held}`));
  priceField.hidden = !needs().price;
  triggerField.hidden = !needs().trigger;
  price.disabled = !needs().price;
  trigger.disabled = !needs().trigger;
  return {
    node,
    value: () => ({
      ticker: security.ticker, type: side.value, quantity: Number(quantity.value), orderType: type.value,
      ...(needs().price && { price: Number(price.value) }),
      ...(needs().trigger && { triggerPrice: Number(trigger.value) }),
      estimate: needs().price ? Number(price.value) : security.lastPrice,
    }),
  };
}

const WORDS = {
  COMPLETED: "Your order is complete.", PARTIALLYFILLED: "Your order is partly complete.",
  UNFILLED: "Nothing was executed.", UNPLACED: "The order could not be placed.", CANCELLED: "The order was cancelled.",
  MARKEDCOMPLETE: "The order was closed by support.", PLACED: "Your order is placed with the broker.",
  PARTIALLYPLACED: "Part of your order is placed with the broker.",
  ERROR: "The broker has not reported the outcome of the order yet. We will find out.",
};

async function status() {
  stage = "status";
  const said = el("p", { role: "status" }, "Placing your order…");
  const list = el("ul", { className: "orders" });
  const cancel = el("button", { type: "button", hidden: true, onclick: act(() => call("POST", "flow/cancel")) }, "Cancel open orders");
  screen("Order status", "", said, list,
    el("div", { className: "actions" }, el("button", { type: "button", className: "go", id: "finish", onclick: done }, "Done"), cancel));
  const look = async () => {
    const { outcome, value } = await call("GET", "flow/result");
    const batch = outcome === "resolve" ? value.orderBatches[0] : null;
    if (batch) {
      const text = WORDS[batch.status] ?? batch.status;
      if (said.textContent !== text) said.textContent = text;
      list.replaceChildren(...[...batch.orders, ...batch.unplaced].map(line));
      cancel.hidden = !batch.orders.some((each) => ["PLACED"].includes(each.status));
    }
    if (!batch || !FINAL.has(batch.status)) timer = setTimeout(() => look().catch(show), 400);
  };
  const show = (error) => { $("notice").textContent = error.message; };
  await look();
}

const line = (order) => el("li", {},
  el("span", { className: `side ${order.transactionType}` }, order.transactionType),
  el("b", {}, order.tradingsymbol),
  el("span", {}, `${order.filledQuantity} of ${order.quantity}${order.averagePrice ? ` at ${rupees(order.averagePrice)}` : ""}`),
  el("span", { className: `state ${order.status.split(" ")[0]}` }, order.status));

function ended(error) {
  stage = "over";
  const why = {
    user_mismatch: "That is not the account linked here.",
    market_closed: "The market is closed, and after-market orders are not possible now.",
  }[error.message] ?? error.message;
  screen("The order was not placed", why,
    el("div", { className: "actions" }, el("button", { type: "button", className: "go", onclick: done }, "Back to the app")));
}

$("leave").addEventListener("click", leave);
window.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  if ($("asking")) $("asking").remove();
  else leave();
});
window.addEventListener("message", ({ source, data }) => {
  if (source !== app) return;
  if (data?.scdk === "leave") leave();
  if (data?.scdk !== "start" || start) return;
  start = data;
  const linked = data.brokers.find(({ key }) => key === data.linked);
  if (linked) login(linked);
  else chooseBroker();
});
app.postMessage({ scdk: "ready" }, "*");
