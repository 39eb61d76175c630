// The order form: to the API, then through the Gateway's SDK, then the SDK's answer back to the API.
import { api, local } from "./calls.js";
import { $, h } from "./dom.js";

const EXAMPLES = ["INFY", "RELIANCE", "TCS", "M&M", "BAJAJ-AUTO", "NIFTYBEES"];
let count = 0;
let settings;

function addRow() {
  const n = ++count;
  const price = h("label", { hidden: true }, "Price ₹", h("input", { name: "price", type: "number", min: "0.05", step: "0.05" }));
  const kind = h("select", { name: "orderType", onchange: () => (price.hidden = kind.value !== "LIMIT") },
    h("option", {}, "MARKET"), h("option", {}, "LIMIT"));
  const row = h("fieldset", { class: "security" },
    h("legend", {}, `Security ${n}`),
    h("label", {}, "Ticker", h("input", { name: "ticker", value: EXAMPLES[(n - 1) % EXAMPLES.length], required: true, spellcheck: "false" })),
    h("label", {}, "Side", h("select", { name: "type" }, h("option", {}, "BUY"), h("option", {}, "SELL"))),
    h("label", {}, "Quantity", h("input", { name: "quantity", type: "number", min: "1", step: "1", value: "3", required: true })),
    h("label", {}, "Type", kind), price,
    n > 1 && h("button", { type: "button", class: "small", "aria-label": `Remove security ${n}`, onclick: () => { row.remove(); fit(); } }, "✕"));
  $("rows").append(row);
  fit();
  return row;
}

const fit = () => ($("naming").hidden = $("rows").children.length < 2);

function asked() {
  const securities = [...$("rows").children].map((row) => {
    const field = (name) => row.querySelector(`[name=${name}]`).value;
    const security = { ticker: field("ticker"), type: field("type"), quantity: Number(field("quantity")), orderType: field("orderType") };
    return security.orderType === "LIMIT" ? { ...security, price: Number(field("price")) } : security;
  });
  const form = $("order").elements;
  const config = {};
  if (!$("naming").hidden && form.orderName.value) config.orderName = form.orderName.value;
  if (!$("naming").hidden && form.orderLogo.value) config.orderLogo = form.orderLogo.value;
  return { securities, connect: form.connect.value, ...(Object.keys(config).length ? { config } : {}) };
}

let loading;
const script = () => (loading ??= new Promise((done, failed) => {
  document.head.append(h("script", { src: `${settings.gatewayUrl}/scdk/2.0.0/scdk.js`, onload: done, onerror: () => failed(new Error("the SDK's script did not load")) }));
}));

async function trade({ transactionId, gateway, sdkToken: { smallcaseAuthToken } }) {
  await script();
  const sdk = new window.scDK({ gateway, smallcaseAuthToken, config: { amo: true } });
  await sdk.init({ smallcaseAuthToken });
  try {
    return { resolved: await sdk.triggerTransaction({ transactionId }) };
  } catch (error) {
    return { rejected: { message: error.message, code: error.code, errorCode: error.errorCode } };
  }
}

export function orderForm(served, chosen, done) {
  settings = served;
  addRow();
  $("more").addEventListener("click", () => addRow().querySelector("input").focus());
  $("order").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = $("order").querySelector(".go");
    const say = (words) => ($("said").textContent = words);
    button.disabled = true;
    say("creating the transaction…");
    try {
      const created = await api("POST", "/transactions", asked(), { "idempotency-key": crypto.randomUUID() });
      chosen(created.transactionId);
      say(`created, with a ${created.sdkToken.kind} SDK token; the Gateway's SDK takes over`);
      const result = await trade(created);
      await api("POST", `/transactions/${created.transactionId}/sdk-response`, result);
      say(result.resolved ? "the SDK resolved; its answer is with the API" : `the SDK rejected: ${result.rejected.message}`);
    } catch (error) {
      say(error.message);
    } finally {
      button.disabled = false;
      done();
    }
  });
}

export const served = () => local("settings");
