// The order form: it calls the API, runs the Gateway's SDK, and posts the SDK's response to the API.
import { api, sim } from "./calls.js";
import { $, h } from "./dom.js";

const EXAMPLES = ["INFY", "RELIANCE", "TCS", "M&M", "BAJAJ-AUTO", "NIFTYBEES"];
const PRICES = { MARKET: [], LIMIT: ["price"], SL: ["price", "triggerPrice"], SLM: ["triggerPrice"] };
let count = 0;
let settings;

const field = (name, attributes, label) => {
  const input = h("input", { name, ...attributes });
  return [h("label", { class: name }, h("span", {}, label), input), input];
};

function addRow() {
  const n = ++count;
  const options = (names) => names.map((name) => h("option", {}, name));
  const [ticker] = field(
    "ticker",
    {
      value: EXAMPLES[(n - 1) % EXAMPLES.length],
      list: "tickers",
      required: true,
      spellcheck: "false",
      autocomplete: "off",
    },
    "Ticker",
  );
  const [quantity] = field(
    "quantity",
    { type: "number", min: 1, step: 1, value: 3, required: true },
    "Quantity",
  );
  const prices = [
    ["price", "Price ₹"],
    ["triggerPrice", "Trigger ₹"],
  ].map(([name, label]) => field(name, { type: "number", min: 0.05, step: 0.05 }, label));
  const kind = h("select", { name: "orderType", onchange: () => fit() }, options(Object.keys(PRICES)));
  const adapt = () =>
    prices.forEach(([label, input]) => {
      label.hidden = !PRICES[kind.value].includes(input.name);
      input.disabled = label.hidden;
      input.required = !label.hidden;
    });
  kind.addEventListener("change", adapt);
  const row = h(
    "fieldset",
    { class: "security" },
    h("legend", {}, `Security ${n}`),
    ticker,
    h(
      "label",
      { class: "type" },
      h("span", {}, "Side"),
      h("select", { name: "type" }, options(["BUY", "SELL"])),
    ),
    quantity,
    h("label", { class: "orderType" }, h("span", {}, "Type"), kind),
    n > 1 &&
      h(
        "button",
        {
          type: "button",
          class: "remove",
          "aria-label": `Remove security ${n}`,
          onclick: () => {
            row.remove();
            fit();
            $("more").focus();
          },
        },
        "✕",
      ),
    prices.map(([label]) => label),
  );
  adapt();
  $("rows").append(row);
  fit();
  return row;
}

function fit() {
  $("naming").hidden = $("rows").children.length < 2;
  $("limits").hidden = [...$("rows").querySelectorAll("[name=orderType]")].every(
    ({ value }) => value === "MARKET",
  );
}

function asked() {
  const securities = [...$("rows").children].map((row) => {
    const value = (name) => row.querySelector(`[name=${name}]`).value;
    const orderType = value("orderType");
    const prices = Object.fromEntries(PRICES[orderType].map((name) => [name, Number(value(name))]));
    return {
      ticker: value("ticker").trim().toUpperCase(),
      type: value("type"),
      quantity: Number(value("quantity")),
      orderType,
      ...prices,
    };
  });
  const form = $("order").elements;
  const names = $("naming").hidden ? [] : ["orderName", "orderLogo"].filter((name) => form[name].value);
  const config = Object.fromEntries(names.map((name) => [name, form[name].value]));
  return { securities, connect: form.connect.value, ...(names.length ? { config } : {}) };
}

let loading = null;
const script = () =>
  (loading ??= new Promise((done, failed) => {
    const onerror = () => {
      loading = null;
      failed(new Error("the SDK's script did not load"));
    };
    document.head.append(
      h("script", { src: `${settings.gatewayUrl}/scdk/2.0.0/scdk.js`, onload: done, onerror }),
    );
  }));

async function trade({ transactionId, gateway, sdkToken: { smallcaseAuthToken } }) {
  await script();
  const sdk = new window.scDK({ gateway, smallcaseAuthToken, config: { amo: true } });
  await sdk.init({ smallcaseAuthToken });
  try {
    return { resolved: await sdk.triggerTransaction({ transactionId }) };
  } catch ({ message, code, errorCode }) {
    return { rejected: { message, code, errorCode } };
  }
}

async function place(say) {
  say("Creating the transaction…");
  const created = await api("POST", "/transactions", asked(), { "idempotency-key": crypto.randomUUID() });
  say(`Created, with a ${created.sdkToken.kind} SDK token: the user trades in the Gateway's SDK.`);
  await tradeAndPost(created, say);
}

async function tradeAndPost(created, say) {
  const result = await trade(created);
  say("The SDK has ended. Posting its response to the API…");
  await api("POST", `/transactions/${created.transactionId}/sdk-response`, result);
  const { message, code } = result.rejected ?? {};
  say(
    result.resolved
      ? "The SDK resolved; its response was posted to the API."
      : `The SDK rejected: ${message}${code ? ` (${code})` : ""}; the API has its response.`,
  );
}

// A transaction that waits for its user is opened in the SDK again. The SDK takes an id only once: after the login, the
// console acts as the user through the simulator. Buttons for what the user can do.
export async function resumption({ id }) {
  const { status, smallcaseAuthId, orderRequested, more, expired, error } = await sim("GET", `/transactions/${id}`);
  const act = (verb) => () => sim("POST", `/transactions/${id}/${verb}`, {});
  if (expired || error.code != null || (orderRequested && !more)) return [];
  if (orderRequested)
    return [
      ["Finish the orders", act("finish")],
      ["Cancel them at the broker", act("cancel")],
    ];
  if (status !== "INITIALIZED" || smallcaseAuthId)
    return [
      ["Confirm the order", act("confirm")],
      ["Close the window", act("close")],
    ];
  return [
    [
      "Continue in the SDK",
      async (say) => {
        const sdkToken = await api("POST", "/sdk-tokens", {});
        say("The user trades in the Gateway's SDK.");
        await tradeAndPost({ transactionId: id, gateway: settings.gateway, sdkToken }, say);
      },
    ],
  ];
}

let isBusy = false;

// One order or action at a time: `work` gets `say`, for a line below the form.
export async function busy(work) {
  const say = (words) => ($("said").textContent = words);
  const button = $("order").querySelector(".go");
  if (isBusy) return say(`${$("said").textContent.replace(/ One at a time.*/, "")} One at a time: finish that first.`);
  isBusy = true;
  // Not `disabled`, which would lose the focus that the SDK gives back to the button.
  button.setAttribute("aria-disabled", "true");
  await work(say).catch((error) => say(error.message));
  button.removeAttribute("aria-disabled");
  isBusy = false;
}

// `done` is called when the user returns from the SDK, or did not reach it.
export function orderForm(served, done) {
  settings = served;
  $("tickers").append(...EXAMPLES.map((value) => h("option", { value })));
  addRow();
  $("more").addEventListener("click", () => addRow().querySelector("[name=ticker]").focus());
  $("order").addEventListener("submit", async (event) => {
    event.preventDefault();
    await busy(place);
    done();
  });
}
