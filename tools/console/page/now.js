// The selected transaction: its state, its orders, and its fills over time.
import { $, badge, h, plain, table } from "./dom.js";
import { picture } from "./fills.js";
import { stage, title } from "./transactions.js";

const COLUMNS = [
  { name: "Security", kind: "name" },
  { name: "Filled", kind: "number" },
  { name: "Avg. ₹", kind: "number" },
  { name: "State" },
];

const WAYS = [
  ["Place an order.", "The backend creates a transaction at the Gateway."],
  ["Act as the user.", "In the Gateway's SDK: choose a broker, log in, confirm."],
  ["Watch.", "Each request, webhook, result and event is shown here as it happens, with its payload."],
  ["Inject a fault.", "The backend keeps the right state."],
];

export function now(entry) {
  if (!entry) {
    $("now").replaceChildren(
      h(
        "ol",
        { class: "ways" },
        WAYS.map(([what, how]) => h("li", {}, h("span", {}, h("b", {}, what), ` ${how}`))),
      ),
    );
    return;
  }
  const orders = entry.orders ?? [];
  const word = stage(entry);
  $("now").replaceChildren(
    h(
      "p",
      { class: "headline" },
      h("strong", {}, title(entry)),
      badge(entry.status ?? "not known"),
      word && badge(word),
      !entry.isAttempt && h("code", {}, entry.id),
    ),
    h("p", { class: "hint" }, meaning(entry)),
    orders.length
      ? h(
          "div",
          { class: "numbers" },
          h(
            "div",
            { class: "orders", tabindex: orders.length > 4 && "0", role: "group", "aria-label": "Orders" },
            table(COLUMNS, orders.map(row)),
          ),
          h("figure", { id: "fills" }, picture([...entry.events.values()])),
        )
      : "",
  );
}

const row = ({
  transactionType,
  tradingsymbol,
  filledQuantity = 0,
  quantity,
  averagePrice,
  status,
  errorCode,
}) => ({
  cells: [
    [h("span", { class: `side ${transactionType}` }, transactionType), ` ${tradingsymbol}`],
    `${filledQuantity}/${quantity}`,
    averagePrice && filledQuantity ? plain(averagePrice) : "",
    h("span", { class: "state" }, badge(status), errorCode ? ` ${errorCode}` : ""),
  ],
});

const isFilled = ({ filledQuantity }) => filledQuantity > 0;

// The meaning of the state for an integrator, and what happens next.
function meaning({ status, settled, confirmation, problem, orders = [], expireAt }) {
  if (status === null) return problem ? `Not known: ${problem}.` : "Not known here: it is read from the API.";
  if (status === "NOT CREATED") return `The transaction was not created: ${problem}.`;
  if (status === "FAILED") return `No orders follow, as the Gateway confirmed: ${problem}.`;
  if (settled && !orders.some(isFilled))
    return "Final, and confirmed by the Gateway with the backend's own credentials: nothing was executed, so there is nothing to book.";
  if (settled) return "Final, and confirmed by the Gateway with the backend's own credentials: book it.";
  if (confirmation === "reported" && status !== "PLACED")
    return "Reported by a webhook, whose checksum does not cover its body: the backend pulls the Gateway.";
  if (confirmation === "reported") return "Reported by a webhook: show it, do not book it.";
  if (confirmation === "confirmed") return "Confirmed by the Gateway, not final yet.";
  if (expireAt && Date.parse(expireAt) < Date.now())
    return "Expired in the Gateway: a check some minutes later confirms that no orders follow. Refresh pulls now.";
  return "Waits for the user in the Gateway's SDK.";
}
