// Buttons that make something go wrong for the transaction that is shown, or for the Gateway as a whole.
import { sim } from "./calls.js";
import { $, h } from "./dom.js";

const DOWN = { kind: "status", status: 503 };
const standing = {};

// A forged fill: a price and a quantity that never were.
const LIE = { orders: [{ status: "COMPLETE", filledQuantity: 99999, averagePrice: 0.05 }], status: "COMPLETED" };

const firstHit = async (id) => {
  const hits = await sim("GET", `/webhooks?transactionId=${id}`);
  const genuine = (hits.webhooks ?? hits.hits ?? hits).filter(({ origin }) => origin === "genuine");
  return genuine.sort((a, b) => a.hit - b.hit)[0]?.hit;
};

const ONCE = [
  ["Duplicate", "the last webhook, word for word again", (id) => sim("POST", "/webhooks/duplicate", { transactionId: id })],
  ["Late", "the first webhook again, as a retry after two days", async (id) => sim("POST", "/webhooks/replay", { hit: await firstHit(id) })],
  ["Forged", "a made-up fill, signed with a wrong key", (id) => sim("POST", "/webhooks/forge", { transactionId: id, changes: LIE, checksum: "wrong_key" })],
  ["Replayed with another body", "a made-up fill under a genuine seal", (id) => sim("POST", "/webhooks/forge", { transactionId: id, changes: LIE })],
];

const LASTING = [
  ["Lose webhooks", "every webhook is lost until this is switched off", { webhooks: { lost: 1 } }],
  ["Gateway down", "every call to the Gateway answers 503 until this is switched off", { create: DOWN, details: DOWN, orders: DOWN }],
];

export function faultButtons(selected) {
  const say = (words) => ($("fault-said").textContent = words);
  const guarded = (act) => async (event) => {
    try {
      await act(event.currentTarget);
    } catch (error) {
      say(error.message);
    }
  };
  for (const [name, about, act] of ONCE) {
    $("faults").append(h("button", { type: "button", title: about, onclick: guarded(async () => {
      if (!selected()) return say("place or choose an order first");
      say(`${name}: ${about}`);
      await act(selected());
    }) }, name));
  }
  for (const [name, about, faults] of LASTING) {
    $("faults").append(h("button", { type: "button", title: about, "aria-pressed": "false", onclick: guarded(async (button) => {
      const on = button.getAttribute("aria-pressed") !== "true";
      if (on) standing[name] = faults;
      else delete standing[name];
      await sim("PUT", "/faults", Object.assign({}, ...Object.values(standing)));
      button.setAttribute("aria-pressed", on);
      say(on ? `${name}: ${about}` : `${name}: over; the sweep asks for what was missed`);
    }) }, name));
  }
  $("faults").append(h("button", { type: "button", title: "ask the Gateway now", class: "ask", onclick: guarded(async () => {
    if (!selected()) return say("place or choose an order first");
    const { api } = await import("./calls.js");
    const { status, confirmation } = await api("GET", `/transactions/${selected()}?refresh=true`);
    say(`asked the Gateway: ${status}${confirmation ? `, ${confirmation}` : ""}`);
  }) }, "Ask the Gateway now"));
}
