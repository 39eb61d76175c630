// What happened to the transaction that is shown, who did it, and what is next: as a support person sees it.
import { local } from "./calls.js";
import { $, badge, h, time } from "./dom.js";

const NAMES = { webhookId: "webhook", subject: "subject", client: "client", requestId: "request" };

// Requested each time: a history is a second or two behind.
export async function history(id) {
  const found = await local(`history/${encodeURIComponent(id)}`);
  $("history").replaceChildren(
    h("p", { class: "hint next" }, found.next),
    h("ol", { "aria-label": "History, oldest first" }, found.items.map(change)),
    ...(found.webhooks?.length
      ? [h("ul", { "aria-label": "Webhooks that changed nothing" }, found.webhooks.map(webhook))]
      : []),
  );
  $("history").hidden = false;
}

export function hideHistory() {
  $("history").hidden = true;
}

const change = ({ version, at, change: what, status, cause, orders = [], error, sdkError }) =>
  h(
    "li",
    {},
    h("time", { datetime: at }, time(at)),
    ` v${version} `,
    h("strong", {}, what),
    " ",
    status && badge(status),
    " ",
    cause && h("span", { class: "source" }, cause.kind),
    h("p", { class: "hint" }, [errorText(sdkError ?? error), named(cause)].filter(Boolean).join(" · ")),
    orders.length > 0 && h("ul", {}, orders.map(leg)),
  );

const leg = ({ transactionType, tradingsymbol, filledQuantity, quantity, previousStatus, status, errorCode }) =>
  h(
    "li",
    {},
    `${transactionType} ${tradingsymbol} ${filledQuantity}/${quantity} `,
    previousStatus && `${previousStatus} → `,
    badge(status),
    errorCode && ` ${errorCode}`,
  );

const webhook = ({ webhookId, receivedAt, kind, suspicion }) =>
  h(
    "li",
    {},
    h("time", { datetime: receivedAt }, time(receivedAt)),
    ` a webhook changed nothing: ${suspicion ?? kind} `,
    h("code", {}, webhookId.slice(0, 32)),
  );

const named = (cause) =>
  cause &&
  Object.entries(NAMES)
    .flatMap(([name, word]) => (cause[name] ? [`${word} ${cause[name]}`] : []))
    .join(", ");

const errorText = (error) => error && [error.reason, error.code, error.message].filter((each) => each != null).join(" ");
