// Buttons that inject faults: for the selected transaction, or for all until the fault is switched off.
import { sim } from "./calls.js";
import { $, h } from "./dom.js";

// A fill that did not happen.
const LIE = {
  orders: [{ status: "COMPLETE", filledQuantity: 99999, averagePrice: 0.05 }],
  status: "COMPLETED",
};
const DOWN = { kind: "status", status: 503 };

const firstHit = async (transactionId) => {
  const { webhooks } = await sim("GET", `/webhooks?transactionId=${transactionId}`);
  return Math.min(...webhooks.filter(({ origin }) => origin === "genuine").map(({ hit }) => hit));
};

const ONCE = [
  [
    "Duplicate",
    "the last webhook once more",
    (transactionId) => sim("POST", "/webhooks/duplicate", { transactionId }),
  ],
  [
    "Late",
    "the first webhook once more",
    async (id) => sim("POST", "/webhooks/replay", { hit: await firstHit(id), restamp: true }),
  ],
  [
    "Forged",
    "a made-up fill, wrong key",
    (transactionId) => sim("POST", "/webhooks/forge", { transactionId, changes: LIE, checksum: "wrong_key" }),
  ],
  [
    "Replayed",
    "another body, genuine checksum",
    (transactionId) => sim("POST", "/webhooks/forge", { transactionId, changes: LIE }),
  ],
];
const LASTING = [
  [
    "Lose webhooks",
    "none arrives until it is off",
    { webhooks: { lost: 1 } },
    ({ webhooks }) => webhooks?.lost === 1,
  ],
  [
    "Gateway down",
    "503 until it is off",
    { create: DOWN, details: DOWN, orders: DOWN },
    ({ create }) => create?.status === 503,
  ],
];

// `selected` returns the id of the selected transaction, or null.
export function faultButtons(selected) {
  const say = (words) => ($("fault-said").textContent = words);
  const button = (name, about, act, attributes = {}) => {
    const id = `about-${name.replaceAll(" ", "-")}`;
    const made = h(
      "button",
      {
        type: "button",
        "aria-describedby": id,
        ...attributes,
        onclick: () => act().catch((error) => say(error.message)),
      },
      name,
    );
    $("faults").append(h("li", {}, made, h("span", { id, class: "hint" }, about)));
    return made;
  };
  for (const [name, about, act] of ONCE) {
    button(name, about, async () => {
      if (!selected()) return say("Place or choose an order first.");
      await act(selected());
      return say(`${name}: injected. The result is in the timeline of the transaction.`);
    });
  }
  const standing = LASTING.map(([name, about, faults, isOn]) => {
    const made = button(
      name,
      about,
      async () => {
        const on = made.getAttribute("aria-pressed") !== "true";
        const others = standing.filter(
          (each) => each.made !== made && each.made.getAttribute("aria-pressed") === "true",
        );
        show(
          await sim(
            "PUT",
            "/faults",
            Object.assign({}, ...others.map((each) => each.faults), on ? faults : {}),
          ),
        );
        say(on ? `${name}: ${about}.` : `${name}: over. The next check of each open order pulls what was lost, a minute or more from now; Refresh pulls at once.`);
      },
      { "aria-pressed": "false" },
    );
    return { made, faults, isOn };
  });
  const show = (inForce) =>
    standing.forEach(({ made, isOn }) => made.setAttribute("aria-pressed", String(isOn(inForce))));
  sim("GET", "/faults")
    .then(show)
    .catch((error) => say(error.message));
}
